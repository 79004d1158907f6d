//! Arrow 2: one descriptor in, one blob in the lake, the ledger settled. The protocol is docs/DELIVERY.md's:
//!
//! 1. **lease** the blob, 2. **raw first**, chosen once, 3. **claim** each record, 4. **write** the events of the records the
//!    blob owns, 5. **settle** with the conservation law.
//!
//! A crash between any two steps leaves a state from which the same steps finish the job. Retries belong to the ledger: a
//! failed attempt gives the blob back and arranges the next one itself, so that SQS's receive count only grows when an
//! attempt died or the ledger could not be reached.

mod activity;
mod batch;
mod body;
mod error;
mod events;
mod failure;
mod lines;
mod measured;
mod resolution;
mod tenant_cache;
mod unknown;

use std::time::Duration;

use jiff::Timestamp;
use normalize::Filter;
use office365::Cloud;
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use uuid::Uuid;

use self::activity::Activity;
pub use self::batch::{BLOBS_IN_FLIGHT_MAX, batch};
pub use self::body::{BLOB_BYTES_MAX, LARGE_BLOB_BYTES_MAX};
pub use self::error::FetchError;
pub use self::events::{CLAIMED_AT_ONCE_MAX, CLAIMED_BYTES_MAX};
use self::events::{Events, events};
use self::resolution::FailedAttempt;
use self::tenant_cache::TenantCache;
use crate::clock::{Clock, later};
use crate::content::{ContentRef, DiscoveredBy};
use crate::logging::{field, message};
use crate::microsoft::Microsoft;
use crate::settings::EventSettings;
use crate::store::lake::{Lake, key};
use crate::store::ledger::Ledger;
use crate::store::ledger::blob::{Choice, Counts, Lease, LeaseOutcome, State};
use crate::store::queue::{DELAY_MAX, Message, Queue};

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
    tenants: TenantCache,
    activity: Activity,
    large: Semaphore,
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
            tenants: TenantCache::default(),
            activity: Activity::default(),
            large: Semaphore::new(1),
        }
    }
}

/// Does what one message asks for. `worker_until` is when this worker is stopped at the latest.
///
/// # Errors
/// A ledger or a queue that cannot be reached: nothing could be arranged, so the message must come again.
/// Every other failure is dealt with here, and is a [`FetchOutcome`].
pub async fn run(
    fetcher: &Fetcher,
    message: Message,
    clock: Clock,
    worker_until: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let (blob, via) = message.into_parts();
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
    let Some(cloud) = fetcher
        .tenants
        .serving(&fetcher.ledger, announced, now)
        .await?
    else {
        tracing::warn!("blob dropped: its tenant is not registered for this content type");
        return Ok(FetchOutcome::NotServed);
    };
    let lease = Lease {
        owner: Uuid::new_v4().to_string(),
        until: later(worker_until, LEASE_MARGIN),
    };
    let leased = fetcher.ledger.lease(announced, via, &lease, now).await?;
    let (blob, attempt, failures, choice) = match leased {
        LeaseOutcome::Granted {
            blob,
            attempt,
            failures,
            choice,
        } => (blob, attempt, failures, choice),
        LeaseOutcome::Finished(state) => return Ok(FetchOutcome::Finished(state)),
        LeaseOutcome::Held { until } => {
            look_again(fetcher, announced, until, now).await?;
            return Ok(FetchOutcome::Held);
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
            measured::delivered(&counts);
            tracing::info!(
                { field::RECORDS } = counts.records,
                written = counts.written,
                routed = counts.routed,
                dropped = counts.dropped,
                { field::DUPLICATE } = counts.duplicate,
                foreign = counts.foreign,
                malformed = counts.malformed,
                attempt,
                "{}",
                message::BLOB_DELIVERED
            );
            log_rules(&fetcher.events.options.filter, &events);
            events.unknowns.report();
            Ok(FetchOutcome::Done(counts))
        }
        Err(error) => {
            let attempt = FailedAttempt {
                blob: &blob,
                lease: &lease,
                number: attempt,
                failures,
                had_raw,
            };
            failure::handle(fetcher, &attempt, error, clock.now()).await
        }
    }
}

/// Steps 2 to 4: from Microsoft, or the raw copy an earlier attempt chose, to events in the lake.
async fn deliver(
    fetcher: &Fetcher,
    blob: &ContentRef,
    cloud: Cloud,
    chosen: Option<Choice>,
    clock: Clock,
) -> Result<Events, FetchError> {
    // The permit for a large blob is held until its events are written: they weigh more than the blob.
    let body = body::get(fetcher, blob, cloud, chosen).await?;
    let mut events = events(fetcher, blob, &body, clock.now()).await?;
    let options = &fetcher.events.options;
    if let Some(object) = events.lines.take_object() {
        let path = key::events(blob, options.schema, body.codec);
        fetcher.lake.write(&path, object.into()).await?;
    }
    let routes = options.filter.routes();
    for (route, lines) in routes.iter().zip(&mut events.routed) {
        if let Some(object) = lines.take_object() {
            let path = key::routed(route, blob, body.codec);
            fetcher.lake.write(&path, object.into()).await?;
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
