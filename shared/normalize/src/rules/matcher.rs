//! The conditions of a rule.

use super::facts::RecordFacts;
use super::list::{RuleReader, VALUES_MAX};
use super::pattern::Pattern;
use crate::json::Value;
use crate::record::RecordType;

/// The conditions of a rule. A condition without values always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Matcher {
    content_types: Vec<Pattern>,
    operations: Vec<Pattern>,
    record_types: Vec<i64>,
    users: Vec<Pattern>,
    workloads: Vec<Pattern>,
}

impl Matcher {
    /// Parses the conditions of a rule and records their faults.
    pub(crate) fn read(reader: &mut RuleReader<'_, '_>) -> Self {
        Self {
            content_types: patterns(reader, "content_type"),
            operations: patterns(reader, "operation"),
            record_types: values(reader, "record_type", record_type),
            users: patterns(reader, "user"),
            workloads: patterns(reader, "workload"),
        }
    }

    /// Whether every condition holds.
    pub(crate) fn matches(&self, facts: &RecordFacts<'_>) -> bool {
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

fn patterns(reader: &mut RuleReader<'_, '_>, key: &str) -> Vec<Pattern> {
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
    let known =
        RecordType::from_name(&name).ok_or("is no record type of this release; give its number")?;
    Ok(i64::from(known as u16))
}

/// Parses one value or a list of values.
fn values<T>(
    reader: &mut RuleReader<'_, '_>,
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
        // An empty list would hold for every record, which nobody intends.
        reader.fault(format_args!("{key} has no value"));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::super::list::read;
    use super::*;

    const RECORD: &str = r#"{"Id":"a","RecordType":1,"Operation":"Set-Mailbox","Workload":"Exchange","UserId":"NT AUTHORITY\\SYSTEM (w3wp)"}"#;

    #[track_caller]
    fn check(rule: &str, expect: bool) {
        let rules = read(&format!("[{rule}]"), &[], |reader| {
            Some(Matcher::read(reader))
        })
        .unwrap();
        let facts = RecordFacts::of(RECORD.as_bytes(), Some("Audit.Exchange")).unwrap();
        assert_eq!(rules[0].matches(&facts), expect, "{rule}");
    }

    #[test]
    fn all_conditions_and_one_value_of_each_must_match() {
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
    fn a_record_type_can_be_a_number_or_a_name() {
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
    fn a_condition_on_a_missing_member_does_not_hold() {
        let read = read(
            r#"[{"user":"a"},{"record_type":1},{"content_type":"x"},{"user":"*"}]"#,
            &[],
            |reader| Some(Matcher::read(reader)),
        );
        let found: Vec<bool> = read
            .unwrap()
            .iter()
            .map(|rule| rule.matches(&RecordFacts::default()))
            .collect();
        assert_eq!(found, [false, false, false, true]);
    }

    #[test]
    fn meaningless_values_are_faults() {
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
