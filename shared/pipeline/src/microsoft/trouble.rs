//! Which failures of a call to Microsoft are the tenant's: they hold for all its calls, and become a brake on the tenant
//! instead of a mark against a blob.

use std::time::Duration;

use office365::{Disposition, Error, Failure, Operation};

use crate::store::ledger::registry::brake::BrakeReason;

/// The tenant's trouble and the least wait that Microsoft asks for; `None` when the failure is the call's own.
#[must_use]
pub fn of_tenant(error: &Error) -> Option<(BrakeReason, Duration)> {
    let at_once = Duration::ZERO;
    match error.disposition() {
        Disposition::Consent => Some((BrakeReason::Consent, at_once)),
        Disposition::AuditingOff => Some((BrakeReason::AuditingOff, at_once)),
        Disposition::Operator if error.operation() == Operation::Token => {
            Some((BrakeReason::Credential, at_once))
        }
        Disposition::Operator if matches!(error.failure(), Failure::Credential(_)) => {
            Some((BrakeReason::Credential, at_once))
        }
        Disposition::Retry { after }
            if error.status() == Some(429) || error.code() == Some("AF429") =>
        {
            Some((BrakeReason::Throttled, after.unwrap_or_default()))
        }
        _ => None,
    }
}
