//! How records become events: one set of options from several variables.

use normalize::{Filter, Options, RawData, RulesError, SeverityRules};

use super::Env;

/// Longest filter, in bytes. Lambda gives a function 4 KiB for all names and values of its environment together; the fetcher's
/// others need about 1 KiB.
pub const FILTER_BYTES_MAX: usize = 1_536;

/// Longest list of severity rules, in bytes; see [`FILTER_BYTES_MAX`].
pub const SEVERITY_RULES_BYTES_MAX: usize = 1_024;

impl Env<'_> {
    /// The normalizer's options; what cannot be read is noted, and counts as absent.
    pub(super) fn options(&mut self) -> Options {
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

    /// `on` or `off`.
    pub(super) fn switch(&mut self, name: &str, default: bool) -> bool {
        match self.value(name).as_deref() {
            None => default,
            Some("on") => true,
            Some("off") => false,
            Some(_) => {
                self.faults.push(format!("{name} must be on or off"));
                default
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
        let mut env = Env::new(&get);
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
    fn what_is_wrong_is_told_under_the_variables_name() {
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
