//! Subscriptions and their webhooks: as wanted, and as Microsoft reports them.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::names::{ContentType, timestamp};

/// A webhook as wanted.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where Microsoft posts to; https.
    pub address: Url,
    /// Sent back in the header Webhook-AuthID of every call.
    pub auth_id: SecretString,
}

/// A subscription as Microsoft reports it.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// What content it is for.
    pub content_type: ContentType,
    /// Whether Microsoft makes content for it.
    pub status: SubscriptionStatus,
    /// Its webhook. Also `None` while Microsoft still validates it, and after Microsoft dropped it, which it does silently.
    pub webhook: Option<WebhookState>,
}

/// Whether Microsoft makes content for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// Yes.
    Enabled,
    /// No: nothing is announced or listed.
    Disabled,
    /// Missing (one documented answer lacks it), or an unknown word.
    Other,
}

/// Whether Microsoft calls a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookStatus {
    /// Yes.
    Enabled,
    /// No, after too many failures. Content can still be listed.
    Disabled,
    /// No, its expiration has passed.
    Expired,
    /// Missing, or an unknown word.
    Other,
}

/// A webhook as Microsoft reports it.
#[derive(Debug, Clone)]
pub struct WebhookState {
    /// Whether Microsoft calls it.
    pub status: WebhookStatus,
    /// Its address. Not parsed, since nothing but a comparison is done with it.
    pub address: String,
    /// Its authId; an empty one counts as none.
    pub auth_id: Option<SecretString>,
    /// When it ends; an empty or null one counts as never.
    pub expiration: Option<Timestamp>,
}

/// What a start did.
#[derive(Debug, Clone)]
pub enum Started {
    /// Created, changed or revived. Compare the webhook with the one sent: Microsoft ignores a body that it does not
    /// understand and still answers 200.
    Changed(Subscription),
    /// It was already as wanted (AF20024).
    AlreadyEnabled,
}

impl WebhookState {
    /// Whether this is the webhook as wanted, enabled and not expired at `now`.
    #[must_use]
    pub fn serves(&self, wanted: &Webhook, now: Timestamp) -> bool {
        let same_auth = self
            .auth_id
            .as_ref()
            .is_some_and(|auth_id| auth_id.expose_secret() == wanted.auth_id.expose_secret());
        self.status == WebhookStatus::Enabled
            && self.address == wanted.address.as_str()
            && same_auth
            && self.expiration.is_none_or(|end| end > now)
    }
}

impl SubscriptionStatus {
    fn of(text: Option<&str>) -> Self {
        match text.map(str::to_ascii_lowercase).as_deref() {
            Some("enabled") => Self::Enabled,
            Some("disabled") => Self::Disabled,
            _ => Self::Other,
        }
    }
}

impl WebhookStatus {
    fn of(text: Option<&str>) -> Self {
        match text.map(str::to_ascii_lowercase).as_deref() {
            Some("enabled") => Self::Enabled,
            Some("disabled") => Self::Disabled,
            Some("expired") => Self::Expired,
            _ => Self::Other,
        }
    }
}

/// A subscription as the API writes it; everything but the type may be missing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscriptionJson {
    content_type: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    webhook: Option<WebhookJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebhookJson {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    auth_id: Option<String>,
    #[serde(default, deserialize_with = "timestamp::deserialize_lossy")]
    expiration: Option<Timestamp>,
}

impl SubscriptionJson {
    /// `None` when the content type is unknown: Microsoft may add one.
    pub(super) fn into_subscription(self) -> Option<Subscription> {
        Some(Subscription {
            content_type: self.content_type.parse().ok()?,
            status: SubscriptionStatus::of(self.status.as_deref()),
            webhook: self.webhook.map(|webhook| WebhookState {
                status: WebhookStatus::of(webhook.status.as_deref()),
                address: webhook.address.unwrap_or_default(),
                auth_id: webhook
                    .auth_id
                    .filter(|auth_id| !auth_id.is_empty())
                    .map(SecretString::from),
                expiration: webhook.expiration,
            }),
        })
    }
}

/// The body of a start.
pub(super) fn start_body(webhook: &Webhook) -> Vec<u8> {
    serde_json::json!({
        "webhook": {
            "address": webhook.address.as_str(),
            "authId": webhook.auth_id.expose_secret(),
            "expiration": "",
        }
    })
    .to_string()
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Option<Subscription> {
        serde_json::from_str::<SubscriptionJson>(json)
            .unwrap()
            .into_subscription()
    }

    #[track_caller]
    fn check(webhook: &str, expect: bool) {
        let json = format!(
            r#"{{"contentType":"Audit.Sharepoint","status":"enabled","webhook":{webhook}}}"#
        );
        let wanted = Webhook {
            address: "https://host/path".parse().unwrap(),
            auth_id: "auth".into(),
        };
        let now = "2026-07-01T00:00:00Z".parse().unwrap();
        let state = read(&json).unwrap().webhook;
        assert_eq!(
            state.is_some_and(|state| state.serves(&wanted, now)),
            expect,
            "{webhook}"
        );
    }

    #[test]
    fn a_webhook_serves_only_when_everything_fits() {
        check(
            r#"{"authId":"auth","address":"https://host/path","expiration":"","status":"enabled"}"#,
            true,
        );
        check(
            r#"{"authId":"auth","address":"https://host/path","expiration":null,"status":"Enabled"}"#,
            true,
        );
        check(
            r#"{"authId":"auth","address":"https://host/path","expiration":"2026-08-01T00:00:00","status":"enabled"}"#,
            true,
        );
        check(
            r#"{"authId":"auth","address":"https://host/path","expiration":"2026-06-01T00:00:00","status":"enabled"}"#,
            false,
        );
        check(
            r#"{"authId":"auth","address":"https://host/path","expiration":"","status":"expired"}"#,
            false,
        );
        check(
            r#"{"authId":"auth","address":"https://host/path","expiration":"","status":"disabled"}"#,
            false,
        );
        check(
            r#"{"authId":"","address":"https://host/path","expiration":"","status":"enabled"}"#,
            false,
        );
        check(
            r#"{"authId":"auth","address":"https://other/path","expiration":"","status":"enabled"}"#,
            false,
        );
        check("null", false);
    }

    #[test]
    fn a_sparse_answer_is_read() {
        let found = read(r#"{"contentType":"audit.general","new":[]}"#).unwrap();
        assert_eq!(found.content_type, ContentType::AuditGeneral);
        assert_eq!(found.status, SubscriptionStatus::Other);
        assert!(found.webhook.is_none());
        assert!(read(r#"{"contentType":"Audit.Future"}"#).is_none());
    }

    proptest! {
        #[test]
        fn an_unreadable_expiration_does_not_spoil_the_rest(expiration in "\\PC{0,20}") {
            let json = serde_json::json!({"contentType": "DLP.All", "webhook": {"expiration": expiration}});
            prop_assert!(read(&json.to_string()).is_some());
        }
    }
}
