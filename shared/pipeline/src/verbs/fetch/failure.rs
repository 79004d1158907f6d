//! A failed attempt: the next one is arranged, the tenant is left alone for a while, or the blob is given up.

use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;

use super::error::FetchError;
use super::resolution::{FailedAttempt, Resolution, evidence, resolve};
use super::{FetchOutcome, Fetcher, send_later};
use crate::clock::later;
use crate::metrics::{count, name};
use crate::microsoft::trouble;
use crate::store::lake::key;
use crate::store::ledger::blob::{ALONE_AFTER, Counts, Evidence, Release};
use crate::store::ledger::loss::{Loss, LossId, LossKind};
use crate::store::ledger::registry::brake::BrakeReason;
use crate::store::queue::DELAY_MAX;
use crate::teeth::{Tooth, bites};

/// How long after a planned attempt the sweep looks whether it took place.
const OVERDUE_AFTER: Duration = Duration::from_secs(10 * 60);

/// How long a blob that is to run alone waits before it asks for its turn again.
const TURN_DELAY: Duration = Duration::from_secs(5);

/// Attempts after which a failure is logged as an error: by then it does not pass by itself.
const ERROR_AFTER_ATTEMPTS: u32 = 10;

/// Does what is to be done about the failure. Whoever lost the lease meanwhile does nothing: somebody else is at it.
///
/// When that cannot be done either, the blob is given back all the same, if it can be: its worker lives, and the queue brings
/// the message again.
pub(super) async fn handle(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    error: FetchError,
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let handled = arrange(fetcher, attempt, error, now).await;
    if let Err(error) = &handled {
        let FailedAttempt { blob, lease, .. } = attempt;
        let given_back = Release {
            cause: &error.to_string(),
            evidence: &attempt.evidence,
            attempts: attempt.number,
            unconcluded: attempt.unconcluded,
            again_at: now,
            due_at: later(now, OVERDUE_AFTER),
        };
        if let Err(error) = fetcher.ledger.release(blob, lease, given_back).await {
            tracing::warn!(%error, "blob not given back, its lease ends by itself");
        }
    }
    handled
}

async fn arrange(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    error: FetchError,
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    if (bites(Tooth::DroppedAfterThree) && attempt.number >= 3)
        || (bites(Tooth::ErrorPageIsEmpty) && matches!(error, FetchError::Unreadable { .. }))
    {
        let none = Counts::default();
        fetcher
            .ledger
            .settle(attempt.blob, &none, None, now)
            .await?;
        return Ok(FetchOutcome::Done(none));
    }
    let evidence = evidence(&error, attempt, now);
    match resolve(&error, attempt, &evidence, now) {
        Resolution::Retry(after) => retry(fetcher, attempt, &error, &evidence, after, now).await,
        Resolution::Brake(reason, wait) => {
            brake(fetcher, attempt, &error, (reason, wait), now).await
        }
        Resolution::GiveUp(kind) => {
            // What has expired is lost whatever is answered; the tenant's other calls wait as long as Microsoft asks all the same.
            if let FetchError::Microsoft(answer) = &error
                && let Some(trouble) = trouble::of_tenant(answer)
            {
                put_brake(fetcher, attempt, &error, trouble, now).await?;
            }
            give_up(fetcher, attempt, error, kind, &evidence, now).await
        }
    }
}

async fn retry(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    error: &FetchError,
    evidence: &Evidence,
    after: Duration,
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let FailedAttempt { blob, lease, .. } = attempt;
    let retry_at = later(now, after);
    let cause = error.to_string();
    let released = Release {
        cause: &cause,
        evidence,
        attempts: attempt.number,
        // What was too slow beside others so often has a process to itself the next times. Not at once: everything that is
        // slow for a while, as Microsoft or the lake may be, would run one by one.
        unconcluded: match error {
            FetchError::TooSlow => (attempt.unconcluded + 1).min(ALONE_AFTER),
            _ => 0,
        },
        again_at: retry_at,
        due_at: later(retry_at, OVERDUE_AFTER),
    };
    if !fetcher.ledger.release(blob, lease, released).await? {
        return Ok(FetchOutcome::Held);
    }
    let (attempt, seconds) = (attempt.number, after.as_secs());
    if attempt < ERROR_AFTER_ATTEMPTS {
        tracing::warn!(%error, attempt, retry.seconds = seconds, "blob not delivered, will be tried again");
    } else {
        tracing::error!(%error, attempt, retry.seconds = seconds, "blob not delivered for a long time, will be tried again");
    }
    send_later(fetcher, blob, after).await?;
    Ok(FetchOutcome::RetryArranged)
}

