//! Where the compactor's objects lie. Each key is a function of what is in the object, so that doing a thing twice writes one
//! object.
//!
//! ```text
//! compaction/day=YYYY-MM-DD/hour=HH/plan-NNNN.json                which objects of events the plan takes in
//! compaction/day=YYYY-MM-DD/hour=HH/damaged-NNNN-{hash}.json      one of them that cannot be read
//! compaction/day=YYYY-MM-DD/hour=HH/done-NNNN.json                its files are complete, and their counts add up
//! compaction/looked/hours.json                                     when each hour was last found complete
//! ext/{source}/region=R/accountId=A/eventDay=YYYYMMDD/{YYYYMMDD}T{HH}-{NNNN}-{PPPP}.parquet
//! ```
//!
//! `day` and `hour` are those of contentCreated, as in the keys of events, and of findings those of their last record; `eventDay` is that of the events' `time`. NNNN is the
//! plan's number in its hour, PPPP that of the file among those of its class and day in the plan.

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use object_store::path::Path;
use sha2::{Digest as _, Sha256};

use crate::store::lake::Destination;

/// An hour of contentCreated, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour {
    /// The day.
    pub day: Date,
    /// 0 to 23.
    pub hour: i8,
}

/// What an object of the compactor's own is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Plan,
    Damaged,
    Done,
}

impl Hour {
    /// When it is over.
    #[must_use]
    pub fn end(self) -> Timestamp {
        let begin = self.day.at(self.hour, 0, 0, 0).to_zoned(TimeZone::UTC);
        let end = begin.and_then(|begin| begin.checked_add(1.hour()));
        end.map_or(Timestamp::MAX, |end| end.timestamp())
    }
}

/// In a folder of its own: whether it is there may be asked of the folder's listing.
pub(super) const LOOKED: &str = "compaction/looked/hours.json";

/// The folder with the content types of the events that are compacted.
pub(super) const EVENTS: &str = "ocsf";

/// The folder with the findings that are compacted with them. Their class tells them from events, and in it their product.
pub(super) const FINDINGS: &str = "findings/ocsf";

/// The folder with the hour's plans.
pub(super) fn plans_folder(hour: Hour) -> Path {
    Path::from(hour_folder(hour))
}

fn hour_folder(hour: Hour) -> String {
    format!("compaction/day={}/hour={:02}", hour.day, hour.hour)
}

pub(super) fn plan(hour: Hour, number: u32) -> Path {
    Path::from(format!("{}/plan-{number:04}.json", hour_folder(hour)))
}

pub(super) fn done(hour: Hour, number: u32) -> Path {
    Path::from(format!("{}/done-{number:04}.json", hour_folder(hour)))
}

pub(super) fn damaged(hour: Hour, number: u32, input: &str) -> Path {
    let hash = hex::encode(Sha256::digest(input));
    let short = hash.get(..16).unwrap_or_default();
    Path::from(format!(
        "{}/damaged-{number:04}-{short}.json",
        hour_folder(hour)
    ))
}

/// The hour and number of a plan that an object of the compactor's own belongs to.
pub(super) fn read(path: &Path) -> Option<(Hour, u32, Marker)> {
    let mut names = path.as_ref().split('/');
    let hour = hour_of(names.nth_back(1)?, names.next_back()?)?;
    let mut words = path.filename()?.strip_suffix(".json")?.split('-');
    let marker = match words.next()? {
        "plan" => Marker::Plan,
        "damaged" => Marker::Damaged,
        "done" => Marker::Done,
        _ => return None,
    };
    Some((hour, words.next()?.parse().ok()?, marker))
}

fn hour_of(hour: &str, day: &str) -> Option<Hour> {
    let hour = hour.strip_prefix("hour=")?.parse().ok()?;
    let day = day.strip_prefix("day=")?.parse().ok()?;
    (0..24).contains(&hour).then_some(Hour { day, hour })
}

/// The day of a folder with a content type's events of a day; none when it is no such folder.
pub(super) fn day_of_folder(folder: &Path) -> Option<Date> {
    folder.filename()?.strip_prefix("day=")?.parse().ok()
}

/// The folder of an hour, in that of a content type's day.
pub(super) fn events_folder(day: &Path, hour: Hour) -> Path {
    day.clone().join(format!("hour={:02}", hour.hour))
}

/// The hour of an object of events; none when it is no such object.
pub(super) fn hour_of_events(path: &Path) -> Option<Hour> {
    let is_events = [".ndjson.gz", ".ndjson.zst"]
        .iter()
        .any(|ending| path.as_ref().ends_with(ending));
    let mut names = path.as_ref().split('/');
    let (hour, day) = (names.nth_back(2)?, names.next_back()?);
    hour_of(hour, day).filter(|_| is_events)
}

pub(super) fn file(to: &Destination, hour: Hour, number: u32, part: &columnar::Part) -> Path {
    Path::from(format!(
        "ext/{}/region={}/accountId={}/eventDay={}/{}T{:02}-{number:04}-{:04}.parquet",
        part.class.source,
        to.region,
        to.account_id,
        part.day.strftime("%Y%m%d"),
        hour.day.strftime("%Y%m%d"),
        hour.hour,
        part.number
    ))
}

/// The first day that can be looked at.
pub(super) const FIRST_DAY: Date = date(2015, 1, 1);

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Hour = Hour {
        day: date(2026, 3, 1),
        hour: 7,
    };

    #[test]
    fn markers_are_read_back_from_their_keys() {
        let check =
            |path: Path, marker| assert_eq!(read(&path), Some((HOUR, 12, marker)), "{path}");
        check(plan(HOUR, 12), Marker::Plan);
        check(done(HOUR, 12), Marker::Done);
        check(damaged(HOUR, 12, "ocsf/a"), Marker::Damaged);
        assert_ne!(damaged(HOUR, 12, "ocsf/a"), damaged(HOUR, 12, "ocsf/b"));
        assert_eq!(
            plan(HOUR, 12).as_ref(),
            "compaction/day=2026-03-01/hour=07/plan-0012.json"
        );
        for other in [
            "compaction/day=2026-03-01/hour=24/plan-0001.json",
            "compaction/x",
            "compaction/day=2026-03-01/hour=07/notes.txt",
        ] {
            assert_eq!(read(&Path::from(other)), None, "{other}");
        }
    }

    #[test]
    fn the_hour_of_events_is_in_their_key() {
        let check = |name: &str, expect| {
            let key = format!(
                "ocsf/content_type=Audit.General/day=2026-03-01/hour=07/tenant_id=t/{name}"
            );
            assert_eq!(hour_of_events(&Path::from(key)), expect, "{name}");
        };
        check("a.ndjson.gz", Some(HOUR));
        check("a.ndjson.zst", Some(HOUR));
        check("a.txt", None);
        assert_eq!(hour_of_events(&Path::from("ocsf/a.ndjson.gz")), None);
        let finding = format!("{FINDINGS}/day=2026-03-01/hour=07/tenant_id=t/u.ndjson.gz");
        assert_eq!(hour_of_events(&Path::from(finding)), Some(HOUR));
    }

    #[test]
    fn an_hour_ends_when_the_next_begins() {
        let check = |hour: i8, expect: &str| {
            let hour = Hour { hour, ..HOUR };
            assert_eq!(hour.end().to_string(), expect);
        };
        check(7, "2026-03-01T08:00:00Z");
        check(23, "2026-03-02T00:00:00Z");
    }
}
