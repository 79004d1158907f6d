//! The bodies of requests.

use jiff::Timestamp;
use office365::{Cloud, ContentType, TenantId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::error::ApiError;
use crate::store::lake::key::Generation;

/// Longest name taken, in characters: it is a label.
const NAME_CHARS_MAX: usize = 100;

/// Longest note taken, in characters: what the ledger keeps of it.
const NOTE_CHARS_MAX: usize = 300;

/// What a new tenant is subscribed to when nothing is said. Not `DLP.All`: that needs a permission of its own
/// (ActivityFeed.ReadDlp).
pub(super) const DEFAULT_TYPES: [ContentType; 4] = [
    ContentType::AuditAzureActiveDirectory,
    ContentType::AuditExchange,
    ContentType::AuditSharePoint,
    ContentType::AuditGeneral,
];

/// A checked registration. What was not said is `None`: of a tenant that is registered it stays as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) tenant_id: TenantId,
    pub(super) cloud: Option<Cloud>,
    pub(super) name: Option<String>,
    /// Sorted, each once, at least one.
    pub(super) content_types: Option<Vec<ContentType>>,
}

/// A checked change. What was not said stays as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) name: Option<String>,
    /// Sorted, each once, at least one.
    pub(super) content_types: Option<Vec<ContentType>>,
    pub(super) paused: Option<bool>,
}

/// What a consent link is made for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ConsentRequest {
    pub(super) cloud: Option<Cloud>,
    pub(super) name: Option<String>,
    /// The only tenant that may come back with it.
    pub(super) tenant_id: Option<TenantId>,
}

/// What a replay is asked for with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReplayRequest {
    pub(super) from: Timestamp,
    /// Now when nothing is said.
    pub(super) to: Option<Timestamp>,
    /// Sorted, each once, at least one; all of the tenant's when none is named.
    pub(super) content_types: Option<Vec<ContentType>>,
    pub(super) generation: Option<Generation>,
}

/// A tenant that is to be registered. What is not said of one that is registered stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrationBody {
    #[schema(value_type = uuid::Uuid)]
    tenant_id: String,
    cloud: Option<String>,
    name: Option<String>,
    content_types: Option<Vec<String>>,
}

/// What is to be different about a tenant: at least one of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    name: Option<String>,
    content_types: Option<Vec<String>>,
    paused: Option<bool>,
}

/// What a consent link is for; all of it may be left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentBody {
    cloud: Option<String>,
    name: Option<String>,
    tenant_id: Option<String>,
}

/// That somebody knows of a loss.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcknowledgementBody {
    note: String,
}

/// A period whose events are to be made anew.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayBody {
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    content_types: Option<Vec<String>>,
    generation: Option<String>,
}

const REGISTRATION: &str = "send {\"tenant_id\", \"cloud\", \"name\", \"content_types\"} as JSON, all but the first may be left out";
const CHANGE: &str = "send {\"name\", \"content_types\", \"paused\"} as JSON, at least one of them";
const CONSENT: &str =
    "send {\"cloud\", \"name\", \"tenant_id\"} as JSON, all of which may be left out, or no body";
const ACKNOWLEDGEMENT: &str = "send {\"note\": \"...\"} as JSON";
const REPLAY: &str = "send {\"from\", \"to\", \"content_types\", \"generation\"} as JSON, all but the first may be left out; times are RFC 3339";

impl Registration {
    /// Reads `{"tenant_id": GUID, "cloud"?: ..., "name"?: ..., "content_types"?: [...]}`.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body: RegistrationBody = read(body, REGISTRATION)?;
        let cloud = body.cloud.map(|cloud| cloud.parse()).transpose();
        Ok(Self {
            tenant_id: body.tenant_id.parse().map_err(|_| ApiError::BadTenantId)?,
            cloud: cloud.map_err(|_| ApiError::UnknownCloud)?,
            name: body.name.as_deref().map(checked_name).transpose()?,
            content_types: body
                .content_types
                .as_deref()
                .map(checked_types)
                .transpose()?,
        })
    }
}

