//! What rules look at in a record.

use crate::json::{Kind, Value};
use crate::record::{self, Malformed};
use crate::record::{Record, is_noise};
use std::borrow::Cow;

/// What rules look at in a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFacts<'a> {
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

impl<'a> RecordFacts<'a> {
    /// Reads the facts of a record, without normalizing it.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no record.
    pub fn of(record: &'a [u8], content_type: Option<&'a str>) -> Result<Self, Malformed> {
        let doc = record::read(record)?;
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

    /// The same, of a record that was read already.
    pub(crate) fn of_record(record: &'a Record<'_>, content_type: Option<&'a str>) -> Self {
        let text = |of: &'a Option<Cow<'_, str>>| Cow::Borrowed(of.as_deref().unwrap_or_default());
        Self {
            content_type,
            record_type: record.record_type_id,
            operation: text(&record.operation),
            workload: text(&record.workload),
            user: record.text("UserId").unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let record = Record::new(doc.doc());
            let facts = RecordFacts::of(text.as_bytes(), Some("x")).unwrap();
            assert_eq!(facts, RecordFacts::of_record(&record, Some("x")), "{text}");
        }
    }
}
