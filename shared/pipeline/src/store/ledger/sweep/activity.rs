//! What sweeps saw of a tenant, in numbers: so that ten thousand tenants are looked over without a Query for each. It is as old
//! as the last sweep, and no proof of anything; the certificate is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Hour;

/// Hours of events that are kept.
pub const HOURS: usize = 24;

/// Classes of lag: the last one is of 2^15 seconds, nine hours, and more.
const CLASSES: usize = 16;

/// What was seen. A tenant without content has none of it, and its item stays as small as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Activity {
    /// Blobs that were open, up to a thousand.
    #[serde(skip_serializing_if = "is_none")]
    pub open: u64,
    /// When the oldest of them became available.
    #[serde(with = "super::seconds", skip_serializing_if = "Option::is_none")]
    pub oldest_open: Option<Timestamp>,
    /// Losses that nobody had acknowledged, among the newest two hundred.
    #[serde(skip_serializing_if = "is_none")]
    pub losses: u64,
    /// How long the blobs of the last hours took.
    #[serde(skip_serializing_if = "Lags::is_empty")]
    pub lags: Lags,
    /// The hour of the last number of `events`, in hours since 1970.
    #[serde(skip_serializing_if = "is_zero")]
    hour: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<u64>,
}

/// Blobs, counted by how long it took from their becoming available to their being in the lake: class `n` took less than 2^n
/// seconds, and no less than half of that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lags(Vec<u32>);

fn is_none(number: &u64) -> bool {
    *number == 0
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn number(hour: Hour) -> i64 {
    hour.start().as_second().div_euclid(3600)
}

impl Activity {
    /// Notes the events of an hour, by when Microsoft made them available, as far as they are in the lake. A sweep that could
    /// not read all of the hour does not take away what an earlier one saw.
    pub fn note_events(&mut self, hour: Hour, events: u64) {
        let hour = number(hour);
        if events == 0 || hour <= 0 {
            return;
        }
        if self.events.is_empty() {
            self.hour = hour;
        }
        // At most as many steps as hours are kept, however long nothing was noted.
        if hour - self.hour >= HOURS as i64 {
            self.events.clear();
            self.hour = hour;
        }
        while self.hour < hour {
            self.events.push(0);
            self.hour += 1;
        }
        let Ok(back) = usize::try_from(self.hour - hour) else {
            return;
        };
        if back >= HOURS {
            return;
        }
        while self.events.len() <= back {
            self.events.insert(0, 0);
        }
        let at = self.events.len() - 1 - back;
        self.events[at] = self.events[at].max(events);
        let over = self.events.len().saturating_sub(HOURS);
        self.events.drain(..over);
    }

    /// Events of each of the last hours up to that of `now`, the oldest first.
    #[must_use]
    pub fn events_by_hour(&self, now: Timestamp) -> [u64; HOURS] {
        let last = number(Hour::of(now));
        let mut hours = [0; HOURS];
        for (place, events) in self.events.iter().rev().enumerate() {
            let hour = self.hour - place as i64;
            if let Ok(back) = usize::try_from(last - hour)
                && back < HOURS
            {
                hours[HOURS - 1 - back] = *events;
            }
        }
        hours
    }
}

impl Lags {
    /// Counts a blob that took so many seconds.
    pub fn count(&mut self, seconds: i64) {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        let class = (u64::BITS - seconds.leading_zeros()) as usize;
        let class = class.min(CLASSES - 1);
        if self.0.len() <= class {
            self.0.resize(class + 1, 0);
        }
        self.0[class] = self.0[class].saturating_add(1);
    }

    /// Adds the blobs of others.
    pub fn add(&mut self, others: &Self) {
        if self.0.len() < others.0.len() {
            self.0.resize(others.0.len(), 0);
        }
        for (own, other) in self.0.iter_mut().zip(&others.0) {
            *own = own.saturating_add(*other);
        }
    }

    /// Whether no blob was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The seconds within which this share of all blobs (0.5, 0.99) was in the lake: at most twice what it was in truth. `None`
    /// without blobs.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of blobs need not be exact to the last of 2^53"
    )]
    pub fn within(&self, share: f64) -> Option<u64> {
        let all: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let mut passed = 0;
        for (class, count) in self.0.iter().enumerate() {
            passed += u64::from(*count);
            if all > 0 && passed as f64 >= all as f64 * share {
                return Some(1 << class);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::{earlier, later};

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> Timestamp {
        "2026-03-01T10:20:00Z".parse().unwrap()
    }

    #[test]
    fn events_move_with_the_hours_and_are_forgotten_after_a_day() {
        let mut seen = Activity::default();
        seen.note_events(Hour::of(earlier(now(), HOUR)), 5);
        seen.note_events(Hour::of(now()), 7);
        seen.note_events(Hour::of(now()), 3);
        seen.note_events(Hour::of(earlier(now(), 23 * HOUR)), 1);
        seen.note_events(Hour::of(earlier(now(), 24 * HOUR)), 9);
        let hours = seen.events_by_hour(now());
        assert_eq!((hours[0], hours[22], hours[23]), (1, 5, 7));
        assert_eq!(hours.iter().sum::<u64>(), 13);
        let hours = seen.events_by_hour(later(now(), 23 * HOUR));
        assert_eq!((hours[0], hours.iter().sum::<u64>()), (7, 7));
        seen.note_events(Hour::of(later(now(), 1_000_000 * HOUR)), 2);
        assert_eq!(seen.events_by_hour(now()), [0; HOURS]);
    }

    #[test]
    fn lags_are_told_by_the_class_they_fall_into() {
        let mut lags = Lags::default();
        assert_eq!(lags.within(0.5), None);
        for seconds in [0, 3, 3, 100] {
            lags.count(seconds);
        }
        let mut all = Lags::default();
        all.add(&lags);
        all.count(-5);
        all.count(i64::MAX);
        assert_eq!(lags.within(0.5), Some(4));
        assert_eq!(lags.within(0.99), Some(128));
        assert_eq!(all.within(0.99), Some(32_768));
    }

    proptest! {
        #[test]
        fn no_hour_panics_or_grows(notes in prop::collection::vec((any::<i32>(), any::<u32>()), 0..60)) {
            let mut seen = Activity::default();
            for (hour, events) in notes {
                let at = Timestamp::from_second(i64::from(hour) * 3600).unwrap_or(Timestamp::MAX);
                seen.note_events(Hour::of(at), u64::from(events));
            }
            prop_assert!(seen.events.len() <= HOURS);
            let text = serde_json::to_string(&seen).unwrap();
            prop_assert_eq!(serde_json::from_str::<Activity>(&text).unwrap(), seen);
        }
    }
}
