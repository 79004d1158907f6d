//! A batch of messages, as Lambda's event source mapping or the local worker hands it over: each fails alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout_at};

use super::{Fetcher, Outcome, run};
use crate::clock::{Clock, later};
use crate::queue::Message;

/// Blobs of one worker in flight at once. Ten in parallel on one tenant were never throttled by Microsoft in the field, and
/// it is SQS's batch without a window.
pub const BLOBS_IN_FLIGHT_MAX: usize = 10;

/// Time kept back at the end to answer: what is not finished by then fails and comes again.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);

/// An SQS event as Lambda hands it over; the part that is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SqsEvent {
    records: Vec<SqsMessage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsMessage {
    message_id: String,
    body: String,
}

impl SqsEvent {
    /// The messages.
    #[must_use]
    pub fn deliveries(self) -> Vec<Delivery> {
        let delivery = |message: SqsMessage| Delivery {
            message_id: message.message_id,
            body: message.body,
        };
        self.records.into_iter().map(delivery).collect()
    }
}

/// The answer that Lambda understands as partial failure (`ReportBatchItemFailures`): an empty list is success; an unknown
/// or empty id would fail the whole batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

impl BatchResponse {
    /// These messages must come again.
    #[must_use]
    pub fn of(failed: Vec<String>) -> Self {
        let failure = |item_identifier| ItemFailure { item_identifier };
        Self {
            batch_item_failures: failed.into_iter().map(failure).collect(),
        }
    }
}

/// One message of the batch.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// SQS's message id: what a failure is reported by.
    pub message_id: String,
    /// What it says.
    pub body: String,
}

/// Works through a batch until `deadline`; returns the ids of the messages that must come again.
///
/// A panic fails its message and no other. A message that cannot be read fails until it is in the dead-letter queue, where
/// a person can look at it.
pub async fn batch(
    fetcher: &Arc<Fetcher>,
    deliveries: Vec<Delivery>,
    clock: Clock,
    deadline: Instant,
) -> Vec<String> {
    let stop_at = deadline.checked_sub(ANSWER_MARGIN).unwrap_or(deadline);
    let worker_until = later(
        clock.now(),
        deadline.saturating_duration_since(Instant::now()),
    );
    let permits = Arc::new(Semaphore::new(BLOBS_IN_FLIGHT_MAX));
    let mut tasks = JoinSet::new();
    let mut ids: HashMap<Id, String> = HashMap::with_capacity(deliveries.len());
    for delivery in deliveries {
        let (fetcher, permits) = (Arc::clone(fetcher), Arc::clone(&permits));
        let id = delivery.message_id.clone();
        let task = tasks.spawn(async move {
            let work = Box::pin(one(&fetcher, &permits, &delivery, clock, worker_until));
            timeout_at(stop_at, work).await.unwrap_or_else(|_| {
                tracing::warn!(
                    message.id = delivery.message_id,
                    "blob not finished in time, will be tried again"
                );
                false
            })
        });
        ids.insert(task.id(), id);
    }
    let mut failed = Vec::new();
    while let Some(joined) = tasks.join_next_with_id().await {
        let (task, succeeded) = match joined {
            Ok((task, succeeded)) => (task, succeeded),
            Err(error) => {
                tracing::error!(
                    panicked = error.is_panic(),
                    "an attempt died: this is a bug, the message comes again"
                );
                (error.id(), false)
            }
        };
        if !succeeded && let Some(id) = ids.remove(&task) {
            failed.push(id);
        }
    }
    failed
}

/// Whether the message is dealt with.
async fn one(
    fetcher: &Fetcher,
    permits: &Semaphore,
    delivery: &Delivery,
    clock: Clock,
    worker_until: jiff::Timestamp,
) -> bool {
    let _permit = permits.acquire().await;
    let message: Message = match serde_json::from_str(&delivery.body) {
        Ok(message) => message,
        Err(error) => {
            tracing::error!(
                message.id = delivery.message_id,
                line = error.line(),
                column = error.column(),
                "message is none of ours, left for the dead-letter queue"
            );
            return false;
        }
    };
    match run(fetcher, message, clock, worker_until).await {
        Ok(Outcome::Held) => {
            tracing::debug!(message.id = delivery.message_id, "blob is in other hands");
            true
        }
        Ok(_) => true,
        Err(error) => {
            tracing::error!(message.id = delivery.message_id, %error, "message comes again");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Lambda sends it, with fields that nobody reads.
    const EVENT: &str = r#"{"Records":[{"messageId":"059f36b4","receiptHandle":"AQEB","body":"{}","attributes":{"ApproximateReceiveCount":"1"},"eventSource":"aws:sqs"}]}"#;

    #[test]
    fn lambdas_event_is_read() {
        let event: SqsEvent = serde_json::from_str(EVENT).unwrap();
        let deliveries = event.deliveries();
        assert_eq!(
            (
                deliveries[0].message_id.as_str(),
                deliveries[0].body.as_str()
            ),
            ("059f36b4", "{}")
        );
    }

    #[test]
    fn failures_are_reported_by_message_id() {
        let answer =
            serde_json::to_string(&BatchResponse::of(vec!["059f36b4".to_owned()])).unwrap();
        assert_eq!(
            answer,
            r#"{"batchItemFailures":[{"itemIdentifier":"059f36b4"}]}"#
        );
        let none = serde_json::to_string(&BatchResponse::of(Vec::new())).unwrap();
        assert_eq!(none, r#"{"batchItemFailures":[]}"#);
    }
}
