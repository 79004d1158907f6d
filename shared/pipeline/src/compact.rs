//! The small objects of events of an hour, merged into Parquet files: by OCSF class and day, sorted, typed, in the layout of
//! Amazon Security Lake's custom sources. docs/PARQUET.md says what is promised and why it is done this way.
//!
//! A *plan* names the objects that one set of files is made of. It is written first, on the condition that there is no plan of
//! its number. Whoever makes a plan has read all plans before it, so no object is in two. The plan decides what its files hold
//! and what they are called: a second attempt, after a crash or at the same time, writes the same files. A *done* marker, with
//! counts that add up, closes the plan. Objects that come late go into the next plan.

mod build;
mod input;
pub mod key;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use jiff::civil::Date;
use object_store::path::Path;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use self::build::BuildError;
use self::key::{Hour, Marker};
pub use self::plan::{
    Covered, Damaged, Done, GRACE, INPUT_BYTES_MAX, INPUTS_MAX, Input, LOOK_BACK_DAYS, Output,
    Plan, days, is_closed,
};
use crate::store::lake::object::Listed;
use crate::store::lake::{Destination, Lake, LakeError};

/// Rows held at once, in bytes, before files are made of them: larger files cost less an event. With as much again while all
/// of them become one file, and what is read ahead, a run stays below 256 MiB.
pub const BUFFERED_BYTES_MAX: usize = 80 * 1024 * 1024;

/// Time kept for one plan: none is begun later than this before the deadline.
pub const PLAN_WITHIN: Duration = Duration::from_secs(180);

/// Largest plan or other marker that is read back.
const MARKER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Markers read at once.
const MARKERS_AT_ONCE: usize = 16;

/// Objects of a day planned at once; more are planned when these are done, so that their keys fit into memory.
const PLANNED_AT_ONCE_MAX: usize = 50_000;

/// Passes over a day in one run: each ends with all of it done, but for objects that came or plans that others made meanwhile.
const PASSES_MAX: usize = 64;

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
    /// When it must have ended.
    pub deadline: Instant,
}

/// An invocation, as the schedule sends it; an operator may look further back by hand.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Event {
    /// Days to look back; absent means [`LOOK_BACK_DAYS`].
    #[serde(default)]
    pub look_back_days: Option<u32>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Plans carried out.
    pub plans: usize,
    /// Objects of events that they took in.
    pub objects: usize,
    /// Events in those, and rows in the files.
    pub events: usize,
    /// Files written.
    pub files: usize,
    /// Bytes of those.
    pub bytes: usize,
    /// Objects that cannot be read, found by this run; each is in the log.
    pub damaged: usize,
    /// Plans or days that failed; each is in the log, and the next run tries again.
    pub failed: usize,
    /// Days left for the next run, for lack of time.
    pub days_left: usize,
}

/// A run that somebody must look at. What could be done was done.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// Something failed that may succeed next time.
    #[error(
        "{failed} plans or days failed; each one's reason is in the log, and the next run tries again"
    )]
    Failed {
        /// How many.
        failed: usize,
    },
    /// Events that are in no file.
    #[error("{damaged} objects of events cannot be read; the log names them")]
    Damaged {
        /// How many.
        damaged: usize,
    },
}

/// Compacts every closed hour, oldest first, until all is done or `deadline` is near.
///
/// # Errors
/// [`CompactError`] after everything else was done.
pub async fn run(compactor: &Compactor, run: Run) -> Result<Report, CompactError> {
    let mut report = Report::default();
    let days = days(run.now, run.look_back_days);
    for (at, day) in days.iter().enumerate() {
        match compact_day(compactor, *day, run, &mut report).await {
            Ok(true) => {}
            Ok(false) => {
                report.days_left = days.len() - at;
                break;
            }
            Err(error) => {
                tracing::error!(%day, %error, "day not compacted, next run tries again");
                report.failed += 1;
            }
        }
    }
    tracing::info!(
        plans = report.plans,
        objects = report.objects,
        events = report.events,
        files = report.files,
        bytes = report.bytes,
        damaged = report.damaged,
        failed = report.failed,
        days_left = report.days_left,
        "compacted"
    );
    // An error is what the alarm looks at.
    match report {
        Report { failed: 1.., .. } => Err(CompactError::Failed {
            failed: report.failed,
        }),
        Report { damaged: 1.., .. } => Err(CompactError::Damaged {
            damaged: report.damaged,
        }),
        _ => Ok(report),
    }
}

/// The plans of one day, as their markers say.
#[derive(Debug, Default)]
struct Markers {
    plans: BTreeMap<(Hour, u32), Vec<Path>>,
    done: BTreeSet<(Hour, u32)>,
}

