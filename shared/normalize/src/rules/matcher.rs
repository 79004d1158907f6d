//! The conditions of a rule, and what of a record they look at.

use super::pattern::Pattern;
use super::{Reader, VALUES_MAX};
use crate::json::{Kind, Value};
use crate::record::is_noise;
use crate::{Malformed, identify, record_types};
use std::borrow::Cow;

/// The members of a rule that are conditions.
pub(super) const CONDITIONS: [&str; 5] = [
    "content_type",
    "operation",
    "record_type",
    "user",
    "workload",
];

/// What rules look at in a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The subscription that the record came by; `None` for records from a file.
    pub content_type: Option<&'a str>,
    /// `RecordType`, when it is a number.
    pub record_type: Option<i64>,
    /// `Operation`, verbatim; empty when there is none or a word that says so.
    pub operation: Cow<'a, str>,
    /// `Workload`, as above.
    pub workload: Cow<'a, str>,
    /// `UserId`, as above.
    pub user: Cow<'a, str>,
}

impl<'a> Facts<'a> {
    /// Reads the facts of a record, without normalizing it.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no record.
    pub fn of(record: &'a [u8], content_type: Option<&'a str>) -> Result<Self, Malformed> {
        let doc = identify::read(record)?;
        let text = |key| {
            let value = match doc.doc().member(key) {
                Some(Kind::Text(text)) => text.cow(),
                Some(Kind::Number(number)) => Cow::Borrowed(number),
                Some(Kind::Bool(value)) => Cow::Borrowed(if value { "true" } else { "false" }),
                _ => Cow::Borrowed(""),
            };
            if is_noise(&value) {
                Cow::Borrowed("")
            } else {
                value
            }
        };
        Ok(Self {
            content_type,
            record_type: doc.root().get("RecordType").and_then(Value::int),
            operation: text("Operation"),
            workload: text("Workload"),
            user: text("UserId"),
        })
    }
}

/// The conditions of a rule; one without values holds always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Matcher {
    content_types: Vec<Pattern>,
    operations: Vec<Pattern>,
    record_types: Vec<i64>,
    users: Vec<Pattern>,
    workloads: Vec<Pattern>,
}

impl Matcher {
    /// Reads the conditions of a rule; what is wrong with them is noted.
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Self {
        Self {
            content_types: patterns(reader, "content_type"),
            operations: patterns(reader, "operation"),
            record_types: values(reader, "record_type", record_type),
            users: patterns(reader, "user"),
            workloads: patterns(reader, "workload"),
        }
    }

    /// Every condition holds.
    pub(crate) fn matches(&self, facts: &Facts<'_>) -> bool {
        let any = |patterns: &[Pattern], text: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(text))
        };
        let types = &self.record_types;
        let of_type = types.is_empty()
            || facts
                .record_type
                .is_some_and(|number| types.contains(&number));
        of_type
            && any(&self.operations, &facts.operation)
            && any(&self.users, &facts.user)
            && any(&self.workloads, &facts.workload)
            && any(&self.content_types, facts.content_type.unwrap_or_default())
    }
}

fn patterns(reader: &mut Reader<'_, '_>, key: &str) -> Vec<Pattern> {
    values(reader, key, |value| {
        let text = value.str().ok_or("is no text")?;
        Pattern::new(&text)
    })
}

