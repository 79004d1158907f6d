//! What happened to a record, for metrics.

use crate::json::Doc;
use crate::mapping::MatchedBy;
use crate::record::{self, Record};
use crate::rules::Decision;
use std::borrow::Cow;

/// What [`fn@crate::event`] did with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<'r> {
    /// Whether there is an event, and which route it takes.
    pub decision: Decision,
    /// What this release does not know about the record; `None` for nearly all records, and for dropped ones.
    pub unknown: Option<Unknown<'r>>,
}

/// A record that no rule was written for. It still becomes an event. Such records are an early warning of a change at
/// Microsoft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown<'r> {
    /// `RecordType`, if it is a number.
    pub record_type: Option<i64>,
    /// `Operation`, verbatim.
    pub operation: Cow<'r, str>,
    /// The record type is not a number or in none of Microsoft's tables.
    pub is_type: bool,
    /// Nothing is known of what was done: no rule knew the operation, and the record type is unknown or the operation
    /// has no verb in its name.
    pub is_operation: bool,
}

/// What is unknown about a record. A record without Id or Operation is broken rather than unknown, and is not counted
/// here.
pub(crate) fn unknown<'r>(
    doc: Doc<'_, 'r>,
    record: &Record<'_>,
    matched_by: MatchedBy,
) -> Option<Unknown<'r>> {
    let is_type = record.record_type.is_none();
    // For documented types without rules, the verb is the mapping: a record with a known verb is not unknown.
    let is_operation = match matched_by {
        MatchedBy::Rule => false,
        MatchedBy::Verb => is_type,
        MatchedBy::Nothing => true,
    };
    if record.nameless || !(is_type || is_operation) {
        return None;
    }
    Some(Unknown {
        record_type: record.record_type_id,
        operation: record::name(doc, "Operation").unwrap_or_default(),
        is_type,
        is_operation,
    })
}

#[cfg(test)]
mod tests {
    use crate::{Context, Options, event};

    /// (type unknown, operation unknown) for a record of this type and operation.
    #[track_caller]
    fn check(record_type: &str, operation: &str, expect: Option<(bool, bool)>) {
        let record =
            format!(r#"{{"Id":"a","RecordType":{record_type},"Operation":"{operation}"}}"#);
        let options = Options::default();
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        let outcome = event(record.as_bytes(), &context, &mut Vec::new());
        let found = outcome.unknown.map(|unknown| {
            assert_eq!(unknown.operation, operation);
            (unknown.is_type, unknown.is_operation)
        });
        assert_eq!(found, expect, "{record}");
    }

    #[test]
    fn a_record_with_a_rule_is_known() {
        check("15", "UserLoggedIn", None);
        check("1", "Set-Anything", None);
        check("20", "ViewReport", None);
    }

    #[test]
    fn unknown_types_and_unknown_operations_are_told_apart() {
        check("9999", "SomethingCreated", Some((true, true)));
        check("9999", "UserLoggedIn", Some((true, false)));
        check("12", "Blub", Some((false, true)));
        check(r#""Sway""#, "SomethingCreated", Some((true, true)));
    }

    #[test]
    fn a_verb_is_enough_for_a_type_without_rules() {
        check("12", "SwayViewed", None);
        check("73", "ShiftAdded.", None);
    }

    #[test]
    fn a_documented_operation_without_a_verb_is_known() {
        check("29", "UserSubmission", None);
        check("9999", "UserSubmission", Some((true, true)));
    }

    #[test]
    fn a_record_that_lacks_what_its_rule_requires_is_known() {
        check("28", "TIMailData", None);
        check("43", "MipLabel", None);
    }

    #[test]
    fn a_disputed_type_is_known() {
        check("187", "LaunchPowerApp", None);
        check("431", "ThreadViewed", None);
        check("431", "Blub", Some((false, true)));
    }

    #[test]
    fn bytes_that_are_not_a_record_are_not_unknown() {
        let options = Options::default();
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        for record in ["{}", "1", "nonsense", r#"{"Id":"a","RecordType":9999}"#] {
            let outcome = event(record.as_bytes(), &context, &mut Vec::new());
            assert_eq!(outcome.unknown, None, "{record}");
        }
    }
}
