//! Subscriptions and their webhooks, as Microsoft reports them.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::{ContentType, timestamp};

/// The webhook that a subscription should have.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where Microsoft posts to: https.
    pub address: Url,
    /// Sent back in the header Webhook-AuthID of every call.
    pub auth_id: SecretString,
}

/// A subscription as it is.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// What it is for.
    pub content_type: ContentType,
    /// Whether content is made for it.
    pub status: SubscriptionStatus,
    /// Its webhook; `None` also while Microsoft still validates it, and after it silently vanished.
    pub webhook: Option<WebhookState>,
}

/// Whether content is made for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// Yes.
    Enabled,
    /// No: nothing is announced or listed.
    Disabled,
    /// Not said (one documented answer lacks it), or a word unknown so far.
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
    /// Not said, or a word unknown so far.
    Other,
}

/// A webhook as it is.
#[derive(Debug, Clone)]
pub struct WebhookState {
    /// Whether it is called.
    pub status: WebhookStatus,
    /// Its address as Microsoft keeps it; a text, since it may be anybody's.
    pub address: String,
    /// Its authId; empty counts as none.
    pub auth_id: Option<SecretString>,
    /// When it ends; empty and null count as never.
    pub expiration: Option<Timestamp>,
}

/// What a start did.
#[derive(Debug, Clone)]
pub enum Started {
    /// Created, changed or revived: the subscription as Microsoft echoes it. Compare its webhook with what was sent:
    /// a body that Microsoft does not understand is ignored with status 200.
    Changed(Subscription),
    /// Nothing to change (AF20024): it was as asked already.
    AlreadyEnabled,
}

impl WebhookState {
    /// Whether this is the webhook that should be there, enabled and not expired at `now`.
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

/// The shape on the wire; everything but the type may be missing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wire {
    content_type: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    webhook: Option<WireWebhook>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireWebhook {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    auth_id: Option<String>,
    #[serde(default, deserialize_with = "timestamp::deserialize_lossy")]
    expiration: Option<Timestamp>,
}

impl Wire {
    /// Typed; `None` for a content type that Microsoft may add one day.
    pub(crate) fn into_subscription(self) -> Option<Subscription> {
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
pub(crate) fn start_body(webhook: &Webhook) -> Vec<u8> {
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
        serde_json::from_str::<Wire>(json)
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
