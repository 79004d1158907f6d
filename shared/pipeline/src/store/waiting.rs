//! Blobs that wait are put into the queue: some, those of a tenant that is served again, or all after the queue was lost.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::TenantId;

use super::ledger::blob::{OPEN_PAGE_MAX, OpenBlob};
use super::ledger::{Ledger, LedgerError};
use super::queue::{Message, Queue, SendError};
use crate::clock::later;
use crate::content::{ContentRef, DiscoveredBy};
use crate::teeth::{Tooth, bites};

/// How long a blob may wait in the queue before the sweep looks whether its message is still there. Longer than the fetcher's
/// visibility timeout, so that a message in other hands is not doubled.
pub const ENQUEUED_FOR_MAX: Duration = Duration::from_secs(40 * 60);

/// Ledger writes in flight at once, for one tenant and content type.
pub const NOTES_IN_FLIGHT_MAX: usize = 32;

/// Pages of open blobs read: with 1,000 blobs each, more than a tenant publishes in a week. What is over is found by the sweep.
const PAGES_MAX: usize = 1_000;

/// The blobs could not be enqueued.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The queue does not take them.
    #[error(transparent)]
    Queue(#[from] SendError),
}

/// Puts blobs into the queue, and then notes it: after a crash between the two they are looked for, and enqueued again.
///
/// # Errors
/// [`EnqueueError`]; some may be in the queue.
pub async fn enqueue(
    ledger: &Ledger,
    queue: &Queue,
    blobs: &[ContentRef],
    now: Timestamp,
) -> Result<(), EnqueueError> {
    let messages: Vec<Message> = blobs
        .iter()
        .map(|blob| Message::new(blob.clone(), DiscoveredBy::Listing))
        .collect();
    let sent = queue.send(&messages).await;
    if !bites(Tooth::ListedIsKnown) {
        sent?;
    }
    let due_at = match bites(Tooth::ListedIsKnown) {
        true => Timestamp::MAX,
        false => later(now, ENQUEUED_FOR_MAX),
    };
    stream::iter(blobs.to_vec())
        .map(|blob| async move { ledger.note_enqueued(&blob, due_at, now).await })
        .buffer_unordered(NOTES_IN_FLIGHT_MAX)
        .try_collect::<()>()
        .await?;
    Ok(())
}

/// Enqueues every open blob of the tenant, whenever it is due and whether it has a message or not; returns how many: for a queue
/// that was lost.
///
/// # Errors
/// [`EnqueueError`]; those that were not enqueued are found when they are due.
pub async fn enqueue_all(
    ledger: &Ledger,
    queue: &Queue,
    tenant: TenantId,
    now: Timestamp,
) -> Result<usize, EnqueueError> {
    // Those that were enqueued here come again at the place where they are due next.
    let ours = now.as_millisecond();
    let is_wanted = |open: &OpenBlob| {
        let enqueued_at = open.enqueued_at.map(Timestamp::as_millisecond);
        enqueued_at != Some(ours)
    };
    enqueue_each(ledger, queue, tenant, now, (is_wanted, |_| ())).await
}

/// Enqueues every open blob of the tenant that has no message, whenever it is due; returns how many, and tells `on_page` how many
/// of each thousand: for a tenant that is served again.
///
/// # Errors
/// [`EnqueueError`]; those that were not enqueued are found when they are due.
pub async fn enqueue_waiting(
    ledger: &Ledger,
    queue: &Queue,
    tenant: TenantId,
    now: Timestamp,
    on_page: impl Fn(usize),
) -> Result<usize, EnqueueError> {
    let is_wanted = |open: &OpenBlob| open.enqueued_at.is_none();
    enqueue_each(ledger, queue, tenant, now, (is_wanted, on_page)).await
}

async fn enqueue_each(
    ledger: &Ledger,
    queue: &Queue,
    tenant: TenantId,
    now: Timestamp,
    (is_wanted, on_page): (impl Fn(&OpenBlob) -> bool, impl Fn(usize)),
) -> Result<usize, EnqueueError> {
    let mut count = 0;
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = ledger
            .open_page(tenant, Timestamp::MAX, OPEN_PAGE_MAX, cursor)
            .await?;
        let wanted = page.blobs.into_iter().filter(&is_wanted);
        let blobs: Vec<ContentRef> = wanted.map(|open| open.blob).collect();
        enqueue(ledger, queue, &blobs, now).await?;
        on_page(blobs.len());
        count += blobs.len();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(count)
}
