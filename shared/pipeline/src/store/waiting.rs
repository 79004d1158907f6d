//! A tenant that is served again: all its blobs that waited are put into the queue at once.

use std::collections::HashSet;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::TenantId;

use super::ledger::blob::OPEN_PAGE_MAX;
use super::ledger::{Ledger, LedgerError};
use super::queue::{Message, Queue, SendError};
use crate::clock::later;
use crate::content::{ContentRef, DiscoveredBy};

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
    queue.send(&messages).await?;
    let due_at = later(now, ENQUEUED_FOR_MAX);
    stream::iter(blobs.to_vec())
        .map(|blob| async move { ledger.note_enqueued(&blob, due_at, now).await })
        .buffer_unordered(NOTES_IN_FLIGHT_MAX)
        .try_collect::<()>()
        .await?;
    Ok(())
}

/// Enqueues every open blob of the tenant, whenever it is due; returns how many.
///
/// # Errors
/// [`EnqueueError`]; those that were not enqueued are found when they are due.
pub async fn enqueue_all(
    ledger: &Ledger,
    queue: &Queue,
    tenant: TenantId,
    now: Timestamp,
) -> Result<usize, EnqueueError> {
    let mut seen = HashSet::new();
    // Those that are enqueued become due later than what is asked for, so that each page has others.
    let by = later(now, ENQUEUED_FOR_MAX - Duration::from_secs(1));
    for _ in 0..PAGES_MAX {
        let open = ledger.open_blobs(tenant, by, OPEN_PAGE_MAX).await?;
        let blobs: Vec<ContentRef> = open
            .into_iter()
            .map(|open| open.blob)
            .filter(|blob| seen.insert((blob.content_type, blob.content_id.clone())))
            .collect();
        if blobs.is_empty() {
            break;
        }
        enqueue(ledger, queue, &blobs, now).await?;
    }
    Ok(seen.len())
}
