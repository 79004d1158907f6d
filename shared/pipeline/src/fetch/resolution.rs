//! What is to be done about a blob whose attempt failed: decided here, without doing it.

use std::time::Duration;

use jiff::Timestamp;
use office365::Disposition;

use super::error::FetchError;
use crate::backoff::Backoff;
use crate::clock::later;
use crate::content::ContentRef;
use crate::store::ledger::blob::{CountedFailure, FailureCounts, Lease, State};
use crate::store::queue::DELAY_MAX;

/// For what passes by itself. The longest delay is also the longest that a message can have, so that the queue alone brings
/// the blob back.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: DELAY_MAX,
};

/// Delay when a person has to act first (consent, a wrong secret, auditing off).
const OPERATOR_DELAY: Duration = Duration::from_secs(60 * 60);

/// Answers without an array of records before a blob is set aside. A gateway's error page or a cut body passes; what comes
/// five times is what Microsoft keeps. The daily sweep takes the blob up again while Microsoft lists it.
const UNREADABLE_MAX: u32 = 5;

/// Answers that a blob is not there, before it counts as lost although its time is not up. As above.
const GONE_MAX: u32 = 5;

/// How long after its expiration a blob is lost, whatever keeps it from being fetched.
const LOST_AFTER_EXPIRATION: Duration = Duration::from_secs(24 * 3600);

/// An attempt that failed.
pub(super) struct FailedAttempt<'a> {
    pub(super) blob: &'a ContentRef,
    pub(super) lease: &'a Lease,
    /// Counts from 1.
    pub(super) number: u32,
    /// Of the attempts before.
    pub(super) failures: FailureCounts,
    /// Whether the blob's bytes were stored before: then Microsoft is not needed any more.
    pub(super) had_raw: bool,
}

/// What becomes of the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// Nothing can be arranged: the queue must bring the message again.
    Redeliver,
    /// Another attempt.
    Retry {
        /// From now.
        after: Duration,
    },
    /// No more attempts: the blob ends in this state.
    GiveUp(State),
}

/// What the failure says of the blob itself.
pub(super) fn counted(error: &FetchError) -> CountedFailure {
    match error {
        FetchError::Unreadable { .. } => CountedFailure::Unreadable,
        FetchError::Microsoft(error) if error.disposition() == Disposition::Gone => {
            CountedFailure::Gone
        }
        _ => CountedFailure::Other,
    }
}

/// Decides what becomes of the blob.
pub(super) fn resolve(
    error: &FetchError,
    attempt: &FailedAttempt<'_>,
    now: Timestamp,
) -> Resolution {
    let expiration = attempt.blob.content_expiration;
    // Once the bytes are ours, expiration at Microsoft means nothing.
    let expired = !attempt.had_raw && now >= expiration;
    let long_expired = !attempt.had_raw && now >= later(expiration, LOST_AFTER_EXPIRATION);
    let delay = BACKOFF.delay(attempt.number);
    let retry = Resolution::Retry { after: delay };
    match error {
        FetchError::Ledger(_) | FetchError::Queue(_) => Resolution::Redeliver,
        FetchError::Unreadable { .. } if attempt.failures.unreadable + 1 >= UNREADABLE_MAX => {
            Resolution::GiveUp(State::Quarantined)
        }
        FetchError::Microsoft(error) => match error.disposition() {
            Disposition::Gone if expired || attempt.failures.gone + 1 >= GONE_MAX => {
                Resolution::GiveUp(State::Lost)
            }
            _ if long_expired => Resolution::GiveUp(State::Lost),
            Disposition::Retry { after: Some(after) } => Resolution::Retry {
                after: after.max(delay),
            },
            Disposition::Retry { after: None } | Disposition::Gone => retry,
            Disposition::Disabled
            | Disposition::Consent
            | Disposition::Blocked
            | Disposition::TenantGone
            | Disposition::Credential
            | Disposition::AuditingOff
            | Disposition::Operator => Resolution::Retry {
                after: OPERATOR_DELAY,
            },
        },
        FetchError::Lake(_)
        | FetchError::Connect(_)
        | FetchError::Unreadable { .. }
        | FetchError::NotConserved { .. } => retry,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// What becomes of a blob when this attempt brought an error page, as `unreadable` attempts before it did.
    fn after_an_error_page(number: u32, unreadable: u32) -> Resolution {
        let blob = ContentRef {
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
        let attempt = FailedAttempt {
            blob: &blob,
            lease: &lease,
            number,
            failures: FailureCounts {
                unreadable,
                gone: 0,
            },
            had_raw: false,
        };
        let error = FetchError::unreadable("no array", &Bytes::from_static(b"<html>"));
        resolve(&error, &attempt, blob.content_created)
    }

    #[test]
    fn an_unreadable_blob_is_retried_before_it_is_set_aside() {
        for before in 0..UNREADABLE_MAX - 1 {
            let resolution = after_an_error_page(before + 1, before);
            assert!(matches!(resolution, Resolution::Retry { .. }), "{before}");
        }
        let last = after_an_error_page(UNREADABLE_MAX, UNREADABLE_MAX - 1);
        assert_eq!(last, Resolution::GiveUp(State::Quarantined));
    }

    #[test]
    fn an_outage_before_does_not_count_against_the_blob() {
        let resolution = after_an_error_page(100, 0);
        assert!(matches!(resolution, Resolution::Retry { .. }));
    }

    #[test]
    fn delays_grow_from_a_second_to_fifteen_minutes() {
        let after = |number| match after_an_error_page(number, 0) {
            Resolution::Retry { after } => after.as_secs_f64(),
            other => panic!("{other:?}"),
        };
        for (number, longest) in [(1, 1.0), (3, 4.0), (11, 900.0), (200, 900.0)] {
            let found = after(number);
            assert!(
                found >= longest / 2.0 && found <= longest,
                "{number}: {found}"
            );
        }
    }
}
