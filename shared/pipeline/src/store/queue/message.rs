//! The message between receiver, reconciler and fetcher: a content descriptor, tagged and versioned.
//!
//! It names a blob and carries none of it: under 1 KiB, so ten fit any batch. The address Microsoft gave is not in it:
//! the fetcher builds the URL anew from tenant and content id. Old versions parse for ever, because a message may lie in a
//! dead-letter queue for two weeks over a deployment.

use serde::{Deserialize, Serialize};

use crate::content::{ContentRef, DiscoveredBy};

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
}

impl Message {
    /// A message of the current version.
    #[must_use]
    pub fn new(blob: ContentRef, via: DiscoveredBy) -> Self {
        Self::V1 { blob, via }
    }

    /// The blob and how we learned of it, whatever the version.
    #[must_use]
    pub fn into_parts(self) -> (ContentRef, DiscoveredBy) {
        match self {
            Self::V1 { blob, via } => (blob, via),
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
        let (blob, via) = message.into_parts();
        assert_eq!(blob.content_type, ContentType::AuditExchange);
        assert_eq!(via, DiscoveredBy::Notification);
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
