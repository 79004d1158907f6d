//! The messages to the notifier: a finding as it lies in the lake, so that the notifier needs no other right than to send it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// A finding on its way to the webhook. Versions parse for ever, as those of [`super::Message`] do.
#[derive(Debug, Serialize, Deserialize)]
pub struct FindingMessage {
    v: Version,
    /// Its uid.
    pub uid: Uuid,
    /// The finding, some 20 KB at most.
    pub event: Box<RawValue>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "finding-1")]
    V1,
}

impl FindingMessage {
    /// A message of the current version.
    #[must_use]
    pub fn new(uid: Uuid, event: Box<RawValue>) -> Self {
        Self {
            v: Version::V1,
            uid,
            event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_reads_and_writes_as_it_always_did() {
        let text = r#"{"v":"finding-1","uid":"04fb5784-b15a-5f7e-834d-1f96f246b5ff","event":{"class_uid": 2004}}"#;
        let message: FindingMessage = serde_json::from_str(text).unwrap();
        assert_eq!(message.event.get(), r#"{"class_uid": 2004}"#);
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        let unknown = text.replace("finding-1", "finding-2");
        assert!(serde_json::from_str::<FindingMessage>(&unknown).is_err());
    }
}
