//! The body that Microsoft posts to a webhook: an object to validate it, or an array of notifications about new blobs.
//!
//! A malformed notification is an error of its own; the others are read.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::names::{
    AllowedHosts, Content, ContentId, ContentType, HostileUri, TenantId, check_address_of,
    documented_expiration, timestamp,
};
use crate::transport::json;
use crate::transport::sanitize::{json_error, json_position};

/// Most elements of one body. Microsoft has a limit and does not say which; and it repeats a refused call until it disables
/// the webhook. So this is as many as fit into the largest body that a Lambda gets: 6 MB of some 600 bytes each.
pub const ITEMS_MAX: usize = 10_000;

/// Longest validation code accepted. It is compared and never stored.
const VALIDATION_CODE_BYTES_MAX: usize = 4096;

/// What Microsoft posts to a webhook.
#[derive(Debug)]
pub enum Body {
    /// Sent during a start, to see if the webhook answers. The code is also in the header Webhook-ValidationCode.
    Validation {
        /// Opaque. It need not be sent back.
        validation_code: String,
    },
    /// New blobs, in the order given.
    Notifications(Vec<Result<Notification, ItemError>>),
}

/// A new blob as announced: parsed, but not yet checked against the webhook it was sent to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The tenant it claims to be of.
    pub tenant_id: TenantId,
    /// The application that made the subscription.
    pub client_id: Uuid,
    /// The subscription's type.
    pub content_type: ContentType,
    /// The blob's id.
    pub content_id: ContentId,
    /// The address it claims for the blob; empty if it claims none. Never fetch it.
    #[serde(default, deserialize_with = "json::text_or_empty")]
    pub content_uri: String,
    /// When the blob became available.
    #[serde(deserialize_with = "timestamp::deserialize")]
    pub content_created: Timestamp,
    /// Until when it can be fetched, if it says so.
    #[serde(default, deserialize_with = "timestamp::deserialize_lossy")]
    pub content_expiration: Option<Timestamp>,
}

/// The whole body is unusable. The message names a position, never the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    Json(String),
    /// JSON, but neither the validation object nor an array.
    #[error("the body is neither a validation object nor an array of notifications")]
    Shape,
    /// More than [`ITEMS_MAX`] elements.
    #[error("the body has more than {ITEMS_MAX} elements")]
    TooMany,
}

/// One element is unusable. The message names the field, never its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("element {index} is not a notification: {why}")]
pub struct ItemError {
    /// Its position in the array, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub why: String,
}

/// A notification was sent to the wrong webhook, or is forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It names another tenant than the webhook's address.
    #[error("the notification names another tenant")]
    Tenant,
    /// It names another application.
    #[error("the notification names another application")]
    Client,
    /// It names another content type than the webhook's address.
    #[error("the notification names another content type")]
    ContentType,
}

impl Notification {
    /// The announced blob, if the notification is for this tenant, application and content type.
    ///
    /// Its contentUri is not looked at: whatever it says, the blob is fetched by its id with this tenant's token. See
    /// [`Notification::check_address`].
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn check(
        &self,
        tenant: TenantId,
        client_id: Uuid,
        content_type: ContentType,
    ) -> Result<Content, Mismatch> {
        if self.tenant_id != tenant {
            return Err(Mismatch::Tenant);
        }
        if self.client_id != client_id {
            return Err(Mismatch::Client);
        }
        if self.content_type != content_type {
            return Err(Mismatch::ContentType);
        }
        Ok(Content {
            content_type,
            content_id: self.content_id.clone(),
            content_created: self.content_created,
            content_expiration: self
                .content_expiration
                .unwrap_or_else(|| documented_expiration(self.content_created)),
        })
    }

    /// Whether its contentUri is the address of its blob on one of these hosts. A surprise here deserves a log line, and
    /// no more.
    ///
    /// # Errors
    /// Says what is unexpected.
    pub fn check_address(&self, hosts: &AllowedHosts) -> Result<(), HostileUri> {
        check_address_of(&self.content_id, &self.content_uri, self.tenant_id, hosts)
    }
}