impl Change {
    /// Reads `{"name"?: ..., "content_types"?: [...], "paused"?: bool}`.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body: ChangeBody = read(body, CHANGE)?;
        if body.name.is_none() && body.content_types.is_none() && body.paused.is_none() {
            return Err(ApiError::BadBody(
                "nothing is to be changed".to_owned(),
                CHANGE,
            ));
        }
        Ok(Self {
            name: body.name.as_deref().map(checked_name).transpose()?,
            content_types: body
                .content_types
                .as_deref()
                .map(checked_types)
                .transpose()?,
            paused: body.paused,
        })
    }
}

impl ConsentRequest {
    /// Reads `{"cloud"?: ..., "name"?: ..., "tenant_id"?: GUID}`, or nothing.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let body: ConsentBody = read(body, CONSENT)?;
        let cloud = body.cloud.map(|cloud| cloud.parse()).transpose();
        let tenant_id = body.tenant_id.map(|id| id.parse()).transpose();
        Ok(Self {
            cloud: cloud.map_err(|_| ApiError::UnknownCloud)?,
            name: body.name.as_deref().map(checked_name).transpose()?,
            tenant_id: tenant_id.map_err(|_| ApiError::BadTenantId)?,
        })
    }
}

impl ReplayRequest {
    /// Reads `{"from": ..., "to"?: ..., "content_types"?: [...], "generation"?: ...}`.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body: ReplayBody = read(body, REPLAY)?;
        let generation = body.generation.map(|name| name.parse()).transpose();
        Ok(Self {
            from: body.from,
            to: body.to,
            content_types: body
                .content_types
                .as_deref()
                .map(checked_types)
                .transpose()?,
            generation: generation.map_err(|_| ApiError::BadGeneration)?,
        })
    }
}

/// Reads the note of `{"note": ...}`.
pub(super) fn note(body: &[u8]) -> Result<String, ApiError> {
    let body: AcknowledgementBody = read(body, ACKNOWLEDGEMENT)?;
    checked_note(&body.note)
}

pub(super) fn checked_note(note: &str) -> Result<String, ApiError> {
    let note = note.trim();
    if note.is_empty() || note.chars().count() > NOTE_CHARS_MAX {
        return Err(ApiError::BadNote);
    }
    Ok(note.to_owned())
}

pub(super) fn read<T: DeserializeOwned>(body: &[u8], expect: &'static str) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::BadBody(describe(&error), expect))
}

pub(super) fn checked_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if name.is_empty()
        || name.chars().count() > NAME_CHARS_MAX
        || name.chars().any(char::is_control)
    {
        return Err(ApiError::BadName);
    }
    Ok(name.to_owned())
}

fn checked_types(types: &[String]) -> Result<Vec<ContentType>, ApiError> {
    let known = types.iter().map(|of| of.parse());
    let known: Result<Vec<ContentType>, _> = known.collect();
    let mut known = known.map_err(|_| ApiError::UnknownContentType)?;
    known.sort_unstable();
    known.dedup();
    if known.is_empty() {
        return Err(ApiError::NoContentType);
    }
    Ok(known)
}

