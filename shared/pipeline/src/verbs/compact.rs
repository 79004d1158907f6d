//! The small objects of events of an hour, merged into Parquet files: by OCSF class and day, sorted, typed, in the layout of
//! Amazon Security Lake's custom sources. docs/PARQUET.md says what is promised and why it is done this way.
//!
//! A *plan* names the objects that one set of files is made of. It is written first, on the condition that there is no plan of
//! its number. Whoever makes a plan has read all plans before it, so no object is in two. The plan decides what its files hold
//! and what they are called: a second attempt, after a crash or at the same time, writes the same files. A *done* marker, with
//! counts that add up, closes the plan. Objects that come late go into the next plan.
//!
//! Hours that were never complete come first, the newest of them before the others; then those that are to be looked at again,
//! in the same order. So a backlog never keeps today waiting, and what there is no time for is the next run's.

mod build;
mod hour;
mod input;
mod inventory;
pub mod key;
mod looked;
mod plan;
mod report;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

pub use self::build::BuildError;
pub use self::hour::{BUFFERED_BYTES_MAX, PLAN_WITHIN};
use self::hour::{Brought, Work};
use self::inventory::Days;
use self::key::Hour;
use self::looked::Looked;
pub use self::plan::{
    Covered, Damaged, Done, GRACE, INPUT_BYTES_MAX, INPUTS_MAX, Input, LOOK_BACK_DAYS, Output,
    Plan, is_closed,
};
pub use self::report::{CompactError, Report};
use crate::metrics;
use crate::store::lake::{Destination, Lake};

/// Hours looked at side by side, before any of them is worked on. A busy hour's plans are read meanwhile, four of a megabyte at
/// once. With two million objects a day a run lists some 2,500 pages of 1,000 keys, each in a tenth of a second: a minute or
/// two, and the newest hours' are the first.
const HOURS_AT_ONCE: usize = 4;

/// What the compactor works with.
#[derive(Debug)]
pub struct Compactor {
    /// Where the events are, and the files go.
    pub lake: Lake,
    /// What the files' keys say of where they are.
    pub destination: Destination,
}

/// When a run takes place.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Which hours are over.
    pub now: Timestamp,
    /// How many days of contentCreated are looked at before today.
    pub look_back_days: u32,
    /// Which hours of these days.
    pub looks: Looks,
    /// When it must have ended.
    pub deadline: Instant,
}

/// Which hours a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Those that can have changed since they were complete: the older an hour, the more rarely.
    Due,
    /// All, because an operator wants it.
    All,
}

/// An invocation, as the schedule sends it; an operator may look further back by hand.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Event {
    /// Days to look back, at every hour of them; absent means the hours that are due of [`LOOK_BACK_DAYS`].
    #[serde(default)]
    pub look_back_days: Option<u32>,
}

impl Event {
    /// The run that is asked for.
    #[must_use]
    pub fn run(self, now: Timestamp, deadline: Instant) -> Run {
        Run {
            now,
            look_back_days: self.look_back_days.unwrap_or(LOOK_BACK_DAYS),
            looks: match self.look_back_days {
                None => Looks::Due,
                Some(_) => Looks::All,
            },
            deadline,
        }
    }
}

/// Compacts every closed hour that is due, newest first, until all is done or `deadline` is near.
///
/// # Errors
/// [`CompactError`] after everything else was done.
pub async fn run(compactor: &Compactor, run: Run) -> Result<Report, CompactError> {
    let mut report = Report::default();
    match compact(compactor, run, &mut report).await {
        Ok(()) => metrics::measure(
            metrics::name::COMPACTION_BEHIND_SECONDS,
            report.behind_seconds,
        ),
        Err(error) => {
            tracing::error!(%error, "lake cannot be looked through, next run tries again");
            report.failed += 1;
        }
    }
    report.log();
    report.outcome()
}

async fn compact(compactor: &Compactor, run: Run, report: &mut Report) -> Result<(), BuildError> {
    let Compactor { lake, destination } = compactor;
    let mut looked = Looked::read(lake).await?;
    let due = due(&looked, run);
    let days = inventory::days(lake).await?;
    let work = Work {
        lake,
        destination,
        deadline: run.deadline,
    };
    let mut left = Vec::new();
    let (there, nothing): (Vec<Hour>, Vec<Hour>) = due
        .into_iter()
        .partition(|hour| days.contains_key(&hour.day));
    for hour in nothing {
        looked.note(hour, run.now);
    }
    for hours in there.chunks(HOURS_AT_ONCE) {
        if work.is_late() {
            left.extend(hours);
            continue;
        }
        let looks = hours.iter().map(|hour| has_work(lake, *hour, &days));
        for (hour, has_work) in join_all(looks).await {
            let brought = match has_work {
                Ok(true) => work.compact(hour, folders(&days, hour), report).await,
                Ok(false) => Ok(Brought::ToItsEnd),
                Err(error) => Err(error),
            };
            match brought {
                Ok(Brought::ToItsEnd) => looked.note(hour, run.now),
                Ok(Brought::PartWay) => left.push(hour),
                Err(error) => {
                    tracing::error!(day = %hour.day, hour = hour.hour, %error, "hour not compacted, next run tries again");
                    report.failed += 1;
                    left.push(hour);
                }
            }
        }
    }
    report.hours_left = left.len();
    let oldest = left.into_iter().map(|hour| looked.due_at(hour)).min();
    report.behind_seconds = oldest.map_or(0, |due_at| seconds_between(due_at, run.now));
    // Those that a scheduled run looks back to.
    if let Some(first) = plan::closed_hours(run.now, LOOK_BACK_DAYS).last() {
        looked.write(lake, *first).await?;
    }
    Ok(())
}

/// The hours to look at, in the order of the work.
fn due(looked: &Looked, run: Run) -> Vec<Hour> {
    let mut hours = plan::closed_hours(run.now, run.look_back_days);
    hours.retain(|hour| run.looks == Looks::All || looked.due_at(*hour) <= run.now);
    hours.sort_by_key(|hour| (looked.has(*hour), Reverse(*hour)));
    hours
}

async fn has_work(lake: &Lake, hour: Hour, days: &Days) -> (Hour, Result<bool, BuildError>) {
    (
        hour,
        inventory::has_work(lake, hour, folders(days, hour)).await,
    )
}

fn folders(days: &Days, hour: Hour) -> &[object_store::path::Path] {
    days.get(&hour.day).map_or(&[], Vec::as_slice)
}

fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    Duration::try_from(to.duration_since(from)).map_or(0, |between| between.as_secs())
}
