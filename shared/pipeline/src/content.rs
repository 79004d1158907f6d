//! A content blob: its name, as the queue, the ledger and the lake all speak of it, and how large it may be.

pub mod event;

use jiff::Timestamp;
use office365::{Content, ContentId, ContentType, TenantId};
use records::BlobLimits;
use serde::{Deserialize, Serialize};

use crate::clock::Hour;

/// Limits of the decoded blob: two million records of the usual 1.2 KB. What is known of each record (25 bytes) is kept in
/// memory.
pub const BLOB_LIMITS: BlobLimits = BlobLimits {
    body_bytes_max: 4 * 1024 * 1024 * 1024,
    record_bytes_max: 8 * 1024 * 1024,
    records_max: 2_000_000,
};

/// One content blob, as Microsoft announced or listed it.
///
/// Queue messages have these fields as they are, and old messages must parse for ever: never rename one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRef {
    /// Whose audit log it is.
    pub tenant_id: TenantId,
    /// The subscription it came under.
    pub content_type: ContentType,
    /// Microsoft's name of it; with the tenant the ledger's key.
    pub content_id: ContentId,
    /// When it became available at Microsoft; the sweep's axis. Not the time of any event in it.
    pub content_created: Timestamp,
    /// Until when Microsoft keeps it.
    pub content_expiration: Timestamp,
}

/// The blobs that Microsoft made available within one hour, under one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHour {
    /// Whose.
    pub tenant: TenantId,
    /// Of which subscription.
    pub content_type: ContentType,
    /// Of contentCreated.
    pub hour: Hour,
}

impl ContentRef {
    /// What a tenant's notification or listing names.
    #[must_use]
    pub fn new(tenant_id: TenantId, content: Content) -> Self {
        Self {
            tenant_id,
            content_type: content.content_type,
            content_id: content.content_id,
            content_created: content.content_created,
            content_expiration: content.content_expiration,
        }
    }
}

/// How a blob became known to whoever sends it to the fetcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscoveredBy {
    /// Microsoft called the webhook.
    Notification,
    /// The reconciler found it in Microsoft's listing, or overdue in the ledger.
    #[serde(rename = "sweep")]
    Listing,
    /// An attempt failed, and a later one was arranged.
    Retry,
}

impl DiscoveredBy {
    /// As queue messages and the ledger spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Listing => "sweep",
            Self::Retry => "retry",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_ledger_spell_a_discovery_alike() {
        for (by, expect) in [
            (DiscoveredBy::Notification, "notification"),
            (DiscoveredBy::Listing, "sweep"),
            (DiscoveredBy::Retry, "retry"),
        ] {
            assert_eq!(by.as_str(), expect);
            assert_eq!(serde_json::to_value(by).unwrap(), expect);
        }
    }
}
