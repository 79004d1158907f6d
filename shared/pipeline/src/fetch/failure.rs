//! Why an attempt failed, and what becomes of the blob.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use office365::{Disposition, InvalidConfig};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};

use crate::clock::later;
use crate::lake::LakeError;
use crate::ledger::LedgerError;
use crate::ledger::blob::{Counts, State};
use crate::queue::SendError;

/// First wait before another attempt; doubles from there.
const RETRY_BASE: Duration = Duration::from_secs(1);

/// Longest wait before another attempt for what passes by itself: also the longest a message can be delayed.
const RETRY_MAX: Duration = crate::queue::DELAY_MAX;

/// Wait when somebody has to act first (consent, a wrong secret, auditing off).
const ACT_FIRST: Duration = Duration::from_secs(60 * 60);

/// Attempts before a blob whose bytes cannot be read is set aside. A gateway's error page or a cut body passes; five times
/// over half a minute is what Microsoft keeps.
const UNREADABLE_ATTEMPTS_MAX: u32 = 5;

/// Attempts before a blob that Microsoft says is not there counts as lost although its time is not up.
const GONE_ATTEMPTS_MAX: u32 = 5;

/// How long after its expiration a blob is lost, whatever keeps it from being fetched.
const LOST_AFTER_EXPIRATION: Duration = Duration::from_secs(24 * 3600);

/// Why an attempt failed. Displays without any of the blob's content.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The next attempt cannot be arranged.
    #[error(transparent)]
    Queue(#[from] SendError),
    /// The lake cannot be read or written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// There is no client for Microsoft's API.
    #[error(transparent)]
    Connect(#[from] InvalidConfig),
    /// Microsoft does not give the blob.
    #[error(transparent)]
    Microsoft(#[from] office365::Error),
    /// What Microsoft sent is not a JSON array of records.
    #[error("the blob is unreadable: {why}")]
    Unreadable {
        /// What is wrong with it.
        why: normalize::BlobError,
        /// What was sent.
        body: Bytes,
        /// Its SHA-256, in hex.
        sha256: String,
    },
    /// Records went in that did not come out. A fault of this program; nothing is settled.
    #[error(
        "records are not conserved ({counts:?}, {lines} lines): this is a bug, please report it"
    )]
    NotConserved {
        /// What was counted.
        counts: Counts,
        /// Events that were made.
        lines: usize,
    },
}

/// What becomes of the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing can be arranged: the queue must bring the message again.
    Redeliver,
    /// Another attempt.
    Again {
        /// From now.
        after: Duration,
    },
    /// None.
    GiveUp(State),
}

/// The error for a body that is not an array of records.
pub(super) fn unreadable(why: normalize::BlobError, body: &Bytes) -> FetchError {
    FetchError::Unreadable {
        why,
        body: body.clone(),
        sha256: hex::encode(Sha256::digest(body)),
    }
}

/// Decides. `had_raw`: the bytes are ours already, so expiration at Microsoft means nothing.
pub(super) fn next(
    error: &FetchError,
    attempt: u32,
    had_raw: bool,
    expiration: Timestamp,
    now: Timestamp,
) -> Next {
    let expired = !had_raw && now >= expiration;
    match error {
        FetchError::Ledger(_) | FetchError::Queue(_) => Next::Redeliver,
        FetchError::Unreadable { .. } if attempt >= UNREADABLE_ATTEMPTS_MAX => {
            Next::GiveUp(State::Quarantined)
        }
        FetchError::Microsoft(error) => match error.disposition() {
            Disposition::Gone if expired || attempt >= GONE_ATTEMPTS_MAX => {
                Next::GiveUp(State::Lost)
            }
            _ if !had_raw && now >= later(expiration, LOST_AFTER_EXPIRATION) => {
                Next::GiveUp(State::Lost)
            }
            Disposition::Retry { after: Some(after) } => Next::Again {
                after: after.max(backoff(attempt)),
            },
            Disposition::Retry { after: None } | Disposition::Gone => Next::Again {
                after: backoff(attempt),
            },
            Disposition::Disabled
            | Disposition::Consent
            | Disposition::AuditingOff
            | Disposition::Operator => Next::Again { after: ACT_FIRST },
        },
        FetchError::Lake(_)
        | FetchError::Connect(_)
        | FetchError::Unreadable { .. }
        | FetchError::NotConserved { .. } => Next::Again {
            after: backoff(attempt),
        },
    }
}

/// Doubling, up to [`RETRY_MAX`], with jitter over the upper half: blobs that failed together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let doubled = RETRY_BASE.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)));
    doubled
        .min(RETRY_MAX)
        .mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_page() -> FetchError {
        let page = Bytes::from_static(b"<html>");
        unreadable(normalize::split(&page).unwrap_err(), &page)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_unreadable_blob_is_asked_for_again_before_it_is_set_aside() {
        let expiration = at("2026-03-08T00:00:00Z");
        let now = at("2026-03-01T00:00:00Z");
        for attempt in 1..UNREADABLE_ATTEMPTS_MAX {
            let next = next(&a_page(), attempt, false, expiration, now);
            assert!(matches!(next, Next::Again { .. }), "{attempt}");
        }
        assert_eq!(
            next(&a_page(), UNREADABLE_ATTEMPTS_MAX, false, expiration, now),
            Next::GiveUp(State::Quarantined)
        );
    }

    #[test]
    fn waits_double_and_stay_bounded() {
        for attempt in 1..200 {
            let wait = backoff(attempt);
            let full = RETRY_BASE
                .saturating_mul(2u32.saturating_pow(attempt - 1))
                .min(RETRY_MAX);
            assert!(wait >= full / 2 && wait <= full, "{attempt}: {wait:?}");
        }
    }
}
