//! The body of a registration.

use office365::{Cloud, ContentType, TenantId};
use serde::Deserialize;

use super::BODY_BYTES_MAX;
use super::error::ApiError;

/// Longest name taken, in characters: it is a label.
const NAME_CHARS_MAX: usize = 100;

/// What is subscribed to when nothing is said. Not `DLP.All`: that needs a permission of its own (ActivityFeed.ReadDlp).
const DEFAULT_TYPES: [ContentType; 4] = [
    ContentType::AuditAzureActiveDirectory,
    ContentType::AuditExchange,
    ContentType::AuditSharePoint,
    ContentType::AuditGeneral,
];

/// A checked registration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) tenant_id: TenantId,
    pub(super) cloud: Cloud,
    pub(super) name: String,
    /// Sorted, each once, at least one.
    pub(super) content_types: Vec<ContentType>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    tenant_id: String,
    cloud: Option<String>,
    name: Option<String>,
    content_types: Option<Vec<String>>,
}

impl Registration {
    /// Reads `{"tenant_id": GUID, "cloud"?: ..., "name"?: ..., "content_types"?: [...]}`. Without them: the cloud is
    /// `enterprise`, the name the tenant id, the content types the four of [`DEFAULT_TYPES`].
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(ApiError::BodyTooLong);
        }
        let body: Body =
            serde_json::from_slice(body).map_err(|error| ApiError::BadBody(describe(&error)))?;
        let tenant_id: TenantId = body.tenant_id.parse().map_err(|_| ApiError::BadTenantId)?;
        let cloud = match body.cloud {
            None => Cloud::Enterprise,
            Some(cloud) => cloud.parse().map_err(|_| ApiError::UnknownCloud)?,
        };
        let mut content_types = match body.content_types {
            None => DEFAULT_TYPES.to_vec(),
            Some(types) => types
                .iter()
                .map(|of| of.parse().map_err(|_| ApiError::UnknownContentType))
                .collect::<Result<Vec<ContentType>, ApiError>>()?,
        };
        content_types.sort_unstable();
        content_types.dedup();
        if content_types.is_empty() {
            return Err(ApiError::NoContentType);
        }
        let name = body.name.unwrap_or_else(|| tenant_id.to_string());
        let name = name.trim();
        if name.is_empty()
            || name.chars().count() > NAME_CHARS_MAX
            || name.chars().any(char::is_control)
        {
            return Err(ApiError::BadName);
        }
        Ok(Self {
            tenant_id,
            cloud,
            name: name.to_owned(),
            content_types,
        })
    }
}

/// What is wrong and where. Serde quotes field names and types, which are the caller's own, cut to a line's length.
fn describe(error: &serde_json::Error) -> String {
    error.to_string().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    fn parse(body: &str) -> Result<Registration, String> {
        Registration::parse(body.as_bytes()).map_err(|error| error.kind().to_owned())
    }

    #[test]
    fn a_tenant_id_is_enough() {
        let registration = parse(&format!(r#"{{"tenant_id":"{TENANT}"}}"#)).unwrap();
        assert_eq!(registration.cloud, Cloud::Enterprise);
        assert_eq!(registration.name, TENANT);
        assert_eq!(registration.content_types, DEFAULT_TYPES);
    }

    #[test]
    fn content_types_are_taken_in_any_case_and_order_once() {
        let body = format!(
            r#"{{"tenant_id":"{TENANT}","content_types":["dlp.all","audit.exchange","Audit.Exchange"]}}"#
        );
        assert_eq!(
            parse(&body).unwrap().content_types,
            [ContentType::AuditExchange, ContentType::DlpAll]
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
        assert_eq!(
            parse(&" ".repeat(BODY_BYTES_MAX + 1)).unwrap_err(),
            "body-too-long"
        );
    }
}
