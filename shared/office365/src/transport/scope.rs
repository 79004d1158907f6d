//! Whose trouble an error is: one call's, or every call's of the tenant.

use std::fmt;
use std::time::Duration;

/// Whom an error concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This call. The tenant's others may well succeed.
    Call,
    /// Every call of the tenant fails alike until the trouble ends: stop asking, and probe.
    Tenant(TenantTrouble),
}

/// What keeps every call of a tenant from succeeding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantTrouble {
    /// An administrator must give consent.
    Consent,
    /// No token is to be had: the credential, or its source, or the cloud is wrong.
    Credential,
    /// A conditional access policy of the tenant keeps the application out (AADSTS53003).
    Blocked,
    /// The tenant has no audit log yet.
    AuditingOff,
    /// Microsoft does not know the tenant: deleted, or of another cloud.
    TenantGone,
    /// Too many requests (AF429, or status 429).
    Throttled {
        /// The least wait, when Microsoft or the client's own breaker names one.
        after: Option<Duration>,
    },
}

impl fmt::Display for TenantTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Consent => "an administrator of the tenant must give consent",
            Self::Credential => {
                "no token is given: check the app registration's credential and the tenant's cloud"
            }
            Self::Blocked => {
                "a conditional access policy of the tenant blocks the application; an administrator must exclude it"
            }
            Self::AuditingOff => "auditing is off in the tenant",
            Self::TenantGone => {
                "Microsoft does not know the tenant: it was deleted, or is of another cloud"
            }
            Self::Throttled { .. } => "the tenant's request quota is used up",
        })
    }
}
