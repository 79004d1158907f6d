//! The way through one unit: hour by hour, blob by blob, until the time is over.

use jiff::Timestamp;
use office365::TenantId;

use super::{Redelivered, ReplayError};
use crate::clock::Clock;
use crate::store::lake::key::Generation;
use crate::store::ledger::Ledger;
use crate::store::ledger::blob::{Counts, Standing, State};
use crate::store::ledger::key::BlobHour;
use crate::store::ledger::replay::{Position, Replay, Tally, UnitProgress};

/// Hours of a day.
const HOURS: u8 = 24;

/// How a unit was left.
pub(super) enum Step {
    /// Nothing of it is left.
    Done,
    /// The time is over.
    TimeOver,
    /// It did not stand where it was found: somebody else works at it.
    Overtaken,
}

/// One worker's way through a replay.
pub(super) struct Walk<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) tenant: TenantId,
    pub(super) replay: &'a Replay,
    pub(super) clock: Clock,
    pub(super) stop_at: Timestamp,
    /// Whether anything was done: each worker does something, however little time it has.
    pub(super) has_moved: bool,
}

/// Where the unit stood when it was last written down, where it stands now, and what was done between.
struct Progress {
    noted: UnitProgress,
    position: Position,
    done: Tally,
}

impl Walk<'_> {
    /// Goes through the unit from where it stands.
    pub(super) async fn through<R>(
        &mut self,
        unit: &UnitProgress,
        redeliver: &impl Fn(Standing, Option<Generation>) -> R,
    ) -> Result<Step, ReplayError>
    where
        R: Future<Output = Result<Redelivered, Box<dyn std::error::Error + Send + Sync>>>,
    {
        let mut progress = Progress {
            noted: unit.clone(),
            position: unit.position.clone(),
            done: Tally::default(),
        };
        let Position::At { hour: first, .. } = unit.position else {
            return Ok(Step::Done);
        };
        for hour in first..HOURS {
            let walked = self.through_hour(&mut progress, hour, redeliver).await;
            let is_over = matches!(walked, Ok(false));
            if matches!(walked, Ok(true)) {
                progress.position = Position::behind(hour);
            }
            // What was done is written down even when the next blob failed.
            let is_due = is_over
                || walked.is_err()
                || progress.position == Position::Done
                || progress.done != Tally::default();
            if is_due && !self.note(&mut progress).await? {
                return Ok(Step::Overtaken);
            }
            walked?;
            if is_over {
                return Ok(Step::TimeOver);
            }
        }
        Ok(Step::Done)
    }

    /// Makes the blobs of an hour anew, from the position on. `false` when the time was over before the hour's end.
    async fn through_hour<R>(
        &mut self,
        progress: &mut Progress,
        hour: u8,
        redeliver: &impl Fn(Standing, Option<Generation>) -> R,
    ) -> Result<bool, ReplayError>
    where
        R: Future<Output = Result<Redelivered, Box<dyn std::error::Error + Send + Sync>>>,
    {
        let unit = progress.noted.unit;
        let of = BlobHour {
            tenant: self.tenant,
            content_type: unit.content_type,
            hour: unit.hour(hour),
        };
        if of.hour.end() <= self.replay.from || of.hour.start() >= self.replay.to {
            return Ok(true);
        }
        if self.is_time_over() {
            return Ok(false);
        }
        let after = match &progress.position {
            Position::At { after, .. } => after.clone(),
            Position::Done => None,
        };
        for standing in self.ledger.hour(&of).await?.blobs {
            let id = standing.blob.content_id.clone();
            let is_behind = |after: &office365::ContentId| id.as_str() > after.as_str();
            let created = standing.blob.content_created;
            if standing.state != State::Done
                || !after.as_ref().is_none_or(is_behind)
                || created < self.replay.from
                || created >= self.replay.to
            {
                continue;
            }
            if self.is_time_over() {
                return Ok(false);
            }
            let made = redeliver(standing, self.replay.generation.clone()).await;
            match made.map_err(ReplayError::Redeliver)? {
                Redelivered::Done(counts) => progress.done.add(counts),
                Redelivered::Skipped(why) => {
                    tracing::warn!(tenant.id = %self.tenant, content.id = %id, why, "blob passed over by a replay");
                    progress.done.skipped += 1;
                    progress.done.last_skip = Some(why);
                }
            }
            self.has_moved = true;
            progress.position = Position::At {
                hour,
                after: Some(id),
            };
        }
        self.has_moved = true;
        Ok(true)
    }

    fn is_time_over(&self) -> bool {
        self.has_moved && self.clock.now() >= self.stop_at
    }

    /// Writes down where the unit stands. `false` when somebody else has moved it.
    async fn note(&self, progress: &mut Progress) -> Result<bool, ReplayError> {
        if progress.position == progress.noted.position {
            return Ok(true);
        }
        let moved = self
            .ledger
            .move_replay(
                self.tenant,
                &self.replay.id,
                (&progress.noted, &progress.position),
                &progress.done,
                self.clock.now(),
            )
            .await?;
        progress.noted.position = progress.position.clone();
        progress.done = Tally::default();
        Ok(moved.is_some())
    }
}

impl Tally {
    fn add(&mut self, of: Counts) {
        self.blobs += 1;
        self.counts += of;
    }
}
