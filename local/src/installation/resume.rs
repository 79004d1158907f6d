//! After a restart the embedded queue is empty: the blobs that the ledger lists as open are enqueued again.
//!
//! On AWS the queue outlives every function. The sweep would find the same blobs too, but only when they are due.

use std::collections::HashSet;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::{ContentId, TenantId};
use pipeline::clock::later;
use pipeline::content::{ContentRef, DiscoveredBy};
use pipeline::ledger::{Ledger, LedgerError};
use pipeline::queue::{Message, Queue, SendError};

/// Blobs due within this time are enqueued. A blob may wait in the queue for 40 minutes, and its next attempt may be 25 minutes
/// away. A blob that is due later waits for an operator; the sweep enqueues it.
const HORIZON: Duration = Duration::from_secs(45 * 60);

/// Pages of open blobs read for one tenant, at most: with 1,000 blobs each, more than Microsoft publishes in a week.
const PAGES_MAX: usize = 1_000;

/// Ledger writes in flight at once.
const NOTES_IN_FLIGHT_MAX: usize = 16;

/// The open blobs could not be enqueued.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The queue refuses them.
    #[error(transparent)]
    Queue(#[from] SendError),
}

/// Enqueues every open blob and returns how many there were. The fetcher puts off one that a killed process still has a lease on.
///
/// # Errors
/// See [`ResumeError`]; some blobs may be enqueued by then.
pub async fn run(ledger: &Ledger, queue: &Queue, now: Timestamp) -> Result<usize, ResumeError> {
    let mut count = 0;
    for registered in ledger.all_registered().await? {
        count += tenant(ledger, queue, registered.tenant.tenant_id, now).await?;
    }
    Ok(count)
}

async fn tenant(
    ledger: &Ledger,
    queue: &Queue,
    tenant: TenantId,
    now: Timestamp,
) -> Result<usize, ResumeError> {
    let horizon = later(now, HORIZON);
    // Just beyond the horizon, so that the next page does not have these blobs again.
    let due_again = later(horizon, Duration::from_secs(1));
    let mut seen: HashSet<ContentId> = HashSet::new();
    for _ in 0..PAGES_MAX {
        let open = ledger.open_blobs(tenant, horizon).await?;
        let new: Vec<ContentRef> = open
            .into_iter()
            .filter(|blob| seen.insert(blob.content_id.clone()))
            .collect();
        if new.is_empty() {
            break;
        }
        let messages: Vec<Message> = new
            .iter()
            .map(|blob| Message::new(blob.clone(), DiscoveredBy::Retry))
            .collect();
        queue.send(&messages).await?;
        stream::iter(&new)
            .map(|blob| ledger.note_enqueued(blob, due_again, now))
            .buffer_unordered(NOTES_IN_FLIGHT_MAX)
            .try_collect::<()>()
            .await?;
    }
    Ok(seen.len())
}
