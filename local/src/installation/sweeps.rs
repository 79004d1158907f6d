//! The schedule of sweeps, which EventBridge Scheduler keeps on AWS, and the removal of expired items, which DynamoDB does.

use std::sync::Arc;
use std::time::Duration;

use pipeline::reconcile::{self, Reconciler, Sweep};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::backends::Backends;
use crate::wall_clock;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Time for one sweep: as long as the reconciler may run on AWS. The next sweep starts after it.
const SWEEP_WITHIN: Duration = Duration::from_secs(5 * 60);

/// Sweeps at once and then at the interval `every`, until `stop`. Once an hour the sweep covers the last day, once a day the week.
pub async fn run(reconciler: Arc<Reconciler>, every: Duration, stop: CancellationToken) {
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due = Due::starting_at(Instant::now());
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let sweep = due.next(Instant::now());
        let clock = wall_clock::clock();
        let swept = reconcile::run(&reconciler, sweep, clock, Instant::now() + SWEEP_WITHIN);
        match stop.run_until_cancelled(swept).await {
            Some(Err(error)) => tracing::error!(%error, "sweep failed, the next one tries again"),
            Some(Ok(_)) => {}
            // A sweep that ends half-way does no harm: the watermark has not moved.
            None => return,
        }
    }
}

/// When the next longer sweeps are due.
struct Due {
    day: Instant,
    week: Instant,
}

impl Due {
    fn starting_at(now: Instant) -> Self {
        Self {
            day: now + HOUR,
            week: now + DAY,
        }
    }

    fn next(&mut self, now: Instant) -> Sweep {
        if now >= self.week {
            *self = Self::starting_at(now);
            Sweep::Week
        } else if now >= self.day {
            self.day = now + HOUR;
            Sweep::Day
        } else {
            Sweep::Recent
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_sweeps_are_due_hourly_and_daily() {
        let start = Instant::now();
        let mut due = Due::starting_at(start);
        let mut sweeps = [0; 3];
        for minute in 0..=(48 * 60) {
            let sweep = due.next(start + Duration::from_secs(60) * minute);
            sweeps[sweep as usize] += 1;
        }
        assert_eq!(sweeps[Sweep::Week as usize], 2);
        assert_eq!(sweeps[Sweep::Day as usize], 46);
    }
}