/// What is wrong and where. Serde quotes field names and types, which are the caller's own, cut to a line's length.
fn describe(error: &serde_json::Error) -> String {
    error.to_string().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    fn kind(error: &ApiError) -> String {
        error.kind().to_owned()
    }

    fn parse(body: &str) -> Result<Registration, String> {
        Registration::parse(body.as_bytes()).map_err(|error| kind(&error))
    }

    #[test]
    fn a_tenant_id_is_enough_and_says_nothing_else() {
        let registration = parse(&format!(r#"{{"tenant_id":"{TENANT}"}}"#)).unwrap();
        let expect = Registration {
            tenant_id: TENANT.parse().unwrap(),
            cloud: None,
            name: None,
            content_types: None,
        };
        assert_eq!(registration, expect);
    }

    #[test]
    fn content_types_are_taken_in_any_case_and_order_once() {
        let body = format!(
            r#"{{"tenant_id":"{TENANT}","content_types":["dlp.all","audit.exchange","Audit.Exchange"]}}"#
        );
        assert_eq!(
            parse(&body).unwrap().content_types,
            Some(vec![ContentType::AuditExchange, ContentType::DlpAll])
        );
    }

    #[test]
    fn each_mistake_has_its_own_problem() {
        let with = |rest: &str| parse(&format!(r#"{{"tenant_id":"{TENANT}"{rest}}}"#)).unwrap_err();
        assert_eq!(parse("{").unwrap_err(), "bad-request-body");
        assert_eq!(parse("[]").unwrap_err(), "bad-request-body");
        assert_eq!(parse("{}").unwrap_err(), "bad-request-body");
        assert_eq!(
            parse(r#"{"tenant_id":"contoso"}"#).unwrap_err(),
            "bad-tenant-id"
        );
        assert_eq!(with(r#","cloud":"mars""#), "unknown-cloud");
        assert_eq!(
            with(r#","content_types":["Audit.Mail"]"#),
            "unknown-content-type"
        );
        assert_eq!(with(r#","content_types":[]"#), "no-content-type");
        assert_eq!(with(r#","name":"\n""#), "bad-name");
        assert_eq!(with(r#","tenant":"x""#), "bad-request-body");
    }

    #[test]
    fn a_change_names_at_least_one_thing() {
        let parse = |body: &str| Change::parse(body.as_bytes()).map_err(|error| kind(&error));
        assert_eq!(parse("{}"), Err("bad-request-body".to_owned()));
        assert_eq!(
            parse(r#"{"cloud":"gcc"}"#),
            Err("bad-request-body".to_owned())
        );
        assert_eq!(parse(r#"{"paused":true}"#).unwrap().paused, Some(true));
        let renamed = parse(r#"{"name":" Contoso "}"#).unwrap();
        assert_eq!(renamed.name.as_deref(), Some("Contoso"));
        assert_eq!((renamed.content_types, renamed.paused), (None, None));
    }

    #[test]
    fn a_consent_link_needs_nothing_and_checks_what_is_said() {
        let parse =
            |body: &str| ConsentRequest::parse(body.as_bytes()).map_err(|error| kind(&error));
        assert_eq!(parse(""), Ok(ConsentRequest::default()));
        assert_eq!(parse("{}"), Ok(ConsentRequest::default()));
        let full = format!(r#"{{"cloud":"gcc","name":" Contoso ","tenant_id":"{TENANT}"}}"#);
        let expect = ConsentRequest {
            cloud: Some(Cloud::Gcc),
            name: Some("Contoso".to_owned()),
            tenant_id: TENANT.parse().ok(),
        };
        assert_eq!(parse(&full), Ok(expect));
        for (bad, expect) in [
            (r#"{"cloud":"mars"}"#, "unknown-cloud"),
            (r#"{"tenant_id":"contoso"}"#, "bad-tenant-id"),
            (r#"{"name":"a\u0007"}"#, "bad-name"),
            (
                r#"{"redirect_uri":"https://evil.example"}"#,
                "bad-request-body",
            ),
            ("[]", "bad-request-body"),
        ] {
            assert_eq!(parse(bad), Err(expect.to_owned()), "{bad}");
        }
    }

    #[test]
    fn notes_and_replays_are_checked() {
        assert_eq!(note(br#"{"note":" seen "}"#).unwrap(), "seen");
        for bad in [
            r#"{"note":" "}"#.to_owned(),
            format!(r#"{{"note":"{}"}}"#, "x".repeat(301)),
        ] {
            assert_eq!(kind(&note(bad.as_bytes()).unwrap_err()), "bad-note");
        }
        let parse =
            |body: &str| ReplayRequest::parse(body.as_bytes()).map_err(|error| kind(&error));
        let times = r#""from":"2026-03-01T00:00:00Z","to":"2026-03-02T00:00:00Z""#;
        assert_eq!(parse(&format!("{{{times}}}")).unwrap().generation, None);
        assert_eq!(
            parse(&format!(r#"{{{times},"generation":"../raw"}}"#)),
            Err("bad-generation".to_owned())
        );
        assert_eq!(parse("{}"), Err("bad-request-body".to_owned()));
    }
}
