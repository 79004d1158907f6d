//! Replays: the blobs of a period made into events anew, by today's program, from the raw copies. Microsoft is not asked, and
//! no blob's state changes.
//!
//! A replay has a unit for each content type and day, and [`LANES`] messages in the content queue. Whoever gets one works
//! through the units of its lane until half of the worker's time is over, writes down where it stands, and sends the message
//! again. Every step may be done twice: the objects are the same, and a unit moves on from one place once.

mod walk;

use std::time::Duration;

use jiff::Timestamp;
use office365::{ContentType, TenantId};

use self::walk::{Step, Walk};
use crate::clock::{Clock, earlier, later};
use crate::store::lake::key::Generation;
use crate::store::ledger::blob::{Counts, Standing};
use crate::store::ledger::replay::id::ReplayId;
use crate::store::ledger::replay::{Position, Replay, ReplayState, UnitProgress};
use crate::store::ledger::{Ledger, LedgerError};
use crate::store::queue::{Message, Queue, ReplayPart, SendError};

/// Messages of one replay in the queue, and so workers at it at once: a replay must leave workers to what Microsoft announces.
pub const LANES: u8 = 4;

/// Replays of one tenant that run at once: a second one while the first is at work, and no third.
pub const RUNNING_MAX: usize = 2;

/// How far back a replay may begin. The ledger knows a blob for 14 days after its expiration, which is 7 days after it became
/// available; a day is left for the replay itself.
pub const LOOK_BACK: Duration = Duration::from_secs(20 * 24 * 3600);

/// What came of one blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redelivered {
    /// Its events are written.
    Done(Counts),
    /// They cannot be, now or later; why.
    Skipped(String),
}

/// How a message of a replay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The lane is done.
    Done,
    /// The time is over; the message is in the queue again.
    Continues,
    /// Somebody else works at this lane, and goes on.
    Overtaken,
    /// There is no such replay (any more).
    Gone,
}

/// A replay cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The period is empty, begins too early or ends in the future.
    #[error("the period must begin after {earliest} and end by now, its begin before its end")]
    Period {
        /// The earliest begin.
        earliest: Timestamp,
    },
    /// So many run already.
    #[error("{RUNNING_MAX} replays of this tenant are running: {}", ids(.running))]
    TooMany {
        /// Their ids.
        running: Vec<ReplayId>,
    },
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The messages cannot be sent.
    #[error(transparent)]
    Queue(#[from] SendError),
}

fn ids(running: &[ReplayId]) -> String {
    let ids: Vec<_> = running.iter().map(ToString::to_string).collect();
    ids.join(" and ")
}

/// A part of a replay could not be worked at; its message must come again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The message cannot be sent again.
    #[error(transparent)]
    Queue(#[from] SendError),
    /// A blob could not be made anew, and may be later.
    #[error("a blob could not be made anew: {0}")]
    Redeliver(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Begins a replay of what became available within `[from, to)`. Of two callers at once both may be the last one allowed.
///
/// # Errors
/// [`BeginError`]. When only the messages were not sent, the replay is there, and [`restart`] sends them.
pub async fn begin(
    (ledger, queue): (&Ledger, &Queue),
    (tenant, types): (TenantId, Vec<ContentType>),
    (from, to): (Timestamp, Timestamp),
    generation: Option<Generation>,
    now: Timestamp,
) -> Result<Replay, BeginError> {
    // To the second: people read it.
    let earliest = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let earliest = earlier(earliest, LOOK_BACK);
    if from < earliest || from >= to || to > now {
        return Err(BeginError::Period { earliest });
    }
    let known = ledger.replays(tenant).await?;
    let running = known
        .into_iter()
        .filter(|replay| replay.state(now) == ReplayState::Running);
    let running: Vec<ReplayId> = running.map(|replay| replay.id).collect();
    if running.len() >= RUNNING_MAX {
        return Err(BeginError::TooMany { running });
    }
    let replay = Replay::new((from, to), types, generation, now);
    ledger.create_replay(tenant, &replay).await?;
    send(queue, tenant, &replay).await?;
    tracing::info!(tenant.id = %tenant, replay.id = %replay.id, units = replay.units.len(), "replay begun");
    Ok(replay)
}

/// Starts a replay again where it stands. One that runs, or is done, is left alone.
///
/// # Errors
/// [`BeginError::Ledger`] or [`BeginError::Queue`]; asking again is harmless.
pub async fn restart(
    (ledger, queue): (&Ledger, &Queue),
    tenant: TenantId,
    replay: &Replay,
    now: Timestamp,
) -> Result<(), BeginError> {
    if replay.state(now) == ReplayState::Failed {
        send(queue, tenant, replay).await?;
        ledger.touch_replay(tenant, &replay.id, now).await?;
    }
    Ok(())
}

/// Sends a message for each lane that has something to do.
async fn send(queue: &Queue, tenant: TenantId, replay: &Replay) -> Result<(), SendError> {
    let lanes = (0..LANES).filter(|lane| units_of(replay, *lane).next().is_some());
    let messages = lanes.map(|lane| {
        Message::Replay(ReplayPart {
            tenant_id: tenant,
            replay_id: replay.id.clone(),
            lane,
        })
    });
    queue.send(&messages.collect::<Vec<_>>()).await
}

/// The units of a lane that are not done.
fn units_of(replay: &Replay, lane: u8) -> impl Iterator<Item = &UnitProgress> {
    let all = replay.units.iter().skip(usize::from(lane));
    all.step_by(usize::from(LANES))
        .filter(|unit| unit.position != Position::Done)
}

/// Works at a part of a replay. `redeliver` makes the events of one delivered blob anew, from its raw copy and into the given
/// generation, and changes nothing else; its errors are those that may be over later. `worker_until` is when this worker is
/// stopped at the latest.
///
/// # Errors
/// [`ReplayError`]: the message must come again, and goes on where the replay stands then.
pub async fn run<R>(
    (ledger, queue): (&Ledger, &Queue),
    part: &ReplayPart,
    (clock, worker_until): (Clock, Timestamp),
    redeliver: impl Fn(Standing, Option<Generation>) -> R,
) -> Result<Outcome, ReplayError>
where
    R: Future<Output = Result<Redelivered, Box<dyn std::error::Error + Send + Sync>>>,
{
    let ReplayPart {
        tenant_id,
        replay_id,
        lane,
    } = part;
    let Some(replay) = ledger.replay(*tenant_id, replay_id).await? else {
        return Ok(Outcome::Gone);
    };
    // The other half is for the blob at work when the time is over.
    let left = worker_until.duration_since(clock.now());
    let stop_at = later(
        clock.now(),
        Duration::try_from(left).unwrap_or_default() / 2,
    );
    let mut walk = Walk {
        ledger,
        tenant: *tenant_id,
        replay: &replay,
        clock,
        stop_at,
        has_moved: false,
    };
    for unit in units_of(&replay, *lane) {
        match walk.through(unit, &redeliver).await? {
            Step::Done => {}
            Step::TimeOver => {
                queue.send(&[Message::Replay(part.clone())]).await?;
                return Ok(Outcome::Continues);
            }
            Step::Overtaken => return Ok(Outcome::Overtaken),
        }
    }
    Ok(Outcome::Done)
}
