//! The content queue and the sweep queue (SQS), and what the messages of all queues say. Messages are sent ten at a time; each is durable, or the send fails.

mod finding;
mod message;
mod sweeps;

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use futures::stream::{self, StreamExt as _};

use serde::Serialize;

pub use self::finding::FindingMessage;
pub use self::message::{Message, ReplayPart};
pub use self::sweeps::{SweepMessage, SweepQueue};
use crate::aws::AwsError;
use crate::backoff::Backoff;

/// Entries of one `SendMessageBatch`: SQS's limit.
pub const BATCH_ENTRIES_MAX: usize = 10;

/// Batches in flight at once: a notification of 1,000 items is then seven round trips.
pub const BATCHES_IN_FLIGHT_MAX: usize = 16;

/// Times that an entry is sent before the whole send counts as failed. The SDK retries transport faults itself; these are
/// for entries that SQS refused inside an accepted batch.
pub const ENTRY_ATTEMPTS_MAX: u32 = 4;

/// Four attempts end within 700 ms, inside what Microsoft is assumed to wait for an answer (5 s).
const ENTRY_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(100),
    longest: Duration::from_millis(400),
};

/// SQS's limit for `DelaySeconds`.
pub const DELAY_MAX: Duration = Duration::from_secs(15 * 60);

/// The content queue.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
    fair: bool,
}

/// Some messages are not in the queue.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// SQS refused the call.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// SQS accepted the call and refused entries, again and again.
    #[error(
        "{entries} messages were refused {ENTRY_ATTEMPTS_MAX} times, last with {code}: nothing is lost, whoever sent them tries again"
    )]
    Refused {
        /// How many.
        entries: usize,
        /// SQS's code for one of them.
        code: String,
    },
}

impl Queue {
    /// The queue at `url`. A fair one carries the tenant as `MessageGroupId`, so that one tenant's backlog does not delay
    /// the others (SQS fair queues; not every embedded server accepts a group on a standard queue).
    #[must_use]
    pub fn new(client: Client, url: String, fair: bool) -> Self {
        Self { client, url, fair }
    }

    /// Sends all messages and returns when every one of them is durable.
    ///
    /// # Errors
    /// [`SendError`] when at least one is not; others may be. Sending again is harmless: the ledger knows what is done.
    pub async fn send(&self, messages: &[Message]) -> Result<(), SendError> {
        let entries: Vec<Entry> = messages.iter().map(|message| self.entry(message)).collect();
        self.send_entries(&entries).await
    }

    /// How many messages there are: visible, in other hands and delayed. SQS counts within a minute or so.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn depth(&self) -> Result<u64, AwsError> {
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let output = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(counts.to_vec()))
            .send()
            .await
            .map_err(|error| AwsError::new("sqs:GetQueueAttributes", &error))?;
        let known = output.attributes.unwrap_or_default();
        counts.iter().try_fold(0, |sum: u64, name| {
            let count = known.get(name).and_then(|count| count.parse::<u64>().ok());
            let count = count.ok_or_else(|| {
                AwsError::unusable("sqs:GetQueueAttributes", format!("no {name}"))
            })?;
            Ok(sum.saturating_add(count))
        })
    }

    async fn send_entries(&self, messages: &[Entry]) -> Result<(), SendError> {
        let batches: Vec<_> = messages
            .chunks(BATCH_ENTRIES_MAX)
            .map(|batch| self.send_batch(batch))
            .collect();
        let mut batches = stream::iter(batches).buffer_unordered(BATCHES_IN_FLIGHT_MAX);
        while let Some(sent) = batches.next().await {
            sent?;
        }
        Ok(())
    }

    /// Sends one message to appear after `delay` (at most [`DELAY_MAX`]).
    ///
    /// # Errors
    /// [`SendError`] when it is not in the queue.
    pub async fn send_later(&self, message: &Message, delay: Duration) -> Result<(), SendError> {
        // Rounded up: a message that comes too early finds nothing to do.
        let seconds = delay.min(DELAY_MAX).as_secs_f64().ceil() as i32;
        let Entry { body, group } = self.entry(message);
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(seconds)
            .set_message_group_id(group)
            .send()
            .await
            .map_err(|error| AwsError::new("sqs:SendMessage", &error))?;
        Ok(())
    }

    async fn send_batch(&self, batch: &[Entry]) -> Result<(), SendError> {
        let mut left: Vec<usize> = (0..batch.len()).collect();
        let mut code = String::new();
        for attempt in 0..ENTRY_ATTEMPTS_MAX {
            if attempt > 0 {
                tokio::time::sleep(ENTRY_BACKOFF.delay(attempt)).await;
            }
            let answer = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries(batch, &left)?))
                .send()
                .await
                .map_err(|error| AwsError::new("sqs:SendMessageBatch", &error))?;
            // Only what SQS names as successful is durable: an entry it names nowhere is sent again.
            let done: Vec<&str> = answer.successful().iter().map(|entry| entry.id()).collect();
            left.retain(|index| !done.contains(&index.to_string().as_str()));
            if left.is_empty() {
                return Ok(());
            }
            if let Some(failed) = answer.failed().first() {
                failed.code().clone_into(&mut code);
            }
        }
        Err(SendError::Refused {
            entries: left.len(),
            code,
        })
    }

    fn entry(&self, message: &Message) -> Entry {
        Entry {
            body: body(message),
            group: self.fair.then(|| message.tenant_id().to_string()),
        }
    }
}

/// A message as SQS takes it.
struct Entry {
    body: String,
    group: Option<String>,
}

/// Those entries of the batch that are left, each named by its place in it.
fn entries(batch: &[Entry], left: &[usize]) -> Result<Vec<SendMessageBatchRequestEntry>, AwsError> {
    left.iter()
        .map(|index| {
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(&batch[*index].body)
                .set_message_group_id(batch[*index].group.clone())
                .build()
                .map_err(|error| AwsError::unusable("sqs:SendMessageBatch", error.to_string()))
        })
        .collect()
}

fn body(message: &impl Serialize) -> String {
    match serde_json::to_string(message) {
        Ok(text) => text,
        Err(_) => unreachable!("a message has string keys and plain values only"),
    }
}