/// A record type by its number or by Microsoft's name for it.
fn record_type(value: Value<'_>) -> Result<i64, &'static str> {
    if let Some(number) = value.int() {
        return Ok(number);
    }
    let name = value.str().ok_or("is neither a number nor a name")?;
    record_types::number(&name).ok_or("is no record type of this release; give its number")
}

/// One value, or a list of some.
fn values<T>(
    reader: &mut Reader<'_, '_>,
    key: &str,
    read: impl Fn(Value<'_>) -> Result<T, &'static str>,
) -> Vec<T> {
    let Some(member) = reader.member(key) else {
        return Vec::new();
    };
    let mut values = Vec::new();
    for value in member.elements() {
        if values.len() == VALUES_MAX {
            reader.fault(format_args!("{key} has more than {VALUES_MAX} values"));
            break;
        }
        match read(value) {
            Ok(value) => values.push(value),
            Err(why) => reader.fault(format_args!("{key} {why}")),
        }
    }
    if member.elements().next().is_none() {
        // An empty list would hold of everything, which nobody means.
        reader.fault(format_args!("{key} has no value"));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::read;

    const RECORD: &str = r#"{"Id":"a","RecordType":1,"Operation":"Set-Mailbox","Workload":"Exchange","UserId":"NT AUTHORITY\\SYSTEM (w3wp)"}"#;

    #[track_caller]
    fn check(rule: &str, expect: bool) {
        let rules = read(&format!("[{rule}]"), &[], |reader| {
            Some(Matcher::read(reader))
        })
        .unwrap();
        let facts = Facts::of(RECORD.as_bytes(), Some("Audit.Exchange")).unwrap();
        assert_eq!(rules[0].matches(&facts), expect, "{rule}");
    }

    #[test]
    fn every_condition_must_hold_and_one_value_is_enough() {
        check("{}", true);
        check(r#"{"user":"nt authority\\*"}"#, true);
        check(r#"{"user":"nt authority\\*","operation":"New-*"}"#, false);
        check(
            r#"{"operation":["New-*","Set-*"],"workload":"exchange"}"#,
            true,
        );
        check(r#"{"content_type":"Audit.Exchange"}"#, true);
        check(r#"{"content_type":"Audit.General"}"#, false);
    }

    #[test]
    fn a_record_type_has_a_number_and_a_name() {
        for holds in [
            "1",
            r#""1""#,
            r#""ExchangeAdmin""#,
            r#""exchangeadmin""#,
            "[15,1]",
        ] {
            check(&format!(r#"{{"record_type":{holds}}}"#), true);
        }
        check(r#"{"record_type":[15,"ExchangeItem"]}"#, false);
    }

    #[test]
    fn the_facts_of_the_bytes_are_those_of_the_parsed_record() {
        for value in [
            "\"Add user.\"",
            "\"a\\\\b\"",
            "\"None\"",
            "\" \"",
            "12",
            "true",
            "null",
            "[]",
        ] {
            let text = format!(
                r#"{{"Id":"a","RecordType":{value},"Operation":{value},"Workload":{value},"UserId":{value}}}"#
            );
            let doc = crate::json::parse(text.as_bytes()).unwrap();
            let record = crate::record::Record::new(doc.doc());
            let facts = Facts::of(text.as_bytes(), Some("x")).unwrap();
            assert_eq!(facts, record.facts(Some("x")), "{text}");
        }
    }

    #[test]
    fn a_condition_on_what_a_record_lacks_does_not_hold() {
        let read = read(
            r#"[{"user":"a"},{"record_type":1},{"content_type":"x"},{"user":"*"}]"#,
            &[],
            |reader| Some(Matcher::read(reader)),
        );
        let found: Vec<bool> = read
            .unwrap()
            .iter()
            .map(|rule| rule.matches(&Facts::default()))
            .collect();
        assert_eq!(found, [false, false, false, true]);
    }

    #[test]
    fn values_that_mean_nothing_are_faults() {
        for (rule, expect) in [
            (r#"{"user":[]}"#, "user has no value"),
            (r#"{"user":1}"#, "user is no text"),
            (r#"{"user":""}"#, "user is blank"),
            (r#"{"record_type":true}"#, "record_type is neither"),
            (
                r#"{"record_type":"Exchange"}"#,
                "record_type is no record type",
            ),
            (r#"{"record_type":null}"#, "record_type is neither"),
        ] {
            let text = format!("[{rule}]");
            let error = read(&text, &[], |reader| Some(Matcher::read(reader))).unwrap_err();
            assert!(error.to_string().contains(expect), "{rule}: {error}");
        }
        let many = format!(r#"[{{"record_type":[{}1]}}]"#, "1,".repeat(VALUES_MAX));
        assert!(read(&many, &[], |reader| Some(Matcher::read(reader))).is_err());
    }
}
