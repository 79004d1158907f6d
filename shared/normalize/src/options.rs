//! What an operator can configure about events.

use std::fmt;
use std::str::FromStr;

use crate::rules::{Filter, SeverityRules};
use crate::version::OcsfVersion;

/// How events are made, for all records of a deployment. [`Options::default`] is a deployment without settings.
#[derive(Debug, Clone)]
pub struct Options {
    /// When the record's own text is included in the event.
    pub raw_data: RawData,
    /// The version of OCSF that events must be valid in. Ignored for ECS documents.
    pub version: OcsfVersion,
    /// The schema that events are written in.
    pub schema: Schema,
    /// Whether secrets are replaced by `[redacted]`: text matched by data loss prevention, passwords, keys, tokens.
    pub redact: bool,
    /// Which records become events, and which route the events take.
    pub filter: Filter,
    /// The operator's own severity rules.
    pub severity: SeverityRules,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            raw_data: RawData::default(),
            version: OcsfVersion::default(),
            schema: Schema::default(),
            redact: true,
            filter: Filter::default(),
            severity: SeverityRules::default(),
        }
    }
}

/// A schema that events can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schema {
    /// The Open Cybersecurity Schema Framework, in [`Options::version`].
    #[default]
    Ocsf,
    /// The Elastic Common Schema, 8.11.0, with the fields of Elastic's integration `o365`.
    Ecs,
}

impl Schema {
    /// The name in the settings and of the lake's folder: `ocsf` or `ecs`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
        }
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be ocsf or ecs")]
pub struct UnknownSchema;

impl FromStr for Schema {
    type Err = UnknownSchema;

    fn from_str(text: &str) -> Result<Self, UnknownSchema> {
        match text {
            "ocsf" => Ok(Self::Ocsf),
            "ecs" => Ok(Self::Ecs),
            _ => Err(UnknownSchema),
        }
    }
}

/// When an event includes its record's text in `raw_data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RawData {
    /// In every event, which about doubles its size.
    Always,
    /// When the event does not hold the whole record otherwise: records that cannot be read or have no Id or Operation,
    /// and records with repeated keys or broken UTF-16.
    #[default]
    Unmapped,
    /// Never: the raw copy in the lake is the only copy.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_parsed_from_its_name() {
        for schema in [Schema::Ocsf, Schema::Ecs] {
            assert_eq!(schema.to_string().parse(), Ok(schema));
        }
        assert_eq!("ECS".parse::<Schema>(), Err(UnknownSchema));
    }
}
