//! Faults as data: what goes wrong, where, and how often.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::content_type::ContentType;
use crate::operation::Operation;

/// Something that goes wrong. In JSON: `{"kind": "throttle", "operation": "blob", "probability": 0.1}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Only for this operation. By default every operation of the feed, but none of the login host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Only for this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Uuid>,
    /// Only for this content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// How likely, from 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// Leave the first matches alone.
    #[serde(default)]
    pub after: u64,
    /// How often at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// From this time of the emulator's clock, in seconds after its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_seconds: Option<u64>,
    /// Until this time of the emulator's clock, in seconds after its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_seconds: Option<u64>,
}

const fn always() -> f64 {
    1.0
}

/// What goes wrong. The moments are requests, the publication of a blob, and notifications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Any error of the API: status, AF code, message.
    Error {
        /// HTTP status.
        status: u16,
        /// `error.code`
        code: String,
        /// `error.message`
        #[serde(default)]
        message: String,
    },
    /// AF429, with [`crate::Behaviour::throttled_status`] unless a status is given.
    Throttle {
        /// 403 or 429.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// A Retry-After header, which Microsoft does not promise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    /// 500 AF50000.
    Internal {
        /// The longer of the two texts seen: "retry … in an hour".
        #[serde(default)]
        in_an_hour: bool,
    },
    /// An HTML page of a gateway.
    Html {
        /// HTTP status; 503 is usual, 200 has been seen with proxies.
        status: u16,
    },
    /// The front door sends the caller elsewhere, with an empty body.
    Redirect {
        /// HTTP status: 302 or 307.
        status: u16,
        /// The `Location` header.
        location: String,
    },
    /// A status with an empty body: 401, 408, 503.
    Empty {
        /// HTTP status.
        status: u16,
    },
    /// The answer is right but its body ends early and the connection with it.
    CutBody {
        /// Bytes that still arrive.
        after_bytes: u64,
    },
    /// The answer is complete and well-formed HTTP, but its JSON stops early.
    ShortBody {
        /// Bytes of the body that are sent.
        after_bytes: u64,
    },
    /// The body begins with a byte order mark.
    ByteOrderMark,
    /// The connection is reset instead of an answer.
    Reset,
    /// The answer comes late, in real time.
    Delay {
        /// How late.
        milliseconds: u64,
    },
    /// The `Date` header is wrong.
    WrongDate {
        /// By how much; negative is in the past.
        seconds: i64,
    },
    /// The subscription's webhook silently becomes null, on any request for it.
    WebhookVanishes,
    /// The subscription's webhook becomes disabled, on any request for it, as after too many failures.
    WebhookDisabled,
    /// The subscription's webhook has expired, from any request for it on.
    WebhookExpires,
    /// The subscription becomes disabled, on any request for it, as by an administrator or by Microsoft.
    SubscriptionDisabled,
    /// The listing of content spells `contentUri` with another host.
    ForeignContentUri {
        /// The host, or anything else that may stand between `https://` and the path.
        host: String,
    },
    /// A notification is never sent.
    NotificationLost,
    /// A notification is sent late, on the emulator's clock.
    NotificationLate {
        /// By how much.
        seconds: u64,
    },
    /// A notification is sent a second time: at once, or after a while on the emulator's clock (old blobs were announced again after five days).
    NotificationTwice {
        /// How much later.
        #[serde(default)]
        after_seconds: u64,
    },
    /// A notification is sent before the ones that wait.
    NotificationFirst,
    /// A published blob begins with the last records of the one before.
    RepeatRecords {
        /// How many records.
        count: u64,
    },
    /// A published blob becomes available late, on the emulator's clock.
    BlobLate {
        /// By how much.
        seconds: u64,
    },
    /// A published blob has no records.
    BlobEmpty,
    /// A published blob is announced with a foreign `contentUri`.
    BlobForeign {
        /// The host, or anything else that may stand between `https://` and the path.
        host: String,
    },
}

impl From<FaultKind> for Fault {
    /// The fault on every occasion.
    fn from(kind: FaultKind) -> Self {
        Self {
            kind,
            operation: None,
            tenant: None,
            content_type: None,
            probability: always(),
            after: 0,
            times: None,
            from_seconds: None,
            until_seconds: None,
        }
    }
}
