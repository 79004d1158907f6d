//! How the fetcher makes events of records.

use std::str::FromStr;

use normalize::{Filter, Options, RawData, RulesError, SeverityRules};

use super::variables::Variables;
use crate::store::lake::Codec;

/// Longest filter, in bytes. Lambda gives a function 4 KiB for all names and values of its environment together; the fetcher's
/// others need about 1 KiB.
pub const FILTER_BYTES_MAX: usize = 1_536;

/// Longest list of severity rules, in bytes; see [`FILTER_BYTES_MAX`].
pub const SEVERITY_RULES_BYTES_MAX: usize = 1_024;

/// How records that arrive in several blobs are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordDedupe {
    /// Each (tenant, record Id) is written once, by the first blob that claims it. A few conditional writes per blob.
    #[default]
    Record,
    /// Each blob is written once; a record that Microsoft put into two blobs is written twice. No claims.
    Blob,
}

impl FromStr for RecordDedupe {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "record" => Ok(Self::Record),
            "blob" => Ok(Self::Blob),
            _ => Err("must be record or blob"),
        }
    }
}

/// How the fetcher writes events. The default is what a deployment without settings does.
#[derive(Clone, Debug, Default)]
pub struct EventSettings {
    /// `RECORD_DEDUPE`: `record` (default) or `blob`
    pub dedupe: RecordDedupe,
    /// How a record becomes an event. `RAW_DATA`: when an event carries its original: `always`, `unmapped` (default) or
    /// `never`; `SCHEMA`: `ocsf` (default) or `ecs`; `OCSF_VERSION`: the version of OCSF that events are valid in: `1.8.0`
    /// (default) down to `1.1.0`; `REDACT`: `on` (default) or `off`; `FILTER`, `SEVERITY_RULES`: rules of the operator's own
    pub options: Options,
    /// `REDACT_RAW`: raw copies are stored without secrets: `on` or `off` (default)
    pub redact_raw: bool,
    /// `LAKE_COMPRESSION`: of events, `gzip` (default) or `zstd`
    pub codec: Codec,
}

impl Variables<'_> {
    pub(super) fn events(&mut self) -> EventSettings {
        EventSettings {
            dedupe: self.optional("RECORD_DEDUPE").unwrap_or_default(),
            options: self.options(),
            redact_raw: self.switch("REDACT_RAW", false),
            codec: self.optional("LAKE_COMPRESSION").unwrap_or_default(),
        }
    }

    /// The normalizer's options. What cannot be read is a fault, and counts as absent.
    fn options(&mut self) -> Options {
        Options {
            raw_data: self.raw_data(),
            version: self.optional("OCSF_VERSION").unwrap_or_default(),
            schema: self.optional("SCHEMA").unwrap_or_default(),
            redact: self.switch("REDACT", true),
            filter: self.rules("FILTER", FILTER_BYTES_MAX, Filter::parse),
            severity: self.rules(
                "SEVERITY_RULES",
                SEVERITY_RULES_BYTES_MAX,
                SeverityRules::parse,
            ),
        }
    }

    fn raw_data(&mut self) -> RawData {
        match self.value("RAW_DATA").as_deref() {
            Some("always") => RawData::Always,
            Some("never") => RawData::Never,
            None | Some("unmapped") => RawData::Unmapped,
            Some(_) => {
                self.faults
                    .push("RAW_DATA must be always, unmapped or never".to_owned());
                RawData::Unmapped
            }
        }
    }

    fn rules<T: Default>(
        &mut self,
        name: &str,
        bytes_max: usize,
        parse: impl Fn(&str) -> Result<T, RulesError>,
    ) -> T {
        let Some(text) = self.value(name) else {
            return T::default();
        };
        let read = if text.len() > bytes_max {
            Err(format!("is longer than {bytes_max} bytes"))
        } else {
            parse(&text).map_err(|error| error.to_string())
        };
        read.unwrap_or_else(|why| {
            self.faults.push(format!("{name} {why}"));
            T::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(name: &str, value: &str) -> (Options, Vec<String>) {
        let get = |asked: &str| (asked == name).then(|| value.to_owned());
        let mut env = Variables::new(&get);
        (env.options(), env.faults)
    }

    #[test]
    fn rules_are_read_from_one_variable_each() {
        let (options, faults) = options("FILTER", r#"[{"name":"all","action":"drop"}]"#);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(options.filter.names().collect::<Vec<_>>(), ["all"]);
        assert!(options.severity.is_empty());
    }

    #[test]
    fn secrets_are_redacted_unless_that_is_off() {
        assert!(options("X", "").0.redact);
        assert!(options("REDACT", "on").0.redact);
        assert!(!options("REDACT", "off").0.redact);
    }

    #[test]
    fn faults_are_reported_with_the_variables_name() {
        let check = |name: &str, value: &str, expect: &str| {
            let (_, faults) = options(name, value);
            assert_eq!(faults, [expect], "{name} {value}");
        };
        check(
            "FILTER",
            "[{}]",
            "FILTER rule 1: name is missing or no text, rule 1: action is missing or no text",
        );
        check("REDACT", "no", "REDACT must be on or off");
        check("SEVERITY_RULES", "{", "SEVERITY_RULES is not JSON");
        check(
            "FILTER",
            &format!("[{}]", " ".repeat(FILTER_BYTES_MAX)),
            "FILTER is longer than 1536 bytes",
        );
    }
}
