//! A failed attempt: the next one is arranged, or the blob is given up.

use std::time::Duration;

use jiff::Timestamp;

use super::error::FetchError;
use super::resolution::{FailedAttempt, Resolution, counted, resolve};
use super::{FetchOutcome, Fetcher, send_later};
use crate::clock::later;
use crate::metrics::{count, name};
use crate::store::lake::key;
use crate::store::ledger::blob::State;
use crate::store::queue::DELAY_MAX;

/// How long after a planned attempt the sweep looks whether it took place.
const OVERDUE_AFTER: Duration = Duration::from_secs(10 * 60);

/// Does what is to be done about the failure. Whoever lost the lease meanwhile does nothing: somebody else is at it.
pub(super) async fn handle(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    error: FetchError,
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    match resolve(&error, attempt, now) {
        Resolution::Redeliver => Err(error),
        Resolution::Retry { after } => retry(fetcher, attempt, &error, after, now).await,
        Resolution::GiveUp(state) => give_up(fetcher, attempt, &error, state, now).await,
    }
}

async fn retry(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    error: &FetchError,
    after: Duration,
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let FailedAttempt { blob, lease, .. } = attempt;
    let retry_at = later(now, after);
    let times = (retry_at, later(retry_at, OVERDUE_AFTER));
    let released = fetcher
        .ledger
        .release(blob, lease, counted(error), &error.to_string(), times)
        .await?;
    if !released {
        return Ok(FetchOutcome::Held);
    }
    tracing::warn!(
        %error,
        attempt = attempt.number,
        retry.seconds = after.as_secs(),
        "blob not delivered, will be tried again"
    );
    // What is further away than a message can be delayed is found by the sweep when it is due.
    if after <= DELAY_MAX {
        send_later(fetcher, blob, after).await?;
    }
    Ok(FetchOutcome::RetryArranged)
}

async fn give_up(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    error: &FetchError,
    state: State,
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let FailedAttempt { blob, lease, .. } = attempt;
    if let FetchError::Unreadable { body, sha256, .. } = error {
        let path = key::quarantine(blob, sha256);
        fetcher.lake.compress_and_write(&path, body.clone()).await?;
    }
    let cause = error.to_string();
    let ended = fetcher
        .ledger
        .give_up(blob, lease, state, &cause, now)
        .await?;
    if !ended {
        return Ok(FetchOutcome::Held);
    }
    count(name::BLOBS_GIVEN_UP, 1);
    count(name::LOSSES_RECORDED, 1);
    tracing::error!(error = cause, attempt = attempt.number, %state, "blob given up");
    let loss = format!("{state}: {} ({cause})", blob.content_id);
    let noted = fetcher
        .ledger
        .note_loss(blob.tenant_id, blob.content_type, &loss, now)
        .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "the loss is in the ledger, but not on the status page");
    }
    Ok(FetchOutcome::GivenUp(state))
}
