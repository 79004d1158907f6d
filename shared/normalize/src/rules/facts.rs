//! The members of a record that rules look at.

use crate::json::{Kind, Value};
use crate::record::{self, Malformed, Record, is_noise};
use std::borrow::Cow;

/// The members of a record that rules look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFacts<'a> {
    /// The subscription that the record was fetched by; `None` for records from a file.
    pub content_type: Option<&'a str>,
    /// `RecordType`, if it is a number.
    pub record_type: Option<i64>,
    /// `Operation`, verbatim; empty if it is missing or a word for "no value".
    pub operation: Cow<'a, str>,
    /// `Workload`, in the same form.
    pub workload: Cow<'a, str>,
    /// `UserId`, in the same form.
    pub user: Cow<'a, str>,
}

impl<'a> RecordFacts<'a> {
    /// Reads these members without normalizing the record.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are not a record.
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

    /// The same, for a record that has been parsed.
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
    fn facts_are_the_same_from_bytes_and_from_a_record() {
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
