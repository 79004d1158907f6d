//! The messages to the fetcher, tagged and versioned: a content descriptor from receiver and reconciler, or a part of a replay.
//!
//! A descriptor names a blob and carries none of it: under 1 KiB, so ten fit any batch. The address Microsoft gave is not in it:
//! the fetcher builds the URL anew from tenant and content id. Old versions parse for ever, because a message may lie in a
//! dead-letter queue for two weeks over a deployment.

use office365::TenantId;
use serde::{Deserialize, Serialize};

use crate::content::{ContentRef, DiscoveredBy};
use crate::store::ledger::replay::id::ReplayId;

/// What a queue message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum Message {
    /// Fetch this blob.
    #[serde(rename = "1")]
    V1 {
        /// The blob.
        #[serde(flatten)]
        blob: ContentRef,
        /// How we learned of it.
        via: DiscoveredBy,
    },
    /// Go on with this part of a replay.
    #[serde(rename = "replay-1")]
    Replay(ReplayPart),
}

/// A part of a replay: where it stands, the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayPart {
    /// Whose.
    pub tenant_id: TenantId,
    /// Which replay.
    pub replay_id: ReplayId,
    /// Which of the units, counted in turn, are of this part: those whose number leaves this remainder.
    pub lane: u8,
}

impl Message {
    /// A message of the current version.
    #[must_use]
    pub fn new(blob: ContentRef, via: DiscoveredBy) -> Self {
        Self::V1 { blob, via }
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant_id(&self) -> TenantId {
        match self {
            Self::V1 { blob, .. } => blob.tenant_id,
            Self::Replay(part) => part.tenant_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use office365::ContentType;

    use super::*;

    /// As written by the first release. It must parse for ever.
    const V1: &str = r#"{"v":"1","tenant_id":"11111111-2222-4333-8444-555555555555","content_type":"Audit.Exchange","content_id":"20200702020621634014687$20200702020621634014687$audit_exchange$Audit_Exchange$emea0036","content_created":"2020-07-02T02:06:21.634Z","content_expiration":"2020-07-09T02:06:21.634Z","via":"notification"}"#;

    #[test]
    fn version_1_reads_and_writes_as_it_always_did() {
        let message: Message = serde_json::from_str(V1).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), V1);
        let Message::V1 { blob, via } = message else {
            panic!("read as another message");
        };
        assert_eq!(blob.content_type, ContentType::AuditExchange);
        assert_eq!(via, DiscoveredBy::Notification);
    }

    #[test]
    fn a_part_of_a_replay_reads_and_writes_as_it_always_did() {
        let text = r#"{"v":"replay-1","tenant_id":"11111111-2222-4333-8444-555555555555","replay_id":"20260301T101500123-0a1b2c3d","lane":3}"#;
        let message: Message = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        assert_eq!(
            message.tenant_id().to_string(),
            "11111111-2222-4333-8444-555555555555"
        );
    }

    #[test]
    fn an_unknown_version_is_an_error_and_not_a_guess() {
        let text = V1.replace(r#""v":"1""#, r#""v":"2""#);
        assert!(serde_json::from_str::<Message>(&text).is_err());
    }

    #[test]
    fn the_longest_message_stays_under_a_kibibyte() {
        let text = V1.replace("emea0036", &"x".repeat(512 - 86));
        assert!(serde_json::from_str::<Message>(&text).is_ok());
        assert!(text.len() < 1024, "{}", text.len());
    }
}
