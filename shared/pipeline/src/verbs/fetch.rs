//! Arrow 2: one descriptor in, one blob in the lake, the ledger settled. The protocol is docs/DELIVERY.md's:
//!
//! 1. **lease** the blob, 2. **raw first**, chosen once, 3. **claim** its records, 4. **write** the events of the records the
//!    blob owns, 5. **settle** with the conservation law.
//!
//! A crash between any two steps leaves a state from which the same steps finish the job. Retries belong to the ledger: a
//! failed attempt gives the blob back and arranges the next one itself, so that SQS's receive count only grows when an
//! attempt died or the ledger could not be reached.

mod activity;
mod batch;
mod body;
mod classes;
mod error;
mod events;
mod failure;
mod intake;
mod lines;
mod measured;
mod redeliver;
mod resolution;
mod tenant_cache;
mod turns;
mod unknown;

use std::time::Duration;

use jiff::Timestamp;
use normalize::Filter;
use office365::Cloud;
use tracing::Instrument as _;
use uuid::Uuid;

use self::activity::Activity;
pub use self::batch::{BLOBS_IN_FLIGHT_MAX, batch};
use self::body::Body;
pub use self::classes::{READ_AT_ONCE_MAX, READ_BYTES_MAX};
pub use self::error::FetchError;
use self::events::{Events, events};
pub use self::intake::{FREE_OF_RATIO_BYTES, RATIO_MAX, WIRE_BYTES_MAX};
use self::resolution::FailedAttempt;
use self::tenant_cache::{Served, TenantCache};
use self::turns::Turns;
use crate::aws::batch::ANSWER_MARGIN;
use crate::clock::{Clock, later};
use crate::content::{ContentRef, DiscoveredBy};
use crate::logging::{field, message};
use crate::microsoft::Microsoft;
use crate::replay::Outcome;
use crate::settings::EventSettings;
use crate::store::lake::Lake;
use crate::store::lake::key::{self, Generation};
use crate::store::ledger::Ledger;
use crate::store::ledger::blob::{
    ALONE_AFTER, Choice, Counts, Lease, LeaseOutcome, State, index_room,
};
use crate::store::ledger::loss::LossKind;
use crate::store::queue::{DELAY_MAX, Message, Queue};
use crate::store::waiting;
use crate::teeth::{Tooth, bites};

/// How long after the end of the worker's time a lease ends: enough for what the worker started at its last moment.
const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// Time kept for writing down how an attempt ended, before the worker is stopped; of a short time a quarter.
const CONCLUDE_MARGIN: Duration = Duration::from_secs(3);

/// Attempts in a row whose workers died, after which a blob is given up.
const POISON_AFTER: u32 = 10;

/// How long after a tenant's next probe a waiting blob is looked for, should the probe not have told.
const PARKED_AFTER_PROBE: Duration = Duration::from_secs(60);

/// What the fetcher works with.
#[derive(Debug)]
pub struct Fetcher {
    ledger: Ledger,
    queue: Queue,
    lake: Lake,
    microsoft: Microsoft,
    events: EventSettings,
    tenants: TenantCache,
    activity: Activity,
    turns: Turns,
}

/// How an attempt ended, if not in a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchOutcome {
    /// The blob is in the lake.
    Done(Counts),
    /// It was finished before.
    Finished(State),
    /// Somebody else is at it, or it is to be left alone until later; a later message looks again.
    Held,
    /// The tenant is not registered (any more), or not for this content type.
    NotServed,
    /// The attempt failed; the next one is arranged.
    RetryArranged,
    /// It was no blob, but a part of a replay.
    Replayed(Outcome),
    /// It is on the tenant's list of losses.
    GivenUp(LossKind),
}

impl Fetcher {
    /// A fetcher of these parts.
    #[must_use]
    pub fn new(
        ledger: Ledger,
        queue: Queue,
        lake: Lake,
        microsoft: Microsoft,
        events: EventSettings,
    ) -> Self {
        Self {
            ledger,
            queue,
            lake,
            microsoft,
            events,
            tenants: TenantCache::default(),
            activity: Activity::default(),
            turns: Turns::default(),
        }
    }
}

