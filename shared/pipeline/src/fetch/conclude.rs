//! What becomes of a blob whose attempt failed, and its arrangement.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::{Next, next, setback};
use super::{FetchError, Fetcher, Outcome, later_message};
use crate::clock::later;
use crate::lake::key;
use crate::ledger::blob::{Lease, Setbacks, State};
use crate::queue::{Blob, DELAY_MAX};

/// How long after a planned attempt the sweep looks whether it took place.
const OVERDUE_AFTER: Duration = Duration::from_secs(10 * 60);

/// An attempt that failed.
pub(super) struct Attempt<'a> {
    pub(super) blob: &'a Blob,
    pub(super) lease: &'a Lease,
    /// Counts from 1.
    pub(super) number: u32,
    /// Of the attempts before.
    pub(super) setbacks: Setbacks,
    /// Whether the blob's bytes were stored before: then Microsoft is not needed any more.
    pub(super) had_raw: bool,
}

/// Decides, and arranges it. Whoever lost the lease meanwhile arranges nothing: somebody else is at it.
pub(super) async fn conclude(
    fetcher: &Fetcher,
    attempt: &Attempt<'_>,
    error: FetchError,
    now: Timestamp,
) -> Result<Outcome, FetchError> {
    match next(&error, attempt, now) {
        Next::Redeliver => Err(error),
        Next::Again { after } => again(fetcher, attempt, &error, after, now).await,
        Next::GiveUp(state) => give_up(fetcher, attempt, &error, state, now).await,
    }
}

async fn again(
    fetcher: &Fetcher,
    attempt: &Attempt<'_>,
    error: &FetchError,
    after: Duration,
    now: Timestamp,
) -> Result<Outcome, FetchError> {
    let Attempt { blob, lease, .. } = attempt;
    let again_at = later(now, after);
    let times = (again_at, later(again_at, OVERDUE_AFTER));
    let released = fetcher
        .ledger
        .release(blob, lease, setback(error), &error.to_string(), times)
        .await?;
    if !released {
        return Ok(Outcome::Held);
    }
    tracing::warn!(
        %error,
        attempt = attempt.number,
        retry.seconds = after.as_secs(),
        "blob not delivered, will be tried again"
    );
    // What is further away than a message can be delayed is found by the sweep when it is due.
    if after <= DELAY_MAX {
        later_message(fetcher, blob, after).await?;
    }
    Ok(Outcome::Again)
}

async fn give_up(
    fetcher: &Fetcher,
    attempt: &Attempt<'_>,
    error: &FetchError,
    state: State,
    now: Timestamp,
) -> Result<Outcome, FetchError> {
    let Attempt { blob, lease, .. } = attempt;
    if let FetchError::Unreadable { body, sha256, .. } = error {
        let path = key::quarantine(blob, sha256);
        fetcher.lake.put(&path, body.clone()).await?;
    }
    let cause = error.to_string();
    let ended = fetcher
        .ledger
        .give_up(blob, lease, state, &cause, now)
        .await?;
    if !ended {
        return Ok(Outcome::Held);
    }
    tracing::error!(error = cause, attempt = attempt.number, %state, "blob given up");
    let loss = format!("{state}: {} ({cause})", blob.content_id);
    let noted = fetcher
        .ledger
        .note_loss(blob.tenant_id, blob.content_type, &loss, now)
        .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "the loss is in the ledger, but not on the status page");
    }
    Ok(Outcome::GivenUp(state))
}
