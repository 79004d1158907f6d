//! The bodies of requests about findings and exceptions.

use detections::{Exception, Exceptions};
use jiff::Timestamp;
use office365::TenantId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::store::detections::Verdict;
use crate::verbs::api::error::ApiError;
use crate::verbs::api::request::{checked_note, read};

/// What is to be said of a step; it may be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::verbs::api) struct StepBody {
    #[schema(max_length = 300)]
    note: Option<String>,
}

/// What a finding was.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::verbs::api) struct CloseBody {
    verdict: Verdict,
    #[schema(max_length = 300)]
    note: Option<String>,
}

/// Findings that are not wanted. At least one of the first five is there; all that are must be so.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::verbs::api) struct ExceptionBody {
    rule_id: Option<String>,
    #[schema(value_type = Option<uuid::Uuid>)]
    tenant_id: Option<String>,
    user: Option<String>,
    /// An IP address, or a network such as `192.0.2.0/24`.
    address: Option<String>,
    /// An application's id or name.
    application: Option<String>,
    /// Why there is no danger.
    #[schema(min_length = 1, max_length = 300)]
    reason: String,
    /// Findings whose last record is later are wanted again.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}

const STEP: &str = "send {\"note\": \"...\"} as JSON, or no body";
const CLOSE: &str = "send {\"verdict\", \"note\"} as JSON; verdict is true_positive, false_positive, benign, test or duplicate, the note may be left out";
const EXCEPTION: &str = "send {\"rule_id\", \"tenant_id\", \"user\", \"address\", \"application\", \"reason\", \"until\"} as JSON: at least one of the first five, and the last two";

/// Longest name of a rule, user or application that is taken, in characters.
const NAME_CHARS_MAX: usize = 300;

impl StepBody {
    /// The note of `{"note"?: ...}`, or of nothing.
    pub(super) fn parse(body: &[u8]) -> Result<Option<String>, ApiError> {
        let body: Self = match body {
            [] => Self::default(),
            body => read(body, STEP)?,
        };
        note(body.note.as_deref())
    }
}

impl CloseBody {
    /// Reads `{"verdict": ..., "note"?: ...}`.
    pub(super) fn parse(body: &[u8]) -> Result<(Verdict, Option<String>), ApiError> {
        let body: Self = read(body, CLOSE)?;
        Ok((body.verdict, note(body.note.as_deref())?))
    }
}

/// A form sends what was left blank.
fn note(text: Option<&str>) -> Result<Option<String>, ApiError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(checked_note).transpose()
}

impl ExceptionBody {
    /// The exception that is asked for, and the tenant that it is limited to.
    pub(super) fn parse(
        body: &[u8],
        author: &str,
        now: Timestamp,
    ) -> Result<(Exception, Option<TenantId>), ApiError> {
        let bad = |why: &str| ApiError::BadBody(why.to_owned(), EXCEPTION);
        let body: Self = read(body, EXCEPTION)?;
        let name = |value: Option<String>| {
            let value = value.map(|of| of.trim().to_owned());
            let value = value.filter(|of| !of.is_empty());
            let is_long = |of: &String| of.chars().count() > NAME_CHARS_MAX;
            if value.as_ref().is_some_and(is_long) {
                return Err(bad("a name is longer than 300 characters"));
            }
            Ok(value)
        };
        let tenant: Option<TenantId> = name(body.tenant_id)?
            .map(|id| id.parse().map_err(|_| ApiError::BadTenantId))
            .transpose()?;
        if body.until <= now {
            return Err(bad("until is over"));
        }
        let exception = Exception {
            rule: name(body.rule_id)?,
            tenant: tenant.map(|id| id.to_string()),
            user: name(body.user)?,
            address: name(body.address)?,
            application: name(body.application)?,
            reason: checked_note(&body.reason)?,
            author: author.to_owned(),
            until: body.until,
        };
        Exceptions::new(vec![exception.clone()]).map_err(|error| bad(&error.to_string()))?;
        Ok((exception, tenant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: Result<&str, &str>) {
        let now = "2026-03-01T10:00:00Z".parse().unwrap();
        let read = ExceptionBody::parse(body.as_bytes(), "kim", now);
        match (read, expect) {
            (Ok((exception, _)), Ok(user)) => assert_eq!(exception.user.as_deref(), Some(user)),
            (Err(error), Err(kind)) => assert_eq!(error.kind(), kind, "{body}"),
            (read, _) => panic!("{body}: {read:?}"),
        }
    }

    #[test]
    fn an_exception_names_somebody_a_reason_and_an_end() {
        let end = r#""until":"2026-04-01T00:00:00Z""#;
        check(
            &format!(r#"{{"user":" sam ","reason":"r",{end}}}"#),
            Ok("sam"),
        );
        let bad = [
            format!(r#"{{"reason":"r",{end}}}"#),
            format!(r#"{{"user":"","reason":"r",{end}}}"#),
            format!(r#"{{"address":"here","reason":"r",{end}}}"#),
            r#"{"user":"a","reason":"r"}"#.to_owned(),
            r#"{"user":"a","reason":"r","until":"2026-03-01T10:00:00Z"}"#.to_owned(),
            format!(r#"{{"user":"{}","reason":"r",{end}}}"#, "x".repeat(301)),
        ];
        for body in bad {
            check(&body, Err("bad-request-body"));
        }
        check(
            &format!(r#"{{"user":"a","reason":" ",{end}}}"#),
            Err("bad-note"),
        );
        check(
            &format!(r#"{{"tenant_id":"x","reason":"r",{end}}}"#),
            Err("bad-tenant-id"),
        );
    }

    #[test]
    fn steps_may_come_without_a_word() {
        assert_eq!(StepBody::parse(b"").unwrap(), None);
        assert_eq!(StepBody::parse(br#"{"note":" "}"#).unwrap(), None);
        let closed = CloseBody::parse(br#"{"verdict":"benign","note":"ours"}"#);
        let expect = (Verdict::Benign, Some("ours".to_owned()));
        assert_eq!(closed.unwrap(), expect);
        let error = CloseBody::parse(br#"{"verdict":"good"}"#).unwrap_err();
        assert_eq!(error.kind(), "bad-request-body");
    }
}
