//! Arrow 2: one descriptor in, one blob in the lake, the ledger settled. The protocol is docs/DELIVERY.md's:
//!
//! 1. **lease** the blob, 2. **raw first**, chosen once, 3. **claim** each record, 4. **write** the events of the records the
//!    blob owns, 5. **settle** with the conservation law.
//!
//! A crash between any two steps leaves a state from which the same steps finish the job. Retries belong to the ledger: a
//! failed attempt gives the blob back and arranges the next one itself, so that SQS's receive count only grows when an
//! attempt died or the ledger could not be reached.

mod batch;
mod failure;
mod settle;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use normalize::RawData;
use office365::{Client, Cloud, Failure, TenantId};
use sha2::{Digest as _, Sha256};
use tokio::sync::{RwLock, Semaphore};
use tracing::Instrument as _;
use uuid::Uuid;

pub use self::batch::{BLOBS_IN_FLIGHT_MAX, BatchResponse, Delivery, SqsEvent, batch};
pub use self::failure::FetchError;
use self::failure::{Next, unreadable};
use self::settle::events;
use crate::clock::{Clock, later};
use crate::lake::{Lake, key};
use crate::ledger::blob::{Counts, Lease, Leased, RawCopy, State};
use crate::ledger::registry::Standing;
use crate::ledger::{Ledger, LedgerError};
use crate::microsoft::Microsoft;
use crate::queue::{Blob, DELAY_MAX, Message, Queue, Via};
use crate::settings::RecordDedupe;

/// Largest blob fetched beside others, in bytes: blobs are mostly under 1 MiB, and ten of this size with their events fit a
/// function of 1 GiB.
pub const BLOB_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest blob fetched at all, one at a time. The body, its events (twice the size) and their compressed form are held
/// at once: 450 MB. A larger one stays open, loudly, until it expires.
pub const LARGE_BLOB_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How long a tenant's registration is believed. A tenant that leaves is served this much longer.
const TENANT_BELIEVED_FOR: Duration = Duration::from_secs(60);

/// Tenants remembered: a few dozen bytes each, more than any deployment has.
const TENANTS_REMEMBERED_MAX: usize = 10_000;

/// How long after the end of the worker's time a lease ends: enough for what the worker started at its last moment.
const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// How long after a planned attempt the sweep looks whether it took place.
const OVERDUE_AFTER: Duration = Duration::from_secs(10 * 60);

/// What the fetcher works with.
#[derive(Debug)]
pub struct Fetcher {
    ledger: Ledger,
    queue: Queue,
    lake: Lake,
    microsoft: Microsoft,
    dedupe: RecordDedupe,
    raw_data: RawData,
    tenants: RwLock<HashMap<TenantId, (Timestamp, Option<Cloud>)>>,
    large: Semaphore,
}

/// How an attempt ended, if not in a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The blob is in the lake.
    Done(Counts),
    /// It was finished before.
    Finished(State),
    /// Somebody else is at it; a later message looks again.
    Held,
    /// The tenant is not registered (any more).
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
        dedupe: RecordDedupe,
        raw_data: RawData,
    ) -> Self {
        Self {
            ledger,
            queue,
            lake,
            microsoft,
            dedupe,
            raw_data,
            tenants: RwLock::new(HashMap::new()),
            large: Semaphore::new(1),
        }
    }

    /// The cloud of a tenant that is served.
    async fn cloud_of(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Option<Cloud>, LedgerError> {
        if let Some((read_at, cloud)) = self.tenants.read().await.get(&tenant)
            && now < later(*read_at, TENANT_BELIEVED_FOR)
        {
            return Ok(*cloud);
        }
        let cloud = self
            .ledger
            .tenant(tenant)
            .await?
            .filter(|tenant| tenant.standing == Standing::Active)
            .map(|tenant| tenant.cloud);
        let mut tenants = self.tenants.write().await;
        if tenants.len() >= TENANTS_REMEMBERED_MAX {
            tenants.clear();
        }
        tenants.insert(tenant, (now, cloud));
        Ok(cloud)
    }
}

/// Does what one message asks for. `worker_until` is when this worker is stopped at the latest.
///
/// # Errors
/// [`LedgerError`] or a queue that cannot be reached: nothing could be arranged, so the message must come again.
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
    blob: &Blob,
    via: Via,
    clock: Clock,
    worker_until: Timestamp,
) -> Result<Outcome, FetchError> {
    let now = clock.now();
    let Some(cloud) = fetcher.cloud_of(blob.tenant_id, now).await? else {
        tracing::warn!("blob dropped: its tenant is not registered");
        return Ok(Outcome::NotServed);
    };
    let lease = Lease {
        owner: Uuid::new_v4().to_string(),
        until: later(worker_until, LEASE_MARGIN),
    };
    let (attempt, raw) = match fetcher.ledger.lease(blob, via, &lease, now).await? {
        Leased::Yes { attempt, raw } => (attempt, raw),
        Leased::Finished(state) => return Ok(Outcome::Finished(state)),
        Leased::Held { until } => {
            let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            later_message(fetcher, blob, wait.min(DELAY_MAX)).await?;
            return Ok(Outcome::Held);
        }
    };
    let had_raw = raw.is_some();
    match deliver(fetcher, blob, cloud, raw, clock).await {
        Ok(counts) => {
            fetcher.ledger.settle(blob, &counts, clock.now()).await?;
            note_content(fetcher, blob, via, clock.now()).await;
            tracing::info!(
                records = counts.records,
                written = counts.written,
                duplicate = counts.duplicate,
                foreign = counts.foreign,
                malformed = counts.malformed,
                attempt,
                "blob delivered"
            );
            Ok(Outcome::Done(counts))
        }
        Err(error) => conclude(fetcher, blob, &lease, attempt, had_raw, error, clock.now()).await,
    }
}