/// False when there was no time for all of it.
async fn compact_day(
    compactor: &Compactor,
    day: Date,
    run: Run,
    report: &mut Report,
) -> Result<bool, BuildError> {
    let mut failed = BTreeSet::new();
    for _ in 0..PASSES_MAX {
        let markers = markers(&compactor.lake, day).await?;
        let (covered, open) = read_plans(&compactor.lake, &markers).await?;
        for (at, plan) in open {
            if failed.contains(&at) {
                continue;
            }
            if is_late(run) {
                return Ok(false);
            }
            if !carry_out(compactor, at, &plan, report).await {
                failed.insert(at);
            }
        }
        let (objects, are_all) = uncovered(&compactor.lake, day, run.now, &covered).await?;
        if objects.is_empty() {
            return Ok(true);
        }
        let mut is_alone = true;
        for (hour, plans) in plan::plans(objects, &compactor.destination, BUFFERED_BYTES_MAX) {
            let last = markers.plans.keys().rev().find(|(of, _)| *of == hour);
            let first = last.map_or(1, |(_, number)| number + 1);
            for (number, plan) in (first..).zip(plans) {
                if is_late(run) {
                    return Ok(false);
                }
                let marker = Bytes::from(serde_json::to_vec(&plan)?);
                if !compactor
                    .lake
                    .create(&key::plan(hour, number), marker)
                    .await?
                {
                    // Somebody else has made this plan, of objects that may be these: read it before planning on.
                    is_alone = false;
                    break;
                }
                if !carry_out(compactor, (hour, number), &plan, report).await {
                    failed.insert((hour, number));
                }
            }
        }
        if is_alone && are_all {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_late(run: Run) -> bool {
    Instant::now() + PLAN_WITHIN > run.deadline
}

/// False when it failed, which is in the log and the report.
async fn carry_out(
    compactor: &Compactor,
    at: (Hour, u32),
    plan: &Plan,
    report: &mut Report,
) -> bool {
    let (hour, number) = at;
    let built = async {
        // Read anew: another attempt may have found something since.
        let markers = markers(&compactor.lake, hour.day).await?;
        let known = read_damaged(&compactor.lake, &markers, at).await?;
        build::run(&compactor.lake, hour, number, plan, known).await
    };
    match built.await {
        Ok(built) => {
            let done = built.done;
            tracing::info!(
                day = %hour.day,
                hour = hour.hour,
                plan = number,
                objects = plan.inputs.len(),
                events = done.events,
                files = done.outputs.len(),
                damaged = done.damaged.len(),
                "hour compacted"
            );
            report.plans += 1;
            report.objects += plan.inputs.len() - done.damaged.len();
            report.events += done.events;
            report.files += done.outputs.len();
            report.bytes += done
                .outputs
                .iter()
                .map(|output| output.bytes)
                .sum::<usize>();
            report.damaged += built.newly_damaged;
            true
        }
        Err(error) => {
            tracing::error!(day = %hour.day, hour = hour.hour, plan = number, %error, "plan not carried out, next run tries again");
            report.failed += 1;
            false
        }
    }
}

async fn markers(lake: &Lake, day: Date) -> Result<Markers, LakeError> {
    let mut markers = Markers::default();
    let mut listing = lake.list(&key::day_folder(day))?;
    while let Some(object) = listing.try_next().await? {
        let Some((hour, number, marker)) = key::read(&object.path) else {
            continue;
        };
        let at = (hour, number);
        match marker {
            Marker::Plan => drop(markers.plans.entry(at).or_default()),
            Marker::Damaged => markers.plans.entry(at).or_default().push(object.path),
            Marker::Done => drop(markers.done.insert(at)),
        }
    }
    Ok(markers)
}

/// What all plans have taken in, and those that are not done.
async fn read_plans(
    lake: &Lake,
    markers: &Markers,
) -> Result<(Covered, Vec<((Hour, u32), Plan)>), BuildError> {
    let mut covered = Covered::default();
    let mut open = Vec::new();
    let all: Vec<_> = markers.plans.keys().copied().collect();
    let reads = all.into_iter().map(|at| async move {
        let plan: Plan = read_marker(lake, &key::plan(at.0, at.1)).await?;
        let damaged = read_damaged(lake, markers, at).await?;
        Ok::<_, BuildError>((at, plan, damaged))
    });
    let mut plans = stream::iter(reads.collect::<Vec<_>>()).buffered(MARKERS_AT_ONCE);
    while let Some((at, plan, damaged)) = plans.try_next().await? {
        covered.add(&plan, damaged);
        if !markers.done.contains(&at) {
            open.push((at, plan));
        }
    }
    Ok((covered, open))
}

async fn read_damaged(
    lake: &Lake,
    markers: &Markers,
    at: (Hour, u32),
) -> Result<Vec<Damaged>, BuildError> {
    let mut damaged = Vec::new();
    for path in markers.plans.get(&at).into_iter().flatten() {
        damaged.push(read_marker(lake, path).await?);
    }
    Ok(damaged)
}

async fn read_marker<T: DeserializeOwned>(lake: &Lake, path: &Path) -> Result<T, BuildError> {
    let stored = lake.read(path, MARKER_BYTES_MAX).await?;
    Ok(serde_json::from_slice(&stored.content)?)
}

/// Objects of the day's closed hours that are in no plan; and whether these are all of them.
async fn uncovered(
    lake: &Lake,
    day: Date,
    now: Timestamp,
    covered: &Covered,
) -> Result<(Vec<(Hour, Listed)>, bool), LakeError> {
    let mut found = Vec::new();
    for content_type in lake.folders(&Path::from("ocsf")).await? {
        let mut listing = lake.list(&key::events_folder(&content_type, day))?;
        while let Some(object) = listing.try_next().await? {
            let hour = key::hour_of_events(&object.path);
            let Some(hour) = hour.filter(|hour| hour.day == day && is_closed(*hour, now)) else {
                continue;
            };
            if !covered.has(&object) {
                if found.len() == PLANNED_AT_ONCE_MAX {
                    return Ok((found, false));
                }
                found.push((hour, object));
            }
        }
    }
    Ok((found, true))
}
