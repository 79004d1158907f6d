//! What is to be done about a blob whose attempt failed: decided here, without doing it.
//!
//! A verdict (the blob is lost, or set aside) needs time and evidence. A front door that answers nonsense for an hour must
//! condemn nothing.

use std::time::Duration;

use jiff::Timestamp;
use office365::Disposition;

use super::error::FetchError;
use crate::backoff::patient;
use crate::clock::later;
use crate::content::ContentRef;
use crate::microsoft::trouble;
use crate::store::ledger::blob::{Evidence, Lease, Repeated};
use crate::store::ledger::loss::LossKind;
use crate::store::ledger::registry::brake::BrakeReason;
use crate::teeth::{Tooth, bites};

/// Answers of one kind before a blob is given up. With the delays of [`patient`] they take some minutes.
const ANSWERS_MIN: u32 = 10;

/// How long they must have gone on: longer than the faults of a service that somebody is called out of bed for.
const ANSWERS_FOR: Duration = Duration::from_secs(6 * 3600);

/// The same for answers that are the same bytes each time: a fault would hardly repeat itself to the byte, while a blob that
/// Microsoft keeps in this state does.
const SAME_BYTES_FOR: Duration = Duration::from_secs(3600);

/// How long after its expiration a blob is lost, whatever keeps it from being fetched.
const LOST_AFTER_EXPIRATION: Duration = Duration::from_secs(24 * 3600);

/// An attempt that failed.
pub(super) struct FailedAttempt<'a> {
    pub(super) blob: &'a ContentRef,
    pub(super) lease: &'a Lease,
    /// Counts from 1.
    pub(super) number: u32,
    /// How many workers in a row had died of it before.
    pub(super) unconcluded: u32,
    /// Of the attempts before.
    pub(super) evidence: Evidence,
    /// Whether the blob's bytes were stored before: then Microsoft is not needed any more.
    pub(super) had_raw: bool,
    /// Whether it was given up before.
    pub(super) was_lost: bool,
}

/// What becomes of the blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// Another attempt, after some time.
    Retry(Duration),
    /// It is the tenant's trouble: the blob waits until that is over. The wait is the least that Microsoft asks for.
    Brake(BrakeReason, Duration),
    /// No more attempts.
    GiveUp(LossKind),
}

/// What is known against the blob, with this failure.
pub(super) fn evidence(
    error: &FetchError,
    attempt: &FailedAttempt<'_>,
    now: Timestamp,
) -> Evidence {
    let before = attempt.evidence.clone();
    match error {
        FetchError::Unreadable {
            sha256, is_whole, ..
        } => before.with_unreadable(is_whole.then_some(sha256), now),
        FetchError::Microsoft(error) if error.disposition() == Disposition::Gone => {
            before.with_gone(now)
        }
        _ => before,
    }
}

/// Decides what becomes of the blob. `evidence` is that of [`evidence`].
pub(super) fn resolve(
    error: &FetchError,
    attempt: &FailedAttempt<'_>,
    evidence: &Evidence,
    now: Timestamp,
) -> Resolution {
    let expiration = attempt.blob.content_expiration;
    // Once the bytes are ours, expiration at Microsoft means nothing.
    let long_expired = !attempt.had_raw && now >= later(expiration, LOST_AFTER_EXPIRATION);
    let delay = patient(attempt.number, attempt.blob.content_id.as_str());
    let proven = |answers: Option<Repeated>, span| {
        answers.is_some_and(|Repeated { count, since }| {
            if bites(Tooth::VerdictByCount) {
                return count >= 3;
            }
            count >= ANSWERS_MIN && now >= later(since, span)
        })
    };
    match error {
        FetchError::Unreadable { .. } => {
            let same = evidence.same_bytes.as_ref().map(|(_, answers)| *answers);
            if proven(evidence.unreadable, ANSWERS_FOR) || proven(same, SAME_BYTES_FOR) {
                Resolution::GiveUp(LossKind::Quarantined)
            } else {
                Resolution::Retry(delay)
            }
        }
        FetchError::Microsoft(_) if long_expired => Resolution::GiveUp(LossKind::Lost),
        FetchError::Microsoft(error) => {
            if let Some((reason, wait)) = trouble::of_tenant(error) {
                return Resolution::Brake(reason, wait);
            }
            match error.disposition() {
                Disposition::Gone if proven(evidence.gone, ANSWERS_FOR) => {
                    Resolution::GiveUp(LossKind::Lost)
                }
                Disposition::Retry { after: Some(after) } => Resolution::Retry(after.max(delay)),
                _ => Resolution::Retry(delay),
            }
        }
        // Whoever throttles or damages the ledger condemns no blob.
        FetchError::Ledger(_)
        | FetchError::Queue(_)
        | FetchError::Lake(_)
        | FetchError::Connect(_)
        | FetchError::TooSlow
        | FetchError::Replay(_)
        | FetchError::NotConserved { .. } => Resolution::Retry(delay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = "2026-03-01T00:00:00Z";

    /// What an answer brings, each time.
    #[derive(Clone, Copy, Debug)]
    enum Page {
        Same,
        Different,
        /// A part of which looks the same each time.
        CutOff,
    }

    /// What becomes of a blob when this attempt, `after` its creation, brought an error page, as `before` attempts did, evenly
    /// spread.
    fn after_an_error_page(before: u32, page: Page, after: Duration) -> Resolution {
        let of = |number: u32| {
            let sha256 = match page {
                Page::Same | Page::CutOff => "aa".to_owned(),
                Page::Different => number.to_string(),
            };
            let error = FetchError::unreadable("no array", sha256, None);
            match page {
                Page::CutOff => error.in_part(),
                _ => error,
            }
        };
        let created: Timestamp = CREATED.parse().unwrap();
        let blob = ContentRef {
            tenant_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            content_type: office365::ContentType::AuditExchange,
            content_id: "a$b".parse().unwrap(),
            content_created: created,
            content_expiration: "2026-03-08T00:00:00Z".parse().unwrap(),
        };
        let lease = Lease {
            owner: "me".to_owned(),
            until: created,
        };
        let mut attempt = FailedAttempt {
            blob: &blob,
            lease: &lease,
            number: before + 1,
            unconcluded: 0,
            evidence: Evidence::default(),
            had_raw: false,
            was_lost: false,
        };
        for number in 0..before {
            let then = later(created, after * number / before);
            attempt.evidence = evidence(&of(number), &attempt, then);
        }
        let (error, now) = (of(before), later(created, after));
        resolve(&error, &attempt, &evidence(&error, &attempt, now), now)
    }

    #[test]
    fn a_verdict_needs_ten_answers_over_six_hours() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let quarantined = Resolution::GiveUp(LossKind::Quarantined);
        let check = |before, page, after, expect: bool| {
            let found = after_an_error_page(before, page, after) == quarantined;
            assert_eq!(found, expect, "{before} {page:?} {after:?}");
        };
        check(100, Page::Different, hours(5), false);
        check(8, Page::Different, hours(100), false);
        check(9, Page::Different, hours(6), true);
        check(9, Page::Same, hours(1), true);
        check(8, Page::Same, hours(1), false);
        check(100, Page::Same, Duration::from_secs(3599), false);
        check(100, Page::CutOff, hours(5), false);
        check(9, Page::CutOff, hours(6), true);
    }
}
