//! One hour: its open plans are carried out, then plans are made of what is in none and carried out too.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use tokio::time::Instant;

use super::build::{self, BuildError};
use super::inventory::{Markers, Plans, uncovered};
use super::key::{self, Hour};
use super::plan::{self, Plan};
use super::report::Report;
use crate::store::lake::{Destination, Lake};

/// Rows held at once, in bytes, before files are made of them: larger files cost less an event. With as much again while all
/// of them become one file, and what is read ahead, a run stays below 256 MiB.
pub const BUFFERED_BYTES_MAX: usize = 80 * 1024 * 1024;

/// Time kept for one plan: none is begun later than this before the deadline.
pub const PLAN_WITHIN: Duration = Duration::from_secs(180);

/// Objects of an hour planned at once; more are planned when these are done, so that their keys fit into memory.
const PLANNED_AT_ONCE_MAX: usize = 50_000;

/// Passes over an hour in one run: each ends with all of it done, but for objects that came or plans that others made
/// meanwhile.
const PASSES_MAX: usize = 64;

/// How far an hour was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// All that was there when it was listed is in files.
    ToItsEnd,
    /// There was no time for all of it, or a plan failed.
    PartWay,
}

/// What an hour is worked with.
pub(super) struct Work<'c> {
    pub(super) lake: &'c Lake,
    pub(super) destination: &'c Destination,
    pub(super) deadline: Instant,
}

impl Work<'_> {
    /// Whether another plan might not be done in time.
    pub(super) fn is_late(&self) -> bool {
        Instant::now() + PLAN_WITHIN > self.deadline
    }

    /// Works on an hour whose events are in `folders`.
    pub(super) async fn compact(
        &self,
        hour: Hour,
        folders: &[Path],
        report: &mut Report,
    ) -> Result<Brought, BuildError> {
        let mut failed = BTreeSet::new();
        for _ in 0..PASSES_MAX {
            let plans = Plans::read(self.lake, hour).await?;
            for (number, plan) in plans.open {
                if failed.contains(&number) {
                    continue;
                }
                if self.is_late() {
                    return Ok(Brought::PartWay);
                }
                if !self.carry_out(hour, number, &plan, report).await {
                    failed.insert(number);
                }
            }
            let (objects, are_all) = uncovered(
                self.lake,
                hour,
                folders,
                &plans.covered,
                PLANNED_AT_ONCE_MAX,
            )
            .await?;
            let mut is_alone = true;
            let new = plan::plans(objects, self.destination, BUFFERED_BYTES_MAX);
            for (number, plan) in (plans.next..).zip(new) {
                if self.is_late() {
                    return Ok(Brought::PartWay);
                }
                let marker = Bytes::from(serde_json::to_vec(&plan)?);
                if !self.lake.create(&key::plan(hour, number), marker).await? {
                    // Somebody else has made this plan, of objects that may be these: read it before planning on.
                    is_alone = false;
                    break;
                }
                if !self.carry_out(hour, number, &plan, report).await {
                    failed.insert(number);
                }
            }
            if is_alone && are_all {
                return Ok(match failed.is_empty() {
                    true => Brought::ToItsEnd,
                    false => Brought::PartWay,
                });
            }
        }
        Ok(Brought::PartWay)
    }

    /// False when it failed, which is in the log and the report.
    async fn carry_out(&self, hour: Hour, number: u32, plan: &Plan, report: &mut Report) -> bool {
        let built = async {
            // Read anew: another attempt may have found something since.
            let markers = Markers::list(self.lake, hour).await?;
            let known = markers.read_damaged(self.lake, number).await?;
            build::run(self.lake, hour, number, plan, known).await
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
}
