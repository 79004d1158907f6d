//! Whole hours in UTC: the ledger's blobs lie by the hour of their contentCreated.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::later;

/// Its length.
const HOUR: Duration = Duration::from_secs(3600);

/// A whole hour in UTC, written as `2026-03-01T10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(Timestamp);

/// Not an hour as [`Hour`] writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an hour such as 2026-03-01T10")]
pub struct InvalidHour;

impl Hour {
    /// The hour that `at` lies in.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        let start = at.as_second().div_euclid(3600) * 3600;
        Self(Timestamp::from_second(start).unwrap_or(Timestamp::MIN))
    }

    /// Its first moment.
    #[must_use]
    pub fn start(self) -> Timestamp {
        self.0
    }

    /// The first moment after it.
    #[must_use]
    pub fn end(self) -> Timestamp {
        later(self.0, HOUR)
    }

    /// The hour after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.end())
    }

    /// The hours that `[from, to)` touches, in order.
    pub fn between(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Self> {
        let mut hour = Self::of(from);
        std::iter::from_fn(move || {
            let this = hour;
            hour = hour.next();
            // At the end of time the next hour is the same one.
            (this.start() < to && hour > this).then_some(this)
        })
    }
}

impl Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.to_zoned(TimeZone::UTC);
        write!(f, "{}T{:02}", at.date(), at.hour())
    }
}

impl FromStr for Hour {
    type Err = InvalidHour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let start: Timestamp = format!("{text}:00:00Z").parse().map_err(|_| InvalidHour)?;
        let hour = Self(start);
        // Only the one spelling is an hour: keys are compared as text.
        if hour.to_string() == text {
            Ok(hour)
        } else {
            Err(InvalidHour)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_one_spelling() {
        let hour = Hour::of("2026-03-01T10:59:59.999Z".parse().unwrap());
        assert_eq!(hour.to_string(), "2026-03-01T10");
        assert_eq!("2026-03-01T10".parse(), Ok(hour));
        for other in [
            "2026-03-01t10",
            "2026-03-01T10Z",
            "2026-03-01",
            "x",
            "2026-03-01T24",
        ] {
            assert_eq!(other.parse::<Hour>(), Err(InvalidHour), "{other}");
        }
    }

    #[test]
    fn hours_of_a_period_are_all_that_it_touches() {
        let hours = |from: &str, to: &str| -> Vec<String> {
            Hour::between(from.parse().unwrap(), to.parse().unwrap())
                .map(|hour| hour.to_string())
                .collect()
        };
        assert_eq!(
            hours("2026-03-01T23:30:00Z", "2026-03-02T01:00:00Z"),
            ["2026-03-01T23", "2026-03-02T00"]
        );
        assert!(hours("2026-03-01T23:00:00Z", "2026-03-01T23:00:00Z").is_empty());
    }
}
