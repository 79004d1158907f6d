//! Parses a list of rules and reports all faults at once.

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

/// Most rules in one list: rules are checked one by one for each record.
pub const RULES_MAX: usize = 64;

/// Most values of one condition.
pub const VALUES_MAX: usize = 64;

/// Longest list of rules in bytes: enough for [`RULES_MAX`] rules with a few conditions. Where the list is stored may
/// allow less.
pub const RULES_BYTES_MAX: usize = 64 * 1024;

/// Most faults that are reported: enough to see what is wrong.
const FAULTS_MAX: usize = 20;

/// All faults in a list of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RulesError {
    faults: Vec<String>,
}

impl Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join(", "))
    }
}

/// One rule while it is being parsed.
pub(crate) struct RuleReader<'r, 'a> {
    rule: Value<'a>,
    number: usize,
    faults: &'r mut Vec<String>,
}

impl<'a> RuleReader<'_, 'a> {
    /// Records a fault in the rule.
    pub(crate) fn fault(&mut self, what: impl Display) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(format!("rule {}: {what}", self.number));
        }
    }

    /// The text of a member, which must be a string.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        let text = self.rule.get(key).and_then(Value::str);
        if text.is_none() {
            self.fault(format_args!("{key} is missing or no text"));
        }
        text.map(std::borrow::Cow::into_owned)
    }

    /// A member, if present.
    pub(crate) fn member(&self, key: &str) -> Option<Value<'a>> {
        self.rule.get(key)
    }
}

/// Parses a list of rules with `rule`, which is called for each. `more` names the members that are not conditions.
///
/// # Errors
/// All faults, with the number of the rule, counted from 1.
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
    fn a_list_that_cannot_be_parsed_says_why() {
        check("", "is not JSON");
        check("{}", "is not a list of rules");
        check("[1]", "rule 1: is no object");
        check(r#"[{"user":"a","user":"b"}]"#, "a member twice");
        check(&" ".repeat(RULES_BYTES_MAX + 1), "is longer than");
        let many = format!("[{}{{}}]", "{},".repeat(RULES_MAX));
        check(&many, "has more than 64 rules");
    }

    #[test]
    fn an_unknown_member_is_a_fault_that_lists_the_known_ones() {
        check(
            r#"[{"usr":"a"}]"#,
            "rule 1: has an unknown member \"usr\", known are name, content_type, operation, record_type, user, workload",
        );
    }

    #[test]
    fn all_faults_are_reported_at_once_up_to_a_limit() {
        let error = read(r#"[{"a":1},{},{"b":1}]"#, &[], |_| Some(())).unwrap_err();
        assert!(error.to_string().contains("rule 1") && error.to_string().contains("rule 3"));
        let many = format!("[{}]", vec!["1"; RULES_MAX].join(","));
        let error = read(&many, &[], |_| Some(())).unwrap_err();
        assert_eq!(error.faults.len(), FAULTS_MAX);
    }
}
