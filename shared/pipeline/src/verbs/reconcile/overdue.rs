//! Blobs that nobody finished in time, put into the queue again without making a long queue longer.

use std::time::Duration;

use jiff::Timestamp;
use office365::TenantId;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::progress::Progress;
use super::report::Report;
use super::trouble::TenantError;
use crate::aws::AwsError;
use crate::clock::later;
use crate::content::ContentRef;
use crate::store::ledger::Ledger;
use crate::store::ledger::blob::{OPEN_PAGE_MAX, OpenBlob, OpenPage};
use crate::store::queue::Queue;
use crate::store::waiting;
use crate::teeth::{Tooth, bites};

/// Messages in the content queue from which on it counts as long: the fetchers' default concurrency takes so many within
/// seconds. In a longer one the message of an overdue blob is likely still there.
const LONG_QUEUE: u64 = 1_000;

/// How long a blob's message may be in a long queue before another one is sent: an eighth of the queue's four days, so that a
/// backlog of any length at most doubles in half a day.
const ENQUEUED_LONG_AGO: Duration = Duration::from_secs(12 * 3600);

/// How long the queue's length is believed. SQS itself counts only within a minute or so.
const DEPTH_KEPT: Duration = Duration::from_secs(10);

/// Pages of open blobs looked at in one sweep, of 1,000 each; the next one begins with those due first again.
const PAGES_MAX: usize = 20;

/// The length of the content queue, asked for once in a while for all sweeps of a process.
#[derive(Debug, Default)]
pub(super) struct Depth(Mutex<Option<(Instant, u64)>>);

impl Depth {
    async fn of(&self, queue: &Queue) -> Result<u64, AwsError> {
        let mut known = self.0.lock().await;
        match *known {
            Some((at, depth)) if at.elapsed() < DEPTH_KEPT => Ok(depth),
            _ => {
                let depth = queue.depth().await?;
                *known = Some((Instant::now(), depth));
                Ok(depth)
            }
        }
    }

    /// So many were added meanwhile.
    pub(super) async fn add(&self, messages: usize) {
        if let Some((_, depth)) = self.0.lock().await.as_mut() {
            *depth = depth.saturating_add(messages as u64);
        }
    }
}

/// Enqueues the blobs of a tenant that nobody finished in time.
///
/// Who has no message gets one at once. Who should have one in the queue gets another only when the queue is shorter than that:
/// than [`LONG_QUEUE`], and than the messages that should be in it. Or after [`ENQUEUED_LONG_AGO`].
pub(super) async fn enqueue_overdue(
    (ledger, queue): (&Ledger, &Queue),
    depth: &Depth,
    tenant: TenantId,
    progress: &Progress,
    now: Timestamp,
) -> Result<(), TenantError> {
    if bites(Tooth::OverdueForgotten) {
        return Ok(());
    }
    let mut waiting = Vec::new();
    let mut cursor = None;
    for number in 0..PAGES_MAX {
        // All of the open ones, and not only those that are due: the oldest of them is a figure of its own.
        let page = ledger
            .open_page(tenant, Timestamp::MAX, OPEN_PAGE_MAX, cursor)
            .await?;
        if number == 0 {
            count_oldest(&page, progress);
        }
        let all_due = page.blobs.last().is_none_or(|last| last.due_at <= now);
        let overdue = page.blobs.into_iter().filter(|open| open.due_at <= now);
        let (without, with): (Vec<OpenBlob>, Vec<OpenBlob>) =
            overdue.partition(|open| has_no_message(open, now));
        send((ledger, queue), depth, without, progress, now).await?;
        waiting.extend(with);
        cursor = page.next;
        if cursor.is_none() || !all_due {
            break;
        }
    }
    if waiting.is_empty() {
        return Ok(());
    }
    let depth_now = depth.of(queue).await?;
    if depth_now >= LONG_QUEUE.min(waiting.len() as u64) && !bites(Tooth::BacklogAgain) {
        progress.count(Report {
            waiting: waiting.len(),
            ..Report::default()
        });
        return Ok(());
    }
    send((ledger, queue), depth, waiting, progress, now).await
}

/// Looks only how old the oldest open blob of a tenant is.
pub(super) async fn look_for_oldest(
    ledger: &Ledger,
    tenant: TenantId,
    progress: &Progress,
) -> Result<(), TenantError> {
    let page = ledger
        .open_page(tenant, Timestamp::MAX, OPEN_PAGE_MAX, None)
        .await?;
    count_oldest(&page, progress);
    Ok(())
}

fn count_oldest(page: &OpenPage, progress: &Progress) {
    let created = page.blobs.iter().map(|open| open.blob.content_created);
    progress.count(Report {
        open: page.blobs.len() as u64,
        oldest_open: created.min(),
        ..Report::default()
    });
}

fn has_no_message(open: &OpenBlob, now: Timestamp) -> bool {
    open.enqueued_at
        .is_none_or(|at| later(at, ENQUEUED_LONG_AGO) < now)
}

async fn send(
    (ledger, queue): (&Ledger, &Queue),
    depth: &Depth,
    open: Vec<OpenBlob>,
    progress: &Progress,
    now: Timestamp,
) -> Result<(), TenantError> {
    if open.is_empty() {
        return Ok(());
    }
    let blobs: Vec<ContentRef> = open.into_iter().map(|open| open.blob).collect();
    for part in blobs.chunks(OPEN_PAGE_MAX.unsigned_abs() as usize) {
        waiting::enqueue(ledger, queue, part, now).await?;
        depth.add(part.len()).await;
        progress.count(Report {
            overdue: part.len(),
            ..Report::default()
        });
    }
    Ok(())
}
