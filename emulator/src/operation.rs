//! The operations of Microsoft's hosts, of webhooks and of the control API.

use serde::{Deserialize, Serialize};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A token endpoint.
    Token,
    /// A consent page.
    Consent,
    /// A document that says where the endpoints and keys are.
    Discovery,
    /// `/subscriptions/start`
    Start,
    /// `/subscriptions/stop`
    Stop,
    /// `/subscriptions/list`
    List,
    /// `/subscriptions/content`
    Content,
    /// `/subscriptions/notifications`
    Notifications,
    /// `/audit/{contentId}`
    Blob,
    /// `/resources/dlpSensitiveTypes`
    SensitiveTypes,
    /// Our call to a webhook, to validate it.
    Validation,
    /// Our call to a webhook, to announce content.
    Notification,
    /// `/_emulator/...`
    Control,
    /// An address that Microsoft does not serve.
    Unknown,
}
