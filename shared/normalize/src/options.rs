//! What an operator may choose about events.

use std::fmt;
use std::str::FromStr;

use crate::rules::{Filter, SeverityRules};
use crate::version::OcsfVersion;

/// How events are made, for all records of a deployment. [`Options::default`] is what a deployment without settings does.
#[derive(Debug, Clone)]
pub struct Options {
    /// When the record's own text goes into the event.
    pub raw_data: RawData,
    /// The version of OCSF that events are valid in; of no effect on documents of ECS.
    pub version: OcsfVersion,
    /// The schema that events are written in.
    pub schema: Schema,
    /// Secrets are replaced by `[redacted]`: what data loss prevention matched, passwords, keys, tokens.
    pub redact: bool,
    /// Which records become events, and where they go.
    pub filter: Filter,
    /// The operator's own severities.
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

/// A schema of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schema {
    /// The Open Cybersecurity Schema Framework, in [`Options::version`].
    #[default]
    Ocsf,
    /// The Elastic Common Schema, 8.11.0, with the fields of Elastic's integration `o365`.
    Ecs,
}

impl Schema {
    /// The name in settings, and of the lake's folder: `ocsf` or `ecs`.
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

/// A text that names no schema.
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

/// When an event carries its record's text in `raw_data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RawData {
    /// In every event: about doubles the size.
    Always,
    /// When the event does not hold all of it otherwise: records that cannot be read or have no Id or Operation, and
    /// records with repeated keys or broken UTF-16.
    #[default]
    Unmapped,
    /// In no event: the raw copy in the lake is the only one.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_read_by_the_name_it_is_written_with() {
        for schema in [Schema::Ocsf, Schema::Ecs] {
            assert_eq!(schema.to_string().parse(), Ok(schema));
        }
        assert_eq!("ECS".parse::<Schema>(), Err(UnknownSchema));
    }
}