/// Does what one message asks for. `worker_until` is when this worker is stopped at the latest.
///
/// # Errors
/// A ledger or a queue that cannot be reached: the next attempt could not be arranged, so the message must come again.
/// Every other failure is dealt with here, and is a [`FetchOutcome`].
pub async fn run(
    fetcher: &Fetcher,
    message: Message,
    clock: Clock,
    worker_until: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let (blob, via) = match message {
        Message::V1 { blob, via } => (blob, via),
        Message::Replay(part) => {
            let outcome = redeliver::run(fetcher, &part, clock, worker_until).await?;
            return Ok(FetchOutcome::Replayed(outcome));
        }
    };
    let span = tracing::info_span!(
        "blob",
        { field::TENANT_ID } = %blob.tenant_id,
        { field::CONTENT_TYPE } = %blob.content_type,
        content.id = %blob.content_id,
    );
    attempt(fetcher, &blob, via, clock, worker_until)
        .instrument(span)
        .await
}

async fn attempt(
    fetcher: &Fetcher,
    announced: &ContentRef,
    via: DiscoveredBy,
    clock: Clock,
    worker_until: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let now = clock.now();
    let ledger = &fetcher.ledger;
    let Some(served) = fetcher.tenants.serving(ledger, announced, now).await? else {
        tenant_cache::forget_unwanted(ledger, announced).await?;
        return Ok(FetchOutcome::NotServed);
    };
    if waits(fetcher, announced, &served, now).await? {
        return Ok(FetchOutcome::Held);
    }
    // Before the lease: whoever waits for a turn while another attempt kills the process has not begun.
    let turn = fetcher.turns.beside_others().await;
    let lease = Lease {
        owner: Uuid::new_v4().to_string(),
        until: later(worker_until, LEASE_MARGIN),
    };
    let leased = ledger.lease(announced, via, &lease, clock.now()).await?;
    let granted = match leased {
        LeaseOutcome::Granted(granted) => granted,
        LeaseOutcome::Finished(state) => return Ok(FetchOutcome::Finished(state)),
        LeaseOutcome::Held { until } => {
            look_again(fetcher, announced, until, now).await?;
            return Ok(FetchOutcome::Held);
        }
    };
    let failed = FailedAttempt {
        blob: &granted.blob,
        lease: &lease,
        number: granted.attempt,
        unconcluded: granted.unconcluded,
        evidence: granted.evidence,
        had_raw: granted.choice.is_some(),
        was_lost: granted.was_lost,
    };
    if granted.unconcluded >= POISON_AFTER {
        return failure::set_aside(fetcher, &failed, clock.now()).await;
    }
    let _turn = if granted.unconcluded < ALONE_AFTER {
        turn
    } else {
        drop(turn);
        match fetcher.turns.alone().await {
            Some(turn) => turn,
            None => return failure::put_back(fetcher, &failed, clock.now()).await,
        }
    };
    let within = time_for_work(worker_until, clock.now());
    let work = deliver(fetcher, failed.blob, served.cloud, granted.choice, clock);
    let delivered = tokio::time::timeout(within, work).await;
    let ended = match delivered.unwrap_or(Err(FetchError::TooSlow)) {
        Ok(events) => conclude(fetcher, &failed, &events, via, clock).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(counts) => {
            // What came from the lake says nothing of Microsoft.
            if served.brake.is_some() && !failed.had_raw {
                end_brake(fetcher, announced, clock.now()).await?;
            }
            Ok(FetchOutcome::Done(counts))
        }
        Err(error) => failure::handle(fetcher, &failed, error, clock.now()).await,
    }
}

/// The time in which an attempt must end, so that its worker can still write down how.
fn time_for_work(worker_until: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(worker_until.duration_since(now)).unwrap_or_default();
    let left = left.saturating_sub(ANSWER_MARGIN);
    left.saturating_sub(CONCLUDE_MARGIN.min(left / 4))
}

/// Whether the blob waits because its tenant cannot be served. One blob at a time tries whether it still cannot; one whose
/// bytes were stored before needs nothing of Microsoft: it does not wait, and would be no trial.
async fn waits(
    fetcher: &Fetcher,
    blob: &ContentRef,
    served: &Served,
    now: Timestamp,
) -> Result<bool, FetchError> {
    let Some(brake) = &served.brake else {
        return Ok(false);
    };
    let ledger = &fetcher.ledger;
    if now >= brake.next_probe_at
        && (ledger.is_stored(blob).await? || ledger.take_probe(blob.tenant_id, brake, now).await?)
    {
        return Ok(false);
    }
    let until = later(brake.next_probe_at.max(now), PARKED_AFTER_PROBE);
    if !ledger.park(blob, until, now).await? {
        return Ok(false);
    }
    // Whoever took the brake off meanwhile may have enqueued what waits before this blob did.
    let brake_now = ledger.tenant(blob.tenant_id).await?.and_then(|of| of.brake);
    let is_on = brake_now.is_some();
    fetcher
        .tenants
        .note_brake(blob.tenant_id, brake_now, now)
        .await;
    if is_on {
        tracing::debug!(%until, "blob waits: its tenant cannot be served");
    } else {
        send_later(fetcher, blob, Duration::ZERO).await?;
    }
    Ok(true)
}

