//! The emulator's time: the system's by default, and movable, so that seven days pass in a millisecond.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A clock shared by all parts of one emulator.
///
/// Everything that waits (late blobs, retries, cool-downs, token expiry) waits on this clock and wakes when it is moved.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Option<Timestamp>,
    moved: Arc<watch::Sender<SignedDuration>>,
}

impl Clock {
    /// Runs with the system's clock; [`Clock::advance`] adds to it.
    pub fn system() -> Self {
        Self {
            started: None,
            moved: Arc::new(watch::Sender::new(SignedDuration::ZERO)),
        }
    }

    /// Stands still at `at`, and moves by [`Clock::advance`] alone.
    pub fn stopped_at(at: Timestamp) -> Self {
        Self {
            started: Some(at),
            moved: Arc::new(watch::Sender::new(SignedDuration::ZERO)),
        }
    }

    /// The emulator's present, in whole milliseconds: Microsoft writes times so, and one read back must equal the one shown.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the emulator reads the system's clock"
    )]
    pub fn now(&self) -> Timestamp {
        let base = self.started.unwrap_or_else(Timestamp::now);
        let moved = *self.moved.borrow();
        let now = base.saturating_add(moved).unwrap_or(Timestamp::MAX);
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Moves the present forward.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.moved
            .send_modify(|moved| *moved = moved.saturating_add(by));
    }

    /// Returns when the present has reached `until`.
    pub(crate) async fn sleep_until(&self, until: Timestamp) {
        let mut moved = self.moved.subscribe();
        loop {
            moved.borrow_and_update();
            let now = self.now();
            if now >= until {
                return;
            }
            let wait = Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO);
            let changed = moved.changed();
            if self.started.is_some() {
                if changed.await.is_err() {
                    return;
                }
            } else {
                tokio::select! {
                    _ = changed => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }

    /// Returns after `by` has passed on this clock.
    pub(crate) async fn sleep(&self, by: Duration) {
        self.sleep_until(later(self.now(), by)).await;
    }
}

/// `at` plus `by`, at most the end of time.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// `at` minus `by`, at least the beginning of time.
pub(crate) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn moving_the_clock_wakes_what_waits() {
        for clock in [Clock::system(), Clock::stopped_at(Timestamp::UNIX_EPOCH)] {
            let until = later(clock.now(), Duration::from_hours(7 * 24));
            let sleeper = tokio::spawn({
                let clock = clock.clone();
                async move { clock.sleep_until(until).await }
            });
            clock.advance(Duration::from_hours(7 * 24 + 1));
            tokio::time::timeout(Duration::from_secs(10), sleeper)
                .await
                .expect("woken by the move")
                .expect("not cancelled");
            assert!(clock.now() >= until);
        }
    }
}
