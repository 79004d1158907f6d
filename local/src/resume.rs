//! After a restart: the embedded queue is empty again, so whatever the ledger calls open is put into it anew.
//!
//! On AWS the queue outlives every function and this is not needed; the sweep would find the same blobs, but only when they
//! are due.

use std::collections::HashSet;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::{ContentId, TenantId};
use pipeline::clock::later;
use pipeline::content::{ContentRef, DiscoveredBy};
use pipeline::ledger::{Ledger, LedgerError};
use pipeline::queue::{Message, Queue, SendError};

/// Blobs due within this time are enqueued: longer than the 40 minutes that a blob may wait in the queue and the
/// 25 minutes that its next attempt may be away. What is due later waits for a person, and the sweep looks after it.
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
    /// The queue does not take them.
    #[error(transparent)]
    Queue(#[from] SendError),
}

/// Enqueues every open blob; returns how many. One that a killed process held is enqueued too: its message waits until the
/// lease has ended.
///
/// # Errors
/// See [`ResumeError`]; what was enqueued stays so.
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
    // Just beyond it, so that the next page begins after these.
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
