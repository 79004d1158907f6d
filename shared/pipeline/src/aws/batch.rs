//! A batch of SQS messages, as Lambda's event source mapping or the local worker hands it over: one that fails does not fail the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::teeth::{Tooth, bites};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout_at};

/// Time kept for the answer before the deadline. A message that is not finished by then fails, and SQS delivers it again.
pub(crate) const ANSWER_MARGIN: Duration = Duration::from_secs(2);

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
    /// Its text.
    pub body: String,
}

/// What a message says. `None`, with an error in the log, when it is none of ours: it fails until it is in the dead-letter queue,
/// where a person can look at it.
pub(crate) fn read<T: DeserializeOwned>(delivery: &Delivery) -> Option<T> {
    match serde_json::from_str(&delivery.body) {
        Ok(message) => Some(message),
        Err(error) => {
            tracing::error!(
                message.id = delivery.message_id,
                line = error.line(),
                column = error.column(),
                "message is none of ours, left for the dead-letter queue"
            );
            None
        }
    }
}

/// Runs `work` for each message, at most `at_once_max` at once, until shortly before `deadline`.
///
/// Returns the ids of the messages that SQS must deliver again: those whose `work` answered false, did not end in time, or
/// panicked.
pub(crate) async fn each<F>(
    deliveries: Vec<Delivery>,
    at_once_max: usize,
    deadline: Instant,
    work: impl Fn(Delivery) -> F,
) -> Vec<String>
where
    F: Future<Output = bool> + Send + 'static,
{
    let stop_at = deadline.checked_sub(ANSWER_MARGIN).unwrap_or(deadline);
    let permits = Arc::new(Semaphore::new(at_once_max));
    let mut tasks = JoinSet::new();
    let mut ids: HashMap<Id, String> = HashMap::with_capacity(deliveries.len());
    for delivery in deliveries {
        let permits = Arc::clone(&permits);
        let id = delivery.message_id.clone();
        let message_id = delivery.message_id.clone();
        let work = work(delivery);
        let task = tasks.spawn(async move {
            let permitted = async move {
                let _permit = permits.acquire().await;
                work.await
            };
            timeout_at(stop_at, permitted).await.unwrap_or_else(|_| {
                tracing::warn!(
                    message.id = message_id,
                    "message not dealt with in time, comes again"
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
        if bites(Tooth::FailedIdNotReported) {
            continue;
        }
        if !succeeded && let Some(id) = ids.remove(&task) {
            failed.push(id);
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Lambda sends it, with fields that nobody reads.
    const EVENT: &str = r#"{"Records":[{"messageId":"059f36b4","receiptHandle":"AQEB","body":"{}","attributes":{"ApproximateReceiveCount":"1"},"eventSource":"aws:sqs"}]}"#;

    #[test]
    fn an_sqs_event_is_read() {
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

    #[tokio::test(start_paused = true)]
    async fn a_message_that_fails_panics_or_hangs_fails_alone() {
        let deliveries = ["done", "fails", "dies", "hangs", "done too"].map(|id| Delivery {
            message_id: id.to_owned(),
            body: id.to_owned(),
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut failed = each(deliveries.to_vec(), 2, deadline, |delivery| async move {
            match delivery.body.as_str() {
                "fails" => false,
                "dies" => panic!("as the test wants it"),
                "hangs" => std::future::pending().await,
                _ => true,
            }
        })
        .await;
        failed.sort();
        assert_eq!(failed, ["dies", "fails", "hangs"]);
        assert!(Instant::now() < deadline, "no time left to answer");
    }
}
