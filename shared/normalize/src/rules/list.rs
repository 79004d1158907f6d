//! A list of rules, read from JSON with all faults at once.

use crate::json::{self, Value};
use std::fmt::{self, Display};

/// The members of a rule that are conditions.
const CONDITIONS: [&str; 5] = [
    "content_type",
    "operation",
    "record_type",
    "user",
    "workload",
];

/// Rules in one list. Each record is held against them one after the other.
pub const RULES_MAX: usize = 64;

/// Values of one condition.
pub const VALUES_MAX: usize = 64;

/// Bytes of one list of rules: what [`RULES_MAX`] rules of a few conditions need. The place it is kept in may allow less.
pub const RULES_BYTES_MAX: usize = 64 * 1024;

/// Faults that are told. Who wrote more of them reads the documentation first.
const FAULTS_MAX: usize = 20;

/// All that is wrong with a list of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RulesError {
    faults: Vec<String>,
}

impl Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join(", "))
    }
}

/// One rule while it is read.
pub(crate) struct RuleReader<'r, 'a> {
    rule: Value<'a>,
    number: usize,
    faults: &'r mut Vec<String>,
}

impl<'a> RuleReader<'_, 'a> {
    /// Notes that something is wrong with the rule.
    pub(crate) fn fault(&mut self, what: impl Display) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(format!("rule {}: {what}", self.number));
        }
    }

    /// A member that must be a string.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        let text = self.rule.get(key).and_then(Value::str);
        if text.is_none() {
            self.fault(format_args!("{key} is missing or no text"));
        }
        text.map(std::borrow::Cow::into_owned)
    }

    /// A member, if it is there.
    pub(crate) fn member(&self, key: &str) -> Option<Value<'a>> {
        self.rule.get(key)
    }
}

/// Reads a list of rules, each by `rule`, whose members beside the conditions are `more`.
///
/// # Errors
/// Everything that is wrong, by the number of the rule, from 1.
pub(crate) fn read<R>(
    text: &str,
    more: &[&str],
    mut rule: impl FnMut(&mut RuleReader<'_, '_>) -> Option<R>,
) -> Result<Vec<R>, RulesError> {
    let whole = |fault: String| RulesError {
        faults: vec![fault],
    };
    if text.len() > RULES_BYTES_MAX {
        return Err(whole(format!("is longer than {RULES_BYTES_MAX} bytes")));
    }
    let Ok(doc) = json::parse(text.as_bytes()) else {
        return Err(whole("is not JSON".to_owned()));
    };
    if !doc.root().is_array() {
        return Err(whole("is not a list of rules: [{...}, ...]".to_owned()));
    }
    if doc.lossy {
        return Err(whole("has a member twice, or broken UTF-16".to_owned()));
    }
    let mut faults = Vec::new();
    let mut rules = Vec::new();
    for (at, value) in doc.root().children().enumerate() {
        if at == RULES_MAX {
            faults.push(format!("has more than {RULES_MAX} rules"));
            break;
        }
        let mut reader = RuleReader {
            rule: value,
            number: at + 1,
            faults: &mut faults,
        };
        if !value.is_object() {
            reader.fault("is no object");
            continue;
        }
        for member in value.children().map(|member| member.key().cow()) {
            if !more.contains(&&*member) && !CONDITIONS.contains(&&*member) {
                let known = [more, &CONDITIONS[..]].concat().join(", ");
                reader.fault(format_args!(
                    "has an unknown member {member:?}, known are {known}"
                ));
            }
        }
        rules.extend(rule(&mut reader));
    }
    if faults.is_empty() {
        Ok(rules)
    } else {
        Err(RulesError { faults })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let read = read(text, &["name"], |reader| {
            super::super::matcher::Matcher::read(reader).into()
        });
        let error = read.map(|rules| rules.len()).unwrap_err().to_string();
        assert!(error.contains(expect), "{text}: {error}");
    }

    #[test]
    fn a_list_that_cannot_be_read_says_why() {
        check("", "is not JSON");
        check("{}", "is not a list of rules");
        check("[1]", "rule 1: is no object");
        check(r#"[{"user":"a","user":"b"}]"#, "a member twice");
        check(&" ".repeat(RULES_BYTES_MAX + 1), "is longer than");
        let many = format!("[{}{{}}]", "{},".repeat(RULES_MAX));
        check(&many, "has more than 64 rules");
    }

    #[test]
    fn a_member_that_nobody_reads_is_a_fault_with_the_known_ones() {
        check(
            r#"[{"usr":"a"}]"#,
            "rule 1: has an unknown member \"usr\", known are name, content_type, operation, record_type, user, workload",
        );
    }

    #[test]
    fn all_faults_are_told_at_once_and_not_without_end() {
        let error = read(r#"[{"a":1},{},{"b":1}]"#, &[], |_| Some(())).unwrap_err();
        assert!(error.to_string().contains("rule 1") && error.to_string().contains("rule 3"));
        let many = format!("[{}]", vec!["1"; RULES_MAX].join(","));
        let error = read(&many, &[], |_| Some(())).unwrap_err();
        assert_eq!(error.faults.len(), FAULTS_MAX);
    }
}
