//! The sweep queue: one message for each tenant whose sweep is due.
//!
//! A message is a hint and no more: when a tenant is due, and whether somebody sweeps it already, is in the ledger. So the queue
//! forgets a message after ten minutes (template.yaml), and the dispatcher sends another one while the tenant is due.

use jiff::Timestamp;
use office365::TenantId;
use serde::{Deserialize, Serialize};

use super::{Entry, Queue, SendError, body};
use crate::aws::AwsError;

/// "Sweep this tenant."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepMessage {
    /// Whom.
    pub tenant_id: TenantId,
    /// When this was found to be due. A sweep that began later has done it.
    pub asked_at: Timestamp,
}

/// The sweep queue.
#[derive(Clone, Debug)]
pub struct SweepQueue(Queue);

impl SweepQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        // A tenant has one message: there is nothing to be fair about.
        Self(Queue::new(client, url, false))
    }

    /// Sends all messages.
    ///
    /// # Errors
    /// [`SendError`] when at least one is not in the queue; others may be.
    pub async fn send(&self, messages: &[SweepMessage]) -> Result<(), SendError> {
        let entry = |message| Entry {
            body: body(message),
            group: None,
        };
        let entries: Vec<Entry> = messages.iter().map(entry).collect();
        self.0.send_entries(&entries).await
    }

    /// How many messages there are: see [`Queue::depth`].
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn depth(&self) -> Result<u64, AwsError> {
        self.0.depth().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_message_reads_as_it_was_written() {
        let text = r#"{"tenant_id":"11111111-2222-4333-8444-555555555555","asked_at":"2026-03-01T10:00:00Z"}"#;
        let message: SweepMessage = serde_json::from_str(text).unwrap();
        assert_eq!(body(&message), text);
    }
}