/// Steps 2 to 4: from Microsoft, or the raw copy an earlier attempt chose, to events in the lake.
async fn deliver(
    fetcher: &Fetcher,
    blob: &Blob,
    cloud: Cloud,
    chosen: Option<RawCopy>,
    clock: Clock,
) -> Result<Counts, FetchError> {
    let body = match chosen {
        Some(copy) => read_back(fetcher, &copy).await?,
        None => fetch_and_choose(fetcher, blob, cloud).await?,
    };
    let events = events(fetcher, blob, &body, clock.now()).await?;
    if events.counts.written > 0 {
        fetcher.lake.put(&key::ocsf(blob), &events.lines).await?;
    }
    Ok(events.counts)
}

/// Raw first: the bytes are stored before anything is made of them, and fixed as *the* blob unless an attempt before fixed
/// others. From then on Microsoft is not needed any more.
async fn fetch_and_choose(
    fetcher: &Fetcher,
    blob: &Blob,
    cloud: Cloud,
) -> Result<Bytes, FetchError> {
    let client = fetcher.microsoft.client()?;
    let body = download(fetcher, client, blob, cloud).await?;
    if let Err(why) = normalize::split(&body) {
        return Err(unreadable(why, &body));
    }
    let path = key::raw(blob, &hex::encode(Sha256::digest(&body)));
    fetcher.lake.put(&path, &body).await?;
    let ours = RawCopy {
        key: path.to_string(),
    };
    let chosen = fetcher.ledger.choose_raw(blob, ours.clone()).await?;
    if chosen == ours {
        return Ok(body);
    }
    tracing::warn!(
        "Microsoft sent a second variant of this blob; the first is the blob, both are kept"
    );
    read_back(fetcher, &chosen).await
}

/// Blobs are small, but for a few: those are fetched again, alone.
async fn download(
    fetcher: &Fetcher,
    client: &Client,
    blob: &Blob,
    cloud: Cloud,
) -> Result<Bytes, FetchError> {
    let fetch = |bytes_max| client.fetch_blob(blob.tenant_id, cloud, &blob.content_id, bytes_max);
    match fetch(BLOB_BYTES_MAX).await {
        Err(error) if matches!(error.failure(), Failure::TooLarge { .. }) => {
            let _alone = fetcher.large.acquire().await;
            Ok(fetch(LARGE_BLOB_BYTES_MAX).await?)
        }
        answer => Ok(answer?),
    }
}

async fn read_back(fetcher: &Fetcher, copy: &RawCopy) -> Result<Bytes, FetchError> {
    let path = object_store::path::Path::from(copy.key.as_str());
    Ok(fetcher.lake.get(&path, LARGE_BLOB_BYTES_MAX as u64).await?)
}

/// Decides what becomes of a blob whose attempt failed, and arranges it.
async fn conclude(
    fetcher: &Fetcher,
    blob: &Blob,
    lease: &Lease,
    attempt: u32,
    had_raw: bool,
    error: FetchError,
    now: Timestamp,
) -> Result<Outcome, FetchError> {
    let cause = error.to_string();
    match failure::next(&error, attempt, had_raw, blob.content_expiration, now) {
        Next::Redeliver => Err(error),
        Next::Again { after } => {
            tracing::warn!(
                error = cause,
                attempt,
                retry.seconds = after.as_secs(),
                "blob not delivered, will be tried again"
            );
            let again_at = later(now, after);
            let overdue_at = later(again_at, OVERDUE_AFTER);
            fetcher
                .ledger
                .release(blob, lease, &cause, overdue_at)
                .await?;
            // What is further away than a message can be delayed is found by the sweep when it is due.
            if after <= DELAY_MAX {
                later_message(fetcher, blob, after).await?;
            }
            Ok(Outcome::Again)
        }
        Next::GiveUp(state) => {
            if let FetchError::Unreadable { body, sha256, .. } = &error {
                fetcher
                    .lake
                    .put(&key::quarantine(blob, sha256), body)
                    .await?;
            }
            fetcher
                .ledger
                .give_up(blob, lease, state, &cause, now)
                .await?;
            tracing::error!(error = cause, attempt, %state, "blob given up");
            let message = format!("{state}: {} ({cause})", blob.content_id);
            let noted = fetcher
                .ledger
                .note_loss(blob.tenant_id, blob.content_type, &message, now)
                .await;
            if let Err(error) = noted {
                tracing::warn!(%error, "the loss is in the ledger, but not on the status page");
            }
            Ok(Outcome::GivenUp(state))
        }
    }
}

async fn later_message(fetcher: &Fetcher, blob: &Blob, delay: Duration) -> Result<(), FetchError> {
    let message = Message::new(blob.clone(), Via::Retry);
    Ok(fetcher.queue.send_later(&message, delay).await?)
}

/// The status page's "last content". Not worth failing a delivered blob for.
async fn note_content(fetcher: &Fetcher, blob: &Blob, via: Via, now: Timestamp) {
    let noted = fetcher
        .ledger
        .note_content(blob.tenant_id, blob.content_type, via, now)
        .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "blob delivered, but not noted on the status page");
    }
}
