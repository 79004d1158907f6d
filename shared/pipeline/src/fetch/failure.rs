//! Why an attempt failed, and what becomes of the blob.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use office365::{Disposition, InvalidConfig};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};

use super::conclude::Attempt;
use crate::clock::later;
use crate::lake::LakeError;
use crate::ledger::LedgerError;
use crate::ledger::blob::{Counts, Setback, State};
use crate::queue::SendError;

/// First wait before another attempt; doubles from there.
const RETRY_BASE: Duration = Duration::from_secs(1);

/// Longest wait before another attempt for what passes by itself: also the longest a message can be delayed.
const RETRY_MAX: Duration = crate::queue::DELAY_MAX;

/// Wait when somebody has to act first (consent, a wrong secret, auditing off).
const ACT_FIRST: Duration = Duration::from_secs(60 * 60);

/// Answers without an array of records before a blob is set aside. A gateway's error page or a cut body passes; what comes
/// five times is what Microsoft keeps. The daily sweep takes the blob up again while Microsoft lists it.
const UNREADABLE_MAX: u32 = 5;

/// Answers that a blob is not there, before it counts as lost although its time is not up. As above.
const GONE_MAX: u32 = 5;

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
        why: records::SplitError,
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
        lines: u64,
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
pub(super) fn unreadable(why: records::SplitError, body: &Bytes) -> FetchError {
    FetchError::Unreadable {
        why,
        body: body.clone(),
        sha256: hex::encode(Sha256::digest(body)),
    }
}

/// What the failure says of the blob itself.
pub(super) fn setback(error: &FetchError) -> Setback {
    match error {
        FetchError::Unreadable { .. } => Setback::Unreadable,
        FetchError::Microsoft(error) if error.disposition() == Disposition::Gone => Setback::Gone,
        _ => Setback::Other,
    }
}

/// Decides.
pub(super) fn next(error: &FetchError, attempt: &Attempt<'_>, now: Timestamp) -> Next {
    let expiration = attempt.blob.content_expiration;
    // Once the bytes are ours, expiration at Microsoft means nothing.
    let expired = !attempt.had_raw && now >= expiration;
    let long_expired = !attempt.had_raw && now >= later(expiration, LOST_AFTER_EXPIRATION);
    let backoff = Next::Again {
        after: backoff(attempt.number),
    };
    match error {
        FetchError::Ledger(_) | FetchError::Queue(_) => Next::Redeliver,
        FetchError::Unreadable { .. } if attempt.setbacks.unreadable + 1 >= UNREADABLE_MAX => {
            Next::GiveUp(State::Quarantined)
        }
        FetchError::Microsoft(error) => match error.disposition() {
            Disposition::Gone if expired || attempt.setbacks.gone + 1 >= GONE_MAX => {
                Next::GiveUp(State::Lost)
            }
            _ if long_expired => Next::GiveUp(State::Lost),
            Disposition::Retry { after: Some(after) } => Next::Again {
                after: after.max(self::backoff(attempt.number)),
            },
            Disposition::Retry { after: None } | Disposition::Gone => backoff,
            Disposition::Disabled
            | Disposition::Consent
            | Disposition::AuditingOff
            | Disposition::Operator => Next::Again { after: ACT_FIRST },
        },
        FetchError::Lake(_)
        | FetchError::Connect(_)
        | FetchError::Unreadable { .. }
        | FetchError::NotConserved { .. } => backoff,
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
    use crate::ledger::blob::{Lease, Setbacks};
    use crate::queue::Blob;

    fn a_page() -> FetchError {
        let page = Bytes::from_static(b"<html>");
        unreadable(records::split(&page).unwrap_err(), &page)
    }

    fn after(number: u32, unreadable: u32) -> Next {
        let blob = Blob {
            tenant_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            content_type: office365::ContentType::AuditExchange,
            content_id: "a$b".parse().unwrap(),
            content_created: "2026-03-01T00:00:00Z".parse().unwrap(),
            content_expiration: "2026-03-08T00:00:00Z".parse().unwrap(),
        };
        let lease = Lease {
            owner: "me".to_owned(),
            until: blob.content_created,
        };
        let attempt = Attempt {
            blob: &blob,
            lease: &lease,
            number,
            setbacks: Setbacks {
                unreadable,
                gone: 0,
            },
            had_raw: false,
        };
        next(&a_page(), &attempt, blob.content_created)
    }

    #[test]
    fn an_unreadable_blob_is_asked_for_again_before_it_is_set_aside() {
        for before in 0..UNREADABLE_MAX - 1 {
            let next = after(before + 1, before);
            assert!(matches!(next, Next::Again { .. }), "{before}");
        }
        let last = after(UNREADABLE_MAX, UNREADABLE_MAX - 1);
        assert_eq!(last, Next::GiveUp(State::Quarantined));
    }

    #[test]
    fn an_outage_before_does_not_count_against_the_blob() {
        assert!(matches!(after(100, 0), Next::Again { .. }));
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
