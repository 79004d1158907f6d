//! The schedule of the dispatcher, which EventBridge Scheduler keeps on AWS, the sweepers, which Lambda runs there, and the
//! removal of expired items, which DynamoDB does.

use std::sync::Arc;
use std::time::Duration;

use pipeline::reconcile::{self, Dispatcher, Sweeper};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::worker::{self, MessageSource};
use crate::backends::Backends;
use crate::wall_clock;

const HOUR: Duration = Duration::from_secs(3600);

/// Time for one run of the dispatcher, as on AWS.
const DISPATCH_WITHIN: Duration = Duration::from_secs(60);

/// Time for a batch of sweeps, as the reconciler has on AWS.
const BATCH_WITHIN: Duration = Duration::from_secs(90);

/// Between two looks at who is due: the lateness of a sweep. A look is sixteen queries.
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);
const LOOK_EVERY_MAX: Duration = Duration::from_secs(15);

/// Dispatches sweeps at once, and then several times within `period`, until `stop`.
pub async fn dispatch(dispatcher: Dispatcher, period: Duration, stop: CancellationToken) {
    let mut tick = interval((period / 4).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let deadline = Instant::now() + DISPATCH_WITHIN;
        let dispatched = reconcile::dispatch(&dispatcher, wall_clock::clock(), deadline);
        match stop.run_until_cancelled(dispatched).await {
            Some(Err(error)) => tracing::error!(%error, "sweeps not dispatched, tried again soon"),
            Some(Ok(_)) => {}
            None => return,
        }
    }
}

/// Runs the sweeps of the messages in the sweep queue, until `stop`.
pub async fn sweep(source: MessageSource, sweeper: Arc<Sweeper>, stop: CancellationToken) {
    let stopped = stop.clone();
    worker::run(source, stop, move |deliveries| {
        let (sweeper, stopped) = (Arc::clone(&sweeper), stopped.clone());
        async move {
            let (clock, deadline) = (wall_clock::clock(), Instant::now() + BATCH_WITHIN);
            let swept = reconcile::batch(&sweeper, deliveries, clock, deadline);
            // A sweep that ends half-way does no harm: the watermark has not moved.
            stopped.run_until_cancelled(swept).await;
            Vec::new()
        }
    })
    .await;
}

/// Deletes expired items every hour until `stop`. DynamoDB on AWS does so by itself.
pub async fn expire(backends: Arc<Backends>, stop: CancellationToken) {
    let mut tick = interval(HOUR);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let backends = Arc::clone(&backends);
        let expired = tokio::task::spawn_blocking(move || backends.expire_items()).await;
        tracing::debug!(items = expired.unwrap_or_default(), "expired items deleted");
    }
}