/// The tenant is served again: what waited is enqueued at once.
async fn end_brake(fetcher: &Fetcher, blob: &ContentRef, now: Timestamp) -> Result<(), FetchError> {
    let tenant = blob.tenant_id;
    fetcher.tenants.note_brake(tenant, None, now).await;
    if fetcher.ledger.take_brake_off(tenant).await? {
        let waiting =
            waiting::enqueue_waiting(&fetcher.ledger, &fetcher.queue, tenant, now, |_| ()).await?;
        tracing::info!(waiting, "tenant is served again");
    }
    Ok(())
}

/// Step 5: the blob is done, and what it brought is told.
async fn conclude(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    events: &Events,
    via: DiscoveredBy,
    clock: Clock,
) -> Result<Counts, FetchError> {
    let Fetcher {
        ledger, activity, ..
    } = fetcher;
    let (counts, blob) = (events.counts, attempt.blob);
    if attempt.was_lost {
        ledger.recover(blob, clock.now()).await?;
    }
    let index = events.index(index_room(blob));
    ledger.settle(blob, &counts, index, clock.now()).await?;
    activity.note(ledger, blob, via, clock.now()).await;
    measured::delivered(&counts);
    tracing::info!(
        { field::RECORDS } = counts.records,
        written = counts.written,
        routed = counts.routed,
        dropped = counts.dropped,
        { field::DUPLICATE } = counts.duplicate,
        foreign = counts.foreign,
        malformed = counts.malformed,
        attempt = attempt.number,
        "{}",
        message::BLOB_DELIVERED
    );
    log_rules(&fetcher.events.options.filter, events);
    events.unknowns.report();
    Ok(counts)
}

/// Steps 2 to 4: from Microsoft, or the raw copy an earlier attempt chose, to events in the lake.
async fn deliver(
    fetcher: &Fetcher,
    blob: &ContentRef,
    cloud: Cloud,
    chosen: Option<Choice>,
    clock: Clock,
) -> Result<Events, FetchError> {
    let mut body = body::get(fetcher, blob, cloud, chosen).await?;
    write_events(fetcher, blob, &mut body, None, clock.now()).await
}

/// Steps 3 and 4: the events of the records that the blob owns, into its objects, or into those of a generation.
async fn write_events(
    fetcher: &Fetcher,
    blob: &ContentRef,
    body: &mut Body,
    generation: Option<&Generation>,
    now: Timestamp,
) -> Result<Events, FetchError> {
    let mut events = events(fetcher, blob, body, now).await?;
    let options = &fetcher.events.options;
    let (schema, codec) = (options.schema, body.codec);
    let objects = events.lines.take_objects()?;
    events.objects = objects.len();
    if bites(Tooth::DoneBeforeWritten) && generation.is_none() {
        let counts = &events.counts;
        fetcher.ledger.settle(blob, counts, None, now).await?;
    }
    for (part, mut object) in objects.into_iter().enumerate() {
        let path = key::within(generation, key::events(blob, schema, codec, part));
        fetcher.lake.write_spool(&path, &mut object).await?;
    }
    for (route, lines) in options.filter.routes().iter().zip(&mut events.routed) {
        for (part, mut object) in lines.take_objects()?.into_iter().enumerate() {
            let path = key::within(generation, key::routed(route, blob, codec, part));
            fetcher.lake.write_spool(&path, &mut object).await?;
        }
    }
    Ok(events)
}

/// One line with the number of records that each rule of the filter decided: nothing is dropped silently.
fn log_rules(filter: &Filter, events: &Events) {
    let decided = filter.names().zip(&events.by_rule);
    let decided: Vec<String> = decided
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    if !decided.is_empty() {
        tracing::info!(filter.rules = decided.join(" "), "blob filtered");
    }
}

/// Looks again when the blob may be free. What is further away than a message can be delayed is left to the sweep, which
/// finds it when it is due.
async fn look_again(
    fetcher: &Fetcher,
    blob: &ContentRef,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), FetchError> {
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    if wait > DELAY_MAX {
        return Ok(());
    }
    // A second later than the last moment at which it is still taken.
    send_later(fetcher, blob, wait + Duration::from_secs(1)).await
}

async fn send_later(
    fetcher: &Fetcher,
    blob: &ContentRef,
    delay: Duration,
) -> Result<(), FetchError> {
    let message = Message::new(blob.clone(), DiscoveredBy::Retry);
    Ok(fetcher.queue.send_later(&message, delay).await?)
}