/// The tenant's trouble is no mark against the blob. This one's next attempt is the tenant's probe.
async fn brake(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    error: &FetchError,
    (reason, wait): (BrakeReason, Duration),
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let FailedAttempt { blob, lease, .. } = attempt;
    let probe_at = put_brake(fetcher, attempt, error, (reason, wait), now).await?;
    let cause = error.to_string();
    let released = Release {
        cause: &cause,
        evidence: &attempt.evidence,
        attempts: attempt.number.saturating_sub(1),
        unconcluded: 0,
        again_at: probe_at,
        due_at: later(probe_at, OVERDUE_AFTER),
    };
    if !fetcher.ledger.release(blob, lease, released).await? {
        return Ok(FetchOutcome::Held);
    }
    tracing::warn!(%error, reason = reason.as_str(), until = %probe_at, "tenant cannot be served, its blobs wait");
    let after = Duration::try_from(probe_at.duration_since(now)).unwrap_or_default();
    send_later(fetcher, blob, after).await?;
    Ok(FetchOutcome::RetryArranged)
}

/// Puts the tenant's brake on; returns when the next call may try.
async fn put_brake(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    error: &FetchError,
    (reason, wait): (BrakeReason, Duration),
    now: Timestamp,
) -> Result<Timestamp, FetchError> {
    let (tenant, cause) = (attempt.blob.tenant_id, error.to_string());
    let put = fetcher.ledger.put_brake(tenant, reason, &cause, wait, now);
    let brake = put.await?;
    let probe_at = brake.as_ref().map_or(now, |brake| brake.next_probe_at);
    fetcher.tenants.note_brake(tenant, brake, now).await;
    Ok(probe_at)
}

async fn give_up(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    mut error: FetchError,
    kind: LossKind,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let mut object = None;
    if let FetchError::Unreadable { copy, sha256, .. } = &mut error
        && let Some(copy) = copy.take()
    {
        let mut copy = copy.into_inner().unwrap_or_else(PoisonError::into_inner);
        let path = key::quarantine(attempt.blob, sha256);
        if let Err(error) = fetcher.lake.write_spool(&path, &mut copy).await {
            // Not without its bytes: later.
            return retry(fetcher, attempt, &error.into(), evidence, DELAY_MAX, now).await;
        }
        object = Some(path.to_string());
    }
    let answers = match kind {
        LossKind::Quarantined => evidence.unreadable,
        _ => evidence.gone,
    };
    let count = answers.map_or(0, |answers| answers.count);
    let since = answers.map(|answers| answers.since);
    let reason = error.to_string();
    end(
        fetcher,
        attempt,
        kind,
        &reason,
        ((count, since), object),
        now,
    )
    .await
}

/// Ends a blob that workers die of, before another one does.
pub(super) async fn set_aside(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let reason = format!(
        "{} attempts in a row ended without a word: their workers died or were stopped",
        attempt.unconcluded
    );
    end(
        fetcher,
        attempt,
        LossKind::Poison,
        &reason,
        // Nobody knows when the first of them died.
        ((attempt.unconcluded, None), None),
        now,
    )
    .await
}

async fn end(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    kind: LossKind,
    reason: &str,
    ((evidence_count, evidence_since), object): ((u32, Option<Timestamp>), Option<String>),
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let FailedAttempt { blob, lease, .. } = attempt;
    let loss = Loss {
        id: LossId::of_blob(blob.content_type, &blob.content_id, blob.content_created),
        kind,
        content_type: blob.content_type,
        content_id: Some(blob.content_id.clone()),
        from: blob.content_created,
        to: blob.content_created,
        reason: reason.to_owned(),
        evidence_count,
        evidence_since,
        object,
        recorded_at: now,
        acknowledged_at: None,
        note: None,
        recovered_at: None,
    };
    if !fetcher.ledger.give_up(blob, lease, &loss, now).await? {
        return Ok(FetchOutcome::Held);
    }
    count(name::BLOBS_GIVEN_UP, 1);
    count(name::LOSSES_RECORDED, 1);
    tracing::error!(
        reason,
        attempt = attempt.number,
        kind = kind.as_str(),
        loss.id = %loss.id,
        "blob given up"
    );
    Ok(FetchOutcome::GivenUp(kind))
}

/// Gives back, as it was, a blob that is to run alone while another one does.
pub(super) async fn put_back(
    fetcher: &Fetcher,
    attempt: &FailedAttempt<'_>,
    now: Timestamp,
) -> Result<FetchOutcome, FetchError> {
    let FailedAttempt { blob, lease, .. } = attempt;
    let again_at = later(now, TURN_DELAY);
    let released = Release {
        cause: "waits for a process to itself, after workers that died",
        evidence: &attempt.evidence,
        attempts: attempt.number.saturating_sub(1),
        unconcluded: attempt.unconcluded,
        again_at,
        due_at: later(again_at, OVERDUE_AFTER),
    };
    if fetcher.ledger.release(blob, lease, released).await? {
        send_later(fetcher, blob, TURN_DELAY).await?;
    }
    Ok(FetchOutcome::Held)
}
