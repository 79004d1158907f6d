//! Decides what is to be done, without doing it: which hours are closed, and which of their objects are in no plan.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::key::{FIRST_DAY, Hour};
use crate::clock::{earlier, later};
use crate::store::lake::Destination;
use crate::store::lake::object::Listed;

/// Time after an hour's end in which its content is still expected: notified blobs are delivered within minutes, and a sweep
/// finds the others within ten. What comes later is a plan of its own, and files of its own.
pub const GRACE: Duration = Duration::from_secs(15 * 60);

/// How far a run looks back: content can be fetched for 21 days, is given up a day after that, and a day is left for repairs.
pub const LOOK_BACK_DAYS: u32 = 23;

/// Objects in one plan: with keys of 200 bytes, a plan stays below a megabyte.
pub const INPUTS_MAX: usize = 4_096;

/// Compressed bytes in one plan, but for an object that is larger by itself: some 300,000 events, which take seconds. A plan is
/// done whole or again, so it must fit into one run with ease.
pub const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One object of events that a plan takes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its key.
    pub key: String,
    /// Its size, compressed.
    pub bytes: u64,
    /// As it was listed: it changes with the content.
    pub version: String,
}

/// What becomes one set of files. Once written, it is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Where the files go.
    pub destination: Destination,
    /// Bytes of rows held at once. It decides which rows are in which file, so whoever takes the plan up uses it.
    pub buffered_bytes_max: usize,
    /// By key.
    pub inputs: Vec<Input>,
}

/// An input that cannot be read. Its events are in none of the plan's files, whoever makes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damaged {
    /// Its key.
    pub key: String,
    /// Which content was found damaged; when it has another, it is planned again.
    pub version: String,
    /// Why.
    pub reason: String,
}

/// A file of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its key.
    pub key: String,
    /// Events in it.
    pub rows: usize,
    /// Its size.
    pub bytes: usize,
}

/// A plan that was carried out: every event of its inputs is in one of its files, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Events in the inputs. As many rows are in the outputs.
    pub events: usize,
    /// The files.
    pub outputs: Vec<Output>,
    /// What was left out.
    pub damaged: Vec<Damaged>,
}

/// The hours to look at, newest first: what is missed most is what has just happened.
#[must_use]
pub(super) fn closed_hours(now: Timestamp, look_back_days: u32) -> Vec<Hour> {
    let day_of = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let back = Duration::from_secs(u64::from(look_back_days) * 24 * 60 * 60);
    let first = day_of(earlier(now, back)).max(FIRST_DAY);
    let mut hours: Vec<Hour> = first
        .series(1.day())
        .take_while(|day| *day <= day_of(now))
        .flat_map(|day| (0..24).map(move |hour| Hour { day, hour }))
        .filter(|hour| is_closed(*hour, now))
        .collect();
    hours.reverse();
    hours
}

/// When an hour's objects may be taken in.
#[must_use]
pub(super) fn closed_at(hour: Hour) -> Timestamp {
    later(hour.end(), GRACE)
}

/// Whether an hour's objects may be taken in.
#[must_use]
pub fn is_closed(hour: Hour, now: Timestamp) -> bool {
    closed_at(hour) <= now
}

/// What the plans of a day have taken in. Keys are kept as hashes: a day may have a million.
#[derive(Debug, Default)]
pub struct Covered {
    keys: HashSet<[u8; 16]>,
    damaged: HashMap<String, String>,
}

fn short(key: &str) -> [u8; 16] {
    let mut short = [0; 16];
    let hash = Sha256::digest(key);
    short.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    short
}

impl Covered {
    /// Adds a plan, and what of it could not be read. Plans must be added in the order of their numbers.
    pub fn add(&mut self, plan: &Plan, damaged: Vec<Damaged>) {
        for input in &plan.inputs {
            self.keys.insert(short(&input.key));
            // Planned again: the newer verdict counts.
            self.damaged.remove(&input.key);
        }
        let found = damaged.into_iter().map(|of| (of.key, of.version));
        self.damaged.extend(found);
    }

    /// Whether an object is in a plan, with the content that it has.
    #[must_use]
    pub fn has(&self, object: &Listed) -> bool {
        let key = object.path.as_ref();
        match self.damaged.get(key) {
            Some(version) => *version == object.version,
            None => self.keys.contains(&short(key)),
        }
    }
}

