//! Time as an argument: workers start a clock, everything below asks it.

mod hour;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

pub use self::hour::{Hour, InvalidHour};

/// A moment read once by the worker, moving on with the monotonic clock from there.
///
/// One reading keeps a unit of work consistent with itself when the wall clock is stepped while it runs, and lets tests
/// choose the time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    at: Timestamp,
    /// Since when it moves on; a stopped one does not.
    since: Option<Instant>,
}

impl Clock {
    /// A clock that shows `at` now.
    #[must_use]
    pub fn starting_at(at: Timestamp) -> Self {
        Self {
            at,
            since: Some(Instant::now()),
        }
    }

    /// A clock that shows `at` for ever: for a simulation, whose time moves in steps.
    #[must_use]
    pub fn stopped_at(at: Timestamp) -> Self {
        Self { at, since: None }
    }

    /// The time by this clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed = self.since.map(|since| since.elapsed());
        later(self.at, passed.unwrap_or_default())
    }
}

/// `at` plus `span`, held at the last representable time (year 9999) instead of failing.
#[must_use]
pub fn later(at: Timestamp, span: Duration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// `at` minus `span`, held at the first representable time.
#[must_use]
pub fn earlier(at: Timestamp, span: Duration) -> Timestamp {
    at.saturating_sub(span).unwrap_or(Timestamp::MIN)
}

/// A time for people: to the minute, in UTC.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_moves_with_the_monotonic_one() {
        let at: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let since = Instant::now() - Duration::from_secs(90);
        let shown = Clock {
            at,
            since: Some(since),
        }
        .now();
        assert!(shown >= later(at, Duration::from_secs(90)), "{shown}");
        assert!(shown < later(at, Duration::from_secs(900)), "{shown}");
    }

    #[test]
    fn arithmetic_at_the_edges_saturates() {
        assert_eq!(
            later(Timestamp::MAX, Duration::from_secs(1)),
            Timestamp::MAX
        );
        assert_eq!(
            earlier(Timestamp::MIN, Duration::from_secs(1)),
            Timestamp::MIN
        );
    }
}