/// Parses a body. Its size is for the caller to bound; its depth is bounded by the JSON parser (128).
///
/// # Errors
/// When the body is neither of the two. A malformed element is an error in its place in the list.
pub fn parse(body: &[u8]) -> Result<Body, ParseError> {
    let body = json::without_mark(body);
    let not_json = |error: serde_json::Error| ParseError::Json(json_position(&error));
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {
            serde_json::from_slice::<serde::de::IgnoredAny>(body).map_err(not_json)?;
            let validation: Validation =
                serde_json::from_slice(body).map_err(|_| ParseError::Shape)?;
            if validation.validation_code.len() > VALIDATION_CODE_BYTES_MAX {
                return Err(ParseError::Shape);
            }
            Ok(Body::Validation {
                validation_code: validation.validation_code,
            })
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_slice(body).map_err(not_json)?;
            if items.len() > ITEMS_MAX {
                return Err(ParseError::TooMany);
            }
            Ok(Body::Notifications(
                items.into_iter().enumerate().map(parse_item).collect(),
            ))
        }
        _ => {
            serde_json::from_slice::<serde::de::IgnoredAny>(body).map_err(not_json)?;
            Err(ParseError::Shape)
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Validation {
    validation_code: String,
}

fn parse_item((index, raw): (usize, &RawValue)) -> Result<Notification, ItemError> {
    serde_json::from_str(raw.get()).map_err(|error| ItemError {
        index,
        why: json_error(&error),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOCUMENTED: &str = r#"[{"tenantId":"41463f53-8812-40f4-890f-865bf6e35190","clientId":"8c8e0c2b-7a3c-4b7b-9a0e-1f3c5a7e9b11",
        "contentType":"Audit.SharePoint","contentId":"4926$f28a",
        "contentUri":"https://manage.office.com/api/v1.0/41463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/4926$f28a",
        "contentCreated":"2015-05-23T17:35:00.000Z","contentExpiration":"2015-05-30T17:35:00.000Z"}]"#;

    fn items(body: &str) -> Vec<Result<Notification, ItemError>> {
        match parse(body.as_bytes()) {
            Ok(Body::Notifications(items)) => items,
            other => panic!("{other:?}"),
        }
    }

    fn check(change: impl Fn(&mut Notification), expect: Option<Mismatch>) {
        let genuine = items(DOCUMENTED).remove(0).unwrap();
        let mut changed = genuine.clone();
        change(&mut changed);
        let found = changed.check(genuine.tenant_id, genuine.client_id, genuine.content_type);
        assert_eq!(found.err(), expect);
    }

    #[test]
    fn the_documented_notification_is_read() {
        let found = items(DOCUMENTED).remove(0).unwrap();
        assert_eq!(found.content_type, ContentType::AuditSharePoint);
        assert_eq!(found.content_created.to_string(), "2015-05-23T17:35:00Z");
        check(|_| {}, None);
    }

    #[test]
    fn a_notification_for_another_webhook_is_refused() {
        let other: TenantId = "11463f53-8812-40f4-890f-865bf6e35190".parse().unwrap();
        check(|n| n.tenant_id = other, Some(Mismatch::Tenant));
        check(|n| n.client_id = Uuid::nil(), Some(Mismatch::Client));
        check(
            |n| n.content_type = ContentType::DlpAll,
            Some(Mismatch::ContentType),
        );
    }

    #[test]
    fn an_odd_address_is_reported_and_not_refused() {
        let hosts = AllowedHosts::of_any_cloud(&crate::names::Endpoints::default());
        let report = |from: &str, to: &str| {
            let item = items(&DOCUMENTED.replace(from, to)).remove(0).unwrap();
            let checked = item.check(item.tenant_id, item.client_id, item.content_type);
            assert_eq!(checked.unwrap().content_id, item.content_id);
            item.check_address(&hosts)
        };
        assert_eq!(report("office.com", "office.com"), Ok(()));
        assert_eq!(
            report("\"contentId\":\"4926", "\"contentId\":\"4927"),
            Err(HostileUri::OtherBlob)
        );
        assert_eq!(
            report("office.com", "office.com.evil"),
            Err(HostileUri::Host)
        );
        assert_eq!(report("contentUri", "uri"), Err(HostileUri::Host));
    }

    #[test]
    fn a_blob_without_expiration_lives_the_documented_week() {
        let body = DOCUMENTED.replace("contentExpiration", "expires");
        let item = items(&body).remove(0).unwrap();
        let content = item.check(item.tenant_id, item.client_id, item.content_type);
        let expect = "2015-05-30T17:35:00Z".parse().unwrap();
        assert_eq!(content.unwrap().content_expiration, expect);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(items(&format!("\u{feff}{DOCUMENTED}")).len(), 1);
        assert!(parse("\u{feff}{\"validationCode\":\"abc\"}".as_bytes()).is_ok());
    }

    #[test]
    fn both_names_of_a_blob_are_one() {
        let body = DOCUMENTED.replace("4926$f28a", "4926$f28a$IsFromNotification");
        let item = items(&body).remove(0).unwrap();
        assert_eq!(item.content_id.as_str(), "4926$f28a");
        let hosts = AllowedHosts::of_any_cloud(&crate::names::Endpoints::default());
        assert_eq!(item.check_address(&hosts), Ok(()));
    }

    #[test]
    fn a_malformed_element_leaves_the_others_readable() {
        let good = DOCUMENTED.trim_matches(['[', ']']);
        let found = items(&format!("[{good},{{\"contentId\":\"hush\"}},7,{good}]"));
        assert!(found[0].is_ok() && found[3].is_ok());
        let why = found[1].as_ref().unwrap_err().to_string();
        assert!(
            why.starts_with("element 1") && !why.contains("hush"),
            "{why}"
        );
        assert!(found[2].is_err());
    }

    #[test]
    fn an_error_never_quotes_the_content() {
        let secret = "very-secret-text";
        let body = DOCUMENTED.replace("Audit.SharePoint", secret);
        let why = items(&body).remove(0).unwrap_err().to_string();
        assert!(!why.contains(secret), "{why}");
        let body = DOCUMENTED.replace("\"4926$f28a\"", &format!("{{\"{secret}\":1}}"));
        let why = items(&body).remove(0).unwrap_err().to_string();
        assert!(!why.contains(secret), "{why}");
    }

    #[test]
    fn an_object_is_a_validation() {
        match parse(b" {\"validationCode\":\"abc\",\"new\":1}") {
            Ok(Body::Validation { validation_code }) => assert_eq!(validation_code, "abc"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn other_bodies_are_refused() {
        let refuse = |body: &str| parse(body.as_bytes()).unwrap_err();
        assert_eq!(refuse("{}"), ParseError::Shape);
        assert_eq!(refuse("7"), ParseError::Shape);
        assert_eq!(refuse("null"), ParseError::Shape);
        assert!(matches!(refuse(""), ParseError::Json(_)));
        assert!(matches!(refuse("[{\"tenantId\":"), ParseError::Json(_)));
        assert!(matches!(
            refuse("{\"validationCode\":"),
            ParseError::Json(_)
        ));
        assert!(matches!(refuse(&"[".repeat(100_000)), ParseError::Json(_)));
        let many = format!("[{}]", vec!["1"; ITEMS_MAX + 1].join(","));
        assert_eq!(refuse(&many), ParseError::TooMany);
        assert_eq!(items("[]").len(), 0);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }

        #[test]
        fn no_changed_body_panics_or_is_quoted(at in 0..DOCUMENTED.len(), insert in "[\\[\\]{}\",:0-9é]{0,4}") {
            if DOCUMENTED.is_char_boundary(at) {
                let body = format!("{}{insert}{}", &DOCUMENTED[..at], &DOCUMENTED[at..]);
                if let Ok(Body::Notifications(items)) = parse(body.as_bytes()) {
                    let complaints = items.iter().filter_map(|item| item.as_ref().err());
                    for complaint in complaints {
                        prop_assert!(!complaint.to_string().contains("office.com"), "{complaint}");
                    }
                }
            }
        }
    }
}
