//! Takes messages from a queue and has them worked at, as Lambda's event source mapping does: several batches of ten at once; a
//! message that succeeded is deleted, one that failed is received again.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use pipeline::aws::AwsError;
use pipeline::aws::batch::Delivery;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Batches in flight at once: what an event source mapping starts with.
pub const BATCHES_IN_FLIGHT_MAX: usize = 5;

/// Messages of one batch: SQS's limit.
const BATCH_MESSAGES_MAX: i32 = 10;

/// How long a poll waits for a message: SQS's limit. All pollers together then make a request every four seconds.
const POLL_WAIT_SECONDS: i32 = 20;

/// Pause after a poll that failed.
const POLL_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The queue that messages are received from.
#[derive(Clone, Debug)]
pub struct MessageSource {
    /// Client of the queue's server.
    pub client: aws_sdk_sqs::Client,
    /// The queue's address.
    pub queue_url: String,
}

/// Works until `stop`, then finishes the batches under way. `work` returns the ids of the messages that must come again.
pub async fn run<F>(
    source: MessageSource,
    stop: CancellationToken,
    work: impl Fn(Vec<Delivery>) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Vec<String>> + Send,
{
    let mut pollers = JoinSet::new();
    for _ in 0..BATCHES_IN_FLIGHT_MAX {
        let (source, work, stop) = (source.clone(), work.clone(), stop.clone());
        pollers.spawn(async move {
            while let Some(messages) = stop.run_until_cancelled(poll(&source)).await {
                process(&source, &work, messages).await;
            }
        });
    }
    pollers.join_all().await;
}

async fn poll(source: &MessageSource) -> Vec<Message> {
    let received = source
        .client
        .receive_message()
        .queue_url(&source.queue_url)
        .max_number_of_messages(BATCH_MESSAGES_MAX)
        .wait_time_seconds(POLL_WAIT_SECONDS)
        .send()
        .await;
    match received {
        Ok(output) => output.messages.unwrap_or_default(),
        Err(error) => {
            let error = AwsError::new("sqs:ReceiveMessage", &error);
            tracing::warn!(%error, "queue not read");
            tokio::time::sleep(POLL_RETRY_AFTER).await;
            Vec::new()
        }
    }
}

async fn process<F>(
    source: &MessageSource,
    work: &impl Fn(Vec<Delivery>) -> F,
    messages: Vec<Message>,
) where
    F: Future<Output = Vec<String>>,
{
    let deliveries: Vec<Delivery> = messages
        .iter()
        .map(|message| Delivery {
            message_id: message.message_id().unwrap_or_default().to_owned(),
            body: message.body().unwrap_or_default().to_owned(),
        })
        .collect();
    if deliveries.is_empty() {
        return;
    }
    let failed: HashSet<String> = work(deliveries).await.into_iter().collect();
    let succeeded = messages
        .iter()
        .filter(|message| !failed.contains(message.message_id().unwrap_or_default()));
    delete(source, succeeded).await;
}

/// Deletes the messages that succeeded. If that fails they are received again, and the ledger knows what is done.
async fn delete(source: &MessageSource, messages: impl Iterator<Item = &Message>) {
    let entries: Vec<_> = messages
        .enumerate()
        .filter_map(|(index, message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(message.receipt_handle()?)
                .build()
                .ok()
        })
        .collect();
    if entries.is_empty() {
        return;
    }
    let deleted = source
        .client
        .delete_message_batch()
        .queue_url(&source.queue_url)
        .set_entries(Some(entries))
        .send()
        .await;
    if let Err(error) = deleted {
        let error = AwsError::new("sqs:DeleteMessageBatch", &error);
        tracing::warn!(%error, "messages not deleted, they will be received again");
    }
}