/// New plans for objects of an hour that are in none: in bounded portions, by key.
#[must_use]
pub(super) fn plans(
    objects: Vec<Listed>,
    destination: &Destination,
    buffered_bytes_max: usize,
) -> Vec<Plan> {
    let inputs = objects.into_iter().map(|object| Input {
        key: object.path.into(),
        bytes: object.bytes,
        version: object.version,
    });
    let mut inputs: Vec<Input> = inputs.collect();
    inputs.sort_by(|a, b| a.key.cmp(&b.key));
    let plan = |inputs| Plan {
        destination: destination.clone(),
        buffered_bytes_max,
        inputs,
    };
    let portions = portions(inputs, INPUTS_MAX, INPUT_BYTES_MAX);
    portions.into_iter().map(plan).collect()
}

/// Inputs in portions of at most `count_max` and, but for a single one, `bytes_max`.
pub(super) fn portions(inputs: Vec<Input>, count_max: usize, bytes_max: u64) -> Vec<Vec<Input>> {
    let mut portions: Vec<Vec<Input>> = Vec::new();
    let mut bytes = 0;
    for input in inputs {
        match portions.last_mut() {
            Some(last) if last.len() < count_max && bytes + input.bytes <= bytes_max => {
                bytes += input.bytes;
                last.push(input);
            }
            _ => {
                bytes = input.bytes;
                portions.push(vec![input]);
            }
        }
    }
    portions
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use object_store::path::Path;

    use super::*;

    fn object(key: &str, bytes: u64, version: &str) -> Listed {
        Listed {
            path: Path::from(key),
            bytes,
            version: version.to_owned(),
        }
    }

    fn destination() -> Destination {
        Destination {
            region: "eu-central-1".parse().unwrap(),
            account_id: "111122223333".parse().unwrap(),
        }
    }

    fn damaged(key: &str, version: &str) -> Damaged {
        Damaged {
            key: key.to_owned(),
            version: version.to_owned(),
            reason: "cut off".to_owned(),
        }
    }

    const HOUR: Hour = Hour {
        day: date(2026, 3, 1),
        hour: 7,
    };

    fn planned(objects: Vec<Listed>) -> Vec<Plan> {
        plans(objects, &destination(), 1)
    }

    #[test]
    fn an_hour_is_closed_when_its_grace_is_over() {
        let check =
            |now: &str, expect| assert_eq!(is_closed(HOUR, now.parse().unwrap()), expect, "{now}");
        check("2026-03-01T08:14:59Z", false);
        check("2026-03-01T08:15:00Z", true);
    }

    #[test]
    fn hours_begin_with_the_last_closed_one_and_reach_back() {
        let hours = closed_hours("2026-03-05T02:20:00Z".parse().unwrap(), LOOK_BACK_DAYS);
        let last = Hour {
            day: date(2026, 3, 5),
            hour: 1,
        };
        let first = Hour {
            day: date(2026, 2, 10),
            hour: 0,
        };
        assert_eq!((hours.first(), hours.last()), (Some(&last), Some(&first)));
        assert_eq!(hours.len(), 23 * 24 + 2);
        assert!(hours.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn plans_are_by_key_and_bounded() {
        let all = planned(vec![
            object("b", 1, ""),
            object("a", INPUT_BYTES_MAX, ""),
            object("c", 1, ""),
        ]);
        let keys = |plan: &Plan| {
            plan.inputs
                .iter()
                .map(|of| of.key.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            all.iter().map(keys).collect::<Vec<_>>(),
            [vec!["a"], vec!["b", "c"]]
        );
        let many = (0..=INPUTS_MAX)
            .map(|at| object(&format!("{at:05}"), 1, ""))
            .collect();
        let sizes: Vec<_> = planned(many).iter().map(|plan| plan.inputs.len()).collect();
        assert_eq!(sizes, [INPUTS_MAX, 1]);
    }

    #[test]
    fn only_a_damaged_object_that_changed_is_planned_again() {
        let plan = &planned(vec![object("a", 1, "v1"), object("b", 1, "v1")])[0];
        let mut covered = Covered::default();
        covered.add(plan, vec![damaged("b", "v1")]);
        assert!(
            covered.has(&object("a", 1, "v2")),
            "a retry writes equal bytes"
        );
        assert!(covered.has(&object("b", 1, "v1")));
        assert!(!covered.has(&object("b", 1, "v2")), "it was repaired");
        assert!(!covered.has(&object("c", 1, "v1")));
        let again = &planned(vec![object("b", 1, "v2")])[0];
        covered.add(again, Vec::new());
        assert!(covered.has(&object("b", 1, "v3")));
    }
}
