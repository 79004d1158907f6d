//! When each hour was last found complete, so that a run lists only hours that can have changed.
//!
//! It saves work and decides nothing: without it, or with an older one, hours are looked at once more than needed.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::build::BuildError;
use super::key::{self, Hour};
use super::plan::closed_at;
use crate::clock::later;
use crate::store::lake::Lake;

/// Largest that is read back: 24 days of hours take 30 KB.
const BYTES_MAX: usize = 1024 * 1024;

/// An hour is looked at again when this part of the age that it had then has passed: in every hourly run for four hours, and
/// ever more rarely after that. So content that came late waits a quarter of its lateness at most before it is found, and an
/// hour is listed some sixty times in all, not once in each of 24 days' runs.
const AGE_PARTS: u32 = 4;

/// Longest time until an hour is looked at again: content comes up to 22 days late, and must be found before the 23rd is
/// over, when nobody looks any more.
const PAUSE_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// The hours found complete: all that was listed then is in files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    hours: BTreeMap<Hour, Timestamp>,
}

/// As it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    day: Date,
    hour: i8,
    complete_at: Timestamp,
}

impl Looked {
    pub(super) async fn read(lake: &Lake) -> Result<Self, BuildError> {
        let path = Path::from(key::LOOKED);
        let Some(stored) = lake.read_if_there(&path, BYTES_MAX).await? else {
            return Ok(Self::default());
        };
        let entries: Vec<Entry> = serde_json::from_slice(&stored.content).unwrap_or_else(|error| {
            tracing::warn!(%error, "hours.json cannot be read, all hours are looked at");
            Vec::new()
        });
        let hours = entries.into_iter().map(|entry| {
            let Entry { day, hour, .. } = entry;
            (Hour { day, hour }, entry.complete_at)
        });
        Ok(Self {
            hours: hours.collect(),
        })
    }

    /// Writes down what is known of the hours from `first` on.
    pub(super) async fn write(&self, lake: &Lake, first: Hour) -> Result<(), BuildError> {
        let entries = self.hours.range(first..).map(|(hour, at)| Entry {
            day: hour.day,
            hour: hour.hour,
            complete_at: *at,
        });
        let content = Bytes::from(serde_json::to_vec(&entries.collect::<Vec<_>>())?);
        lake.write(&Path::from(key::LOOKED), content).await?;
        Ok(())
    }

    /// Notes that an hour was complete at a time before its objects were listed.
    pub(super) fn note(&mut self, hour: Hour, at: Timestamp) {
        self.hours.insert(hour, at);
    }

    /// Whether it was found complete before.
    pub(super) fn has(&self, hour: Hour) -> bool {
        self.hours.contains_key(&hour)
    }

    /// When an hour is to be looked at next.
    pub(super) fn due_at(&self, hour: Hour) -> Timestamp {
        let Some(at) = self.hours.get(&hour) else {
            return closed_at(hour);
        };
        let age = Duration::try_from(at.duration_since(hour.end())).unwrap_or_default();
        later(*at, (age / AGE_PARTS).min(PAUSE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const HOUR: Hour = Hour {
        day: date(2026, 3, 1),
        hour: 7,
    };

    #[test]
    fn an_hour_is_looked_at_ever_more_rarely() {
        let check = |complete_at: &str, expect: &str| {
            let mut looked = Looked::default();
            looked.note(HOUR, complete_at.parse().unwrap());
            assert_eq!(looked.due_at(HOUR).to_string(), expect, "{complete_at}");
        };
        check("2026-03-01T08:20:00Z", "2026-03-01T08:25:00Z");
        check("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z");
        check("2026-03-02T08:00:00Z", "2026-03-02T14:00:00Z");
        check("2026-03-03T08:00:00Z", "2026-03-03T20:00:00Z");
        check("2026-03-09T08:00:00Z", "2026-03-09T20:00:00Z");
        let never = Looked::default();
        assert_eq!(never.due_at(HOUR).to_string(), "2026-03-01T08:15:00Z");
    }
}
