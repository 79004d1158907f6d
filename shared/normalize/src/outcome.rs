//! What became of a record, for whoever counts.

use crate::json::Doc;
use crate::mapping::MatchedBy;
use crate::record;
use crate::record::Record;
use crate::rules::Decision;
use std::borrow::Cow;

/// What [`fn@crate::event`] did with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<'r> {
    /// Whether there is an event, and where it belongs.
    pub decision: Decision,
    /// What the record shows that this release does not know; `None` for nearly all, and for what is dropped.
    pub unknown: Option<Unknown<'r>>,
}

/// A record that no rule was written for. It has an event all the same; that it came is an early warning of a change at
/// Microsoft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown<'r> {
    /// `RecordType`, when it is a number.
    pub record_type: Option<i64>,
    /// `Operation`, verbatim.
    pub operation: Cow<'r, str>,
    /// The record type is in none of Microsoft's tables, or is no number.
    pub is_type: bool,
    /// No rule knew the operation, and it is of an unknown type or has no verb in its name either: nothing is known of what
    /// was done.
    pub is_operation: bool,
}

/// What of a record is unknown. A record without Id or Operation is none of a new kind but broken, and not counted here.
pub(crate) fn unknown<'r>(
    doc: Doc<'_, 'r>,
    record: &Record<'_>,
    matched_by: MatchedBy,
) -> Option<Unknown<'r>> {
    let is_type = record.record_type.is_none();
    // For the documented types without rules, the verb is the mapping: as long as there is one, they are no news.
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

    /// (type unknown, operation unknown), of a record of this type and operation.
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
    fn what_a_rule_was_written_for_is_known() {
        check("15", "UserLoggedIn", None);
        check("1", "Set-Anything", None);
        check("20", "ViewReport", None);
    }

    #[test]
    fn a_new_type_and_an_operation_without_a_rule_are_told_apart() {
        check("9999", "SomethingCreated", Some((true, true)));
        check("9999", "UserLoggedIn", Some((true, false)));
        check("12", "Blub", Some((false, true)));
        check(r#""Sway""#, "SomethingCreated", Some((true, true)));
    }

    #[test]
    fn a_verb_is_enough_where_a_type_has_no_rules_of_its_own() {
        check("12", "SwayViewed", None);
        check("73", "ShiftAdded.", None);
    }

    #[test]
    fn a_documented_operation_without_a_verb_is_no_news() {
        check("29", "UserSubmission", None);
        check("9999", "UserSubmission", Some((true, true)));
    }

    #[test]
    fn a_record_that_lacks_what_its_rule_demands_is_of_a_known_kind() {
        check("28", "TIMailData", None);
        check("43", "MipLabel", None);
    }

    #[test]
    fn a_disputed_type_is_no_news() {
        check("187", "LaunchPowerApp", None);
        check("431", "ThreadViewed", None);
        check("431", "Blub", Some((false, true)));
    }

    #[test]
    fn what_is_no_record_is_not_of_an_unknown_kind() {
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
