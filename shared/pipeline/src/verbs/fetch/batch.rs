//! A batch of content descriptors: each is fetched, or fails alone.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{FetchOutcome, Fetcher, run};
use crate::aws::batch::{self, Delivery};
use crate::clock::{Clock, later};
use crate::store::queue::Message;

/// Blobs of one worker in flight at once. Ten in parallel on one tenant were never throttled by Microsoft in the field, and
/// it is SQS's batch without a window.
pub const BLOBS_IN_FLIGHT_MAX: usize = 10;

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
    let worker_until = later(
        clock.now(),
        deadline.saturating_duration_since(Instant::now()),
    );
    batch::each(deliveries, BLOBS_IN_FLIGHT_MAX, deadline, |delivery| {
        let fetcher = Arc::clone(fetcher);
        async move { one(&fetcher, &delivery, clock, worker_until).await }
    })
    .await
}

/// Whether the message is dealt with.
async fn one(
    fetcher: &Fetcher,
    delivery: &Delivery,
    clock: Clock,
    worker_until: Timestamp,
) -> bool {
    let Some(message) = batch::read::<Message>(delivery) else {
        return false;
    };
    match run(fetcher, message, clock, worker_until).await {
        Ok(FetchOutcome::Held) => {
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
