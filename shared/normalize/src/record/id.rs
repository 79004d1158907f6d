//! The identity of a record, read before anything else.

use crate::json::{self, Doc, Kind, Problem, Tree};
use std::borrow::Cow;

/// What identifies a record, `OrganizationId` and `Id`, and what all its copies have in common. It is the key for
/// exactly-once delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity<'a> {
    /// `Id`, verbatim; `None` when it is missing or blank.
    pub id: Option<Cow<'a, str>>,
    /// `OrganizationId`, verbatim; `None` when it is missing or blank.
    pub organization_id: Option<Cow<'a, str>>,
    /// `CreationTime`, verbatim; `None` when it is missing or blank.
    pub creation_time: Option<Cow<'a, str>>,
}

/// Why an element of a blob is not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not UTF-8 from this byte on.
    #[error("the record is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// Not JSON.
    #[error("the record is not JSON at byte {0}")]
    NotJson(usize),
    /// JSON, but no object.
    #[error("the record is not a JSON object")]
    NotAnObject,
    /// Nested deeper than 64, more than 4,000,000 values, or a whole number of more than 4,300 digits.
    #[error("the record is too large or nested too deep")]
    TooLarge,
}

impl From<Problem> for Malformed {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Utf8(at) => Self::NotUtf8(at),
            Problem::Syntax(at) => Self::NotJson(at),
            Problem::TooDeep(_) | Problem::TooLarge => Self::TooLarge,
        }
    }
}

/// Reads a record's identity without normalizing the record.
///
/// # Errors
/// [`Malformed`] when the element is not a JSON object that can be parsed. The caller keeps such bytes raw and counts
/// them.
pub fn identify(record: &[u8]) -> Result<Identity<'_>, Malformed> {
    Ok(Identity::of(read(record)?.doc()))
}

impl<'a> Identity<'a> {
    pub(crate) fn of(doc: Doc<'_, 'a>) -> Self {
        Self {
            id: name(doc, "Id"),
            organization_id: name(doc, "OrganizationId"),
            creation_time: name(doc, "CreationTime"),
        }
    }
}

/// Parses a record, which must be an object.
pub(crate) fn read(record: &[u8]) -> Result<Tree<'_>, Malformed> {
    let tree = json::parse(record)?;
    if tree.root().is_object() {
        Ok(tree)
    } else {
        Err(Malformed::NotAnObject)
    }
}

/// A member of the root object: a string or a number that is not blank.
pub(crate) fn name<'a>(doc: Doc<'_, 'a>, key: &str) -> Option<Cow<'a, str>> {
    let value = match doc.member(key)? {
        Kind::Text(text) => text.cow(),
        Kind::Number(number) => Cow::Borrowed(number),
        _ => return None,
    };
    let blank = value.chars().all(char::is_whitespace);
    (!blank).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, id: Option<&str>, organization_id: Option<&str>) {
        let expect = Identity {
            id: id.map(Cow::Borrowed),
            organization_id: organization_id.map(Cow::Borrowed),
            creation_time: None,
        };
        assert_eq!(identify(record.as_bytes()), Ok(expect), "{record}");
    }

    #[test]
    fn names_are_found_at_any_position() {
        check(r#"{"Id":"a","OrganizationId":"b"}"#, Some("a"), Some("b"));
        check(
            r#"{"x":{"Id":"inner"},"OrganizationId":"b","I\u0064":"a\/c"}"#,
            Some("a/c"),
            Some("b"),
        );
        check(r#"{"Id":12}"#, Some("12"), None);
    }

    #[test]
    fn the_time_is_as_it_stands_in_the_record() {
        let check = |record: &str, expect: Option<&str>| {
            let identity = identify(record.as_bytes()).unwrap();
            assert_eq!(identity.creation_time.as_deref(), expect, "{record}");
        };
        let time = r#"{"Id":"a","CreationTime":" 2026-03-01T10:15:00"}"#;
        check(time, Some(" 2026-03-01T10:15:00"));
        check(r#"{"CreationTime":1772360100}"#, Some("1772360100"));
        check(r#"{"CreationTime":""}"#, None);
        check(r#"{"Id":"a"}"#, None);
    }

    #[test]
    fn blank_values_and_other_types_are_not_names() {
        check(r#"{"Id":"","OrganizationId":"  "}"#, None, None);
        check(r#"{"Id":null,"OrganizationId":["b"]}"#, None, None);
        check(r#"{"Id":{},"OrganizationId":true}"#, None, None);
        check(r#"{"id":"other case"}"#, None, None);
    }

    #[test]
    fn rejects_what_is_not_an_object() {
        assert_eq!(identify(b"12"), Err(Malformed::NotAnObject));
        assert_eq!(identify(b"[]"), Err(Malformed::NotAnObject));
        assert_eq!(identify(b""), Err(Malformed::NotJson(0)));
        assert_eq!(identify(b"{\"Id\":\"a\""), Err(Malformed::NotJson(9)));
        assert_eq!(identify(b"{\"Id\":\"\xff\"}"), Err(Malformed::NotUtf8(7)));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
        assert_eq!(identify(deep.as_bytes()), Err(Malformed::TooLarge));
    }
}
