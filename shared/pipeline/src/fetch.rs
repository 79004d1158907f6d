//! Arrow 2: one descriptor in, one blob in the lake, the ledger settled. The protocol is docs/DELIVERY.md's:
//!
//! 1. **lease** the blob, 2. **raw first**, chosen once, 3. **claim** each record, 4. **write** the events of the records the
//!    blob owns, 5. **settle** with the conservation law.
//!
//! A crash between any two steps leaves a state from which the same steps finish the job. Retries belong to the ledger: a
//! failed attempt gives the blob back and arranges the next one itself, so that SQS's receive count only grows when an
//! attempt died or the ledger could not be reached.

mod batch;
mod body;
mod conclude;
mod failure;
mod lines;
mod settle;
mod status;
mod tenants;
mod unknown;

use std::time::Duration;

use jiff::Timestamp;
use normalize::Filter;
use office365::Cloud;
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use uuid::Uuid;

pub use self::batch::{BLOBS_IN_FLIGHT_MAX, batch};
use self::body::Body;
use self::conclude::{Attempt, conclude};
pub use self::failure::FetchError;
use self::settle::{Events, events};
use self::status::Activity;
use self::tenants::Tenants;
use crate::clock::{Clock, later};
use crate::lake::{Lake, key};
use crate::ledger::Ledger;
use crate::ledger::blob::{Choice, Counts, Lease, Leased, State};
use crate::microsoft::Microsoft;
use crate::queue::{Blob, DELAY_MAX, Message, Queue, Via};
use crate::settings::EventSettings;

/// How long after the end of the worker's time a lease ends: enough for what the worker started at its last moment.
const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// What the fetcher works with.
#[derive(Debug)]
pub struct Fetcher {
    ledger: Ledger,
    queue: Queue,
    lake: Lake,
    microsoft: Microsoft,
    events: EventSettings,
    tenants: Tenants,
    activity: Activity,
    large: Semaphore,
}

/// How an attempt ended, if not in a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The blob is in the lake.
    Done(Counts),
    /// It was finished before.
    Finished(State),
    /// Somebody else is at it, or it is to be left alone until later; a later message looks again.
    Held,
    /// The tenant is not registered (any more), or not for this content type.
    NotServed,
    /// The attempt failed; the next one is arranged.
    Again,
    /// It ended as [`State::Quarantined`] or [`State::Lost`].
    GivenUp(State),
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
            tenants: Tenants::default(),
            activity: Activity::default(),
            large: Semaphore::new(1),
        }
    }
}

/// Does what one message asks for. `worker_until` is when this worker is stopped at the latest.
///
/// # Errors
/// A ledger or a queue that cannot be reached: nothing could be arranged, so the message must come again.
/// Everything else is dealt with here and told by [`Outcome`].
pub async fn run(
    fetcher: &Fetcher,
    message: Message,
    clock: Clock,
    worker_until: Timestamp,
) -> Result<Outcome, FetchError> {
    let (blob, via) = message.into_parts();
    let span = tracing::info_span!(
        "blob",
        tenant.id = %blob.tenant_id,
        content.type = %blob.content_type,
        content.id = %blob.content_id,
    );
    attempt(fetcher, &blob, via, clock, worker_until)
        .instrument(span)
        .await
}

async fn attempt(
    fetcher: &Fetcher,
    announced: &Blob,
    via: Via,
    clock: Clock,
    worker_until: Timestamp,
) -> Result<Outcome, FetchError> {
    let now = clock.now();
    let Some(cloud) = fetcher
        .tenants
        .serving(&fetcher.ledger, announced, now)
        .await?
    else {
        tracing::warn!("blob dropped: its tenant is not registered for this content type");
        return Ok(Outcome::NotServed);
    };
    let lease = Lease {
        owner: Uuid::new_v4().to_string(),
        until: later(worker_until, LEASE_MARGIN),
    };
    let leased = fetcher.ledger.lease(announced, via, &lease, now).await?;
    let (blob, attempt, setbacks, choice) = match leased {
        Leased::Yes {
            blob,
            attempt,
            setbacks,
            choice,
        } => (blob, attempt, setbacks, choice),
        Leased::Finished(state) => return Ok(Outcome::Finished(state)),
        Leased::Held { until } => {
            look_again(fetcher, announced, until, now).await?;
            return Ok(Outcome::Held);
        }
    };
    let had_raw = choice.is_some();
    match deliver(fetcher, &blob, cloud, choice, clock).await {
        Ok(events) => {
            let counts = events.counts;
            fetcher.ledger.settle(&blob, &counts, clock.now()).await?;
            let Fetcher {
                ledger, activity, ..
            } = fetcher;
            activity.note(ledger, &blob, via, clock.now()).await;
            tracing::info!(
                records = counts.records,
                written = counts.written,
                routed = counts.routed,
                dropped = counts.dropped,
                duplicate = counts.duplicate,
                foreign = counts.foreign,
                malformed = counts.malformed,
                attempt,
                "blob delivered"
            );
            log_rules(&fetcher.events.options.filter, &events);
            events.unknowns.log();
            Ok(Outcome::Done(counts))
        }
        Err(error) => {
            let attempt = Attempt {
                blob: &blob,
                lease: &lease,
                number: attempt,
                setbacks,
                had_raw,
            };
            conclude(fetcher, &attempt, error, clock.now()).await
        }
    }
}

/// Steps 2 to 4: from Microsoft, or the raw copy an earlier attempt chose, to events in the lake.
async fn deliver(
    fetcher: &Fetcher,
    blob: &Blob,
    cloud: Cloud,
    chosen: Option<Choice>,
    clock: Clock,
) -> Result<Events, FetchError> {
    // The permit for a large blob is held until its events are written: they weigh more than the blob.
    let Body {
        bytes,
        codec,
        _alone,
    } = body::get(fetcher, blob, cloud, chosen).await?;
    let mut events = events(fetcher, blob, &bytes, codec, clock.now()).await?;
    let options = &fetcher.events.options;
    if let Some(object) = events.lines.take_object() {
        let path = key::events(blob, options.schema, codec);
        fetcher.lake.write(&path, object.into()).await?;
    }
    let routes = options.filter.routes();
    for (route, lines) in routes.iter().zip(&mut events.routed) {
        if let Some(object) = lines.take_object() {
            let path = key::routed(route, blob, codec);
            fetcher.lake.write(&path, object.into()).await?;
        }
    }
    Ok(events)
}

/// What each rule of the filter decided, in one line: what is dropped is never dropped silently.
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
    blob: &Blob,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), FetchError> {
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    if wait > DELAY_MAX {
        return Ok(());
    }
    // A second later than the last moment at which it is still taken.
    later_message(fetcher, blob, wait + Duration::from_secs(1)).await
}

async fn later_message(fetcher: &Fetcher, blob: &Blob, delay: Duration) -> Result<(), FetchError> {
    let message = Message::new(blob.clone(), Via::Retry);
    Ok(fetcher.queue.send_later(&message, delay).await?)
}
