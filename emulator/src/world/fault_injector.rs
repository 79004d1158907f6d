//! Decides which faults strike. Seeded: two runs with one seed and one order of requests go wrong alike.

use jiff::Timestamp;
use uuid::Uuid;

use crate::config::{Fault, FaultKind};
use crate::content_type::ContentType;
use crate::operation::Operation;
use crate::rng::SeededRng;

/// Faults at once at most: each is tried on every request.
const FAULTS_MAX: usize = 1_000;

/// The moments at which faults strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InjectionPoint {
    Request,
    Publication,
    Notification,
}

impl InjectionPoint {
    fn of(kind: &FaultKind) -> Self {
        match kind {
            FaultKind::NotificationLost
            | FaultKind::NotificationLate { .. }
            | FaultKind::NotificationTwice { .. }
            | FaultKind::NotificationFirst => Self::Notification,
            FaultKind::RepeatRecords { .. }
            | FaultKind::BlobLate { .. }
            | FaultKind::BlobEmpty
            | FaultKind::BlobForeign { .. } => Self::Publication,
            _ => Self::Request,
        }
    }
}

/// What is about to happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultContext {
    pub(crate) point: InjectionPoint,
    pub(crate) operation: Operation,
    pub(crate) tenant: Option<Uuid>,
    pub(crate) content_type: Option<ContentType>,
}

#[derive(Debug)]
struct ActiveFault {
    fault: Fault,
    matches: u64,
    struck: u64,
}

impl ActiveFault {
    fn fits(&self, context: &FaultContext, seconds: u64) -> bool {
        let fault = &self.fault;
        let operation_fits = match fault.operation {
            Some(operation) => operation == context.operation,
            None => !matches!(
                context.operation,
                Operation::Token
                    | Operation::Consent
                    | Operation::Discovery
                    | Operation::Control
                    | Operation::Unknown
            ),
        };
        InjectionPoint::of(&fault.kind) == context.point
            && operation_fits
            && fault
                .tenant
                .is_none_or(|tenant| context.tenant == Some(tenant))
            && fault
                .content_type
                .is_none_or(|content_type| context.content_type == Some(content_type))
            && fault.from_seconds.is_none_or(|from| from <= seconds)
            && fault.until_seconds.is_none_or(|until| seconds < until)
    }
}

/// The faults in force, and how often each has struck.
#[derive(Debug)]
pub(crate) struct FaultInjector {
    seed: u64,
    started: Timestamp,
    active: Vec<ActiveFault>,
    /// Faults ever added, which numbers the next one.
    added: u64,
}

impl FaultInjector {
    pub(crate) fn new(seed: u64, started: Timestamp, faults: Vec<Fault>) -> Self {
        let mut injector = Self {
            seed,
            started,
            active: Vec::new(),
            added: 0,
        };
        for fault in faults {
            injector.add(fault);
        }
        injector
    }

    /// Adds a fault; false when there are too many.
    pub(crate) fn add(&mut self, fault: Fault) -> bool {
        if self.active.len() >= FAULTS_MAX {
            return false;
        }
        self.added += 1;
        self.active.push(ActiveFault {
            fault,
            matches: 0,
            struck: 0,
        });
        true
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    pub(crate) fn list(&self) -> Vec<(Fault, u64)> {
        self.active
            .iter()
            .map(|active| (active.fault.clone(), active.struck))
            .collect()
    }

    /// The faults that strike now. Whether the n-th match of a fault strikes depends on the seed alone.
    pub(crate) fn strike(&mut self, context: &FaultContext, now: Timestamp) -> Vec<FaultKind> {
        let seconds = u64::try_from(now.duration_since(self.started).as_secs()).unwrap_or(0);
        let mut struck = Vec::new();
        for (position, active) in self.active.iter_mut().enumerate() {
            if !active.fits(context, seconds)
                || active
                    .fault
                    .times
                    .is_some_and(|times| active.struck >= times)
            {
                continue;
            }
            active.matches += 1;
            let mut rng = SeededRng::of(&[self.seed, 0xfa17, position as u64, active.matches]);
            if active.matches > active.fault.after && rng.chance(active.fault.probability) {
                active.struck += 1;
                struck.push(active.fault.kind.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob_request() -> FaultContext {
        FaultContext {
            point: InjectionPoint::Request,
            operation: Operation::Blob,
            tenant: Some(Uuid::nil()),
            content_type: Some(ContentType::Dlp),
        }
    }

    fn strikes(json: &str, context: &FaultContext, tries: usize) -> Vec<bool> {
        let fault: Fault = serde_json::from_str(json).expect("a fault");
        let mut faults = FaultInjector::new(1, Timestamp::UNIX_EPOCH, vec![fault]);
        (0..tries)
            .map(|_| !faults.strike(context, Timestamp::UNIX_EPOCH).is_empty())
            .collect()
    }

    #[test]
    fn a_fault_strikes_within_its_schedule() {
        let struck = strikes(
            r#"{"kind":"reset","operation":"blob","after":1,"times":2}"#,
            &blob_request(),
            5,
        );
        assert_eq!(struck, [false, true, true, false, false]);
    }

    #[test]
    fn a_fault_strikes_only_where_it_fits() {
        let token = FaultContext {
            operation: Operation::Token,
            ..blob_request()
        };
        assert_eq!(
            strikes(r#"{"kind":"html","status":503}"#, &token, 1),
            [false]
        );
        assert_eq!(
            strikes(
                r#"{"kind":"html","status":503,"operation":"token"}"#,
                &token,
                1
            ),
            [true]
        );
        assert_eq!(
            strikes(
                r#"{"kind":"reset","content_type":"Audit.Exchange"}"#,
                &blob_request(),
                1
            ),
            [false]
        );
        assert_eq!(
            strikes(r#"{"kind":"reset","from_seconds":10}"#, &blob_request(), 1),
            [false]
        );
        assert_eq!(
            strikes(r#"{"kind":"blob_empty"}"#, &blob_request(), 1),
            [false]
        );
    }

    #[test]
    fn two_runs_with_the_same_seed_have_the_same_faults() {
        let run = || {
            strikes(
                r#"{"kind":"internal","probability":0.3}"#,
                &blob_request(),
                200,
            )
        };
        assert_eq!(run(), run());
        let hits = run().into_iter().filter(|hit| *hit).count();
        assert!((30..90).contains(&hits), "{hits}");
    }
}
