//! Which failures of a call to Microsoft are the tenant's: they hold for all its calls, and become a brake on the tenant
//! instead of a mark against a blob.

use std::time::Duration;

use office365::{Error, Scope, TenantTrouble};

use crate::store::ledger::registry::brake::BrakeReason;
use crate::teeth::{Tooth, bites};

/// The tenant's trouble and the least wait that Microsoft asks for; `None` when the failure is the call's own.
#[must_use]
pub fn of_tenant(error: &Error) -> Option<(BrakeReason, Duration)> {
    let Scope::Tenant(trouble) = error.scope() else {
        return None;
    };
    Some(match trouble {
        TenantTrouble::Consent => (BrakeReason::Consent, Duration::ZERO),
        TenantTrouble::Credential => (BrakeReason::Credential, Duration::ZERO),
        TenantTrouble::Blocked => (BrakeReason::Blocked, Duration::ZERO),
        TenantTrouble::AuditingOff => (BrakeReason::AuditingOff, Duration::ZERO),
        TenantTrouble::TenantGone => (BrakeReason::TenantGone, Duration::ZERO),
        TenantTrouble::Throttled { .. } if bites(Tooth::ThrottledIsConsent) => {
            (BrakeReason::Consent, Duration::ZERO)
        }
        TenantTrouble::Throttled { .. } if bites(Tooth::RetryAfterIgnored) => {
            (BrakeReason::Throttled, Duration::ZERO)
        }
        TenantTrouble::Throttled { after } => (BrakeReason::Throttled, after.unwrap_or_default()),
    })
}
