//! Stopping subscriptions, when an operator takes a tenant or a content type out. Never to repair.

use office365::{Client, Cloud, ContentType, Disposition, TenantId};

use crate::store::ledger::registry::{Tenant, TenantState};
use crate::store::ledger::{Ledger, LedgerError};

/// A tenant's subscriptions could not be stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// Microsoft may stop them later.
    #[error(transparent)]
    Microsoft(#[from] office365::Error),
    /// The ledger does not say whether the tenant still leaves.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Stops every subscription of a tenant, as long as it leaves. What Microsoft says cannot be stopped any more counts as stopped.
/// `false` when the tenant has been registered again, or is gone: the others run on.
///
/// # Errors
/// The first stop that may succeed later.
pub async fn stop_all(
    ledger: &Ledger,
    client: &Client,
    tenant: &Tenant,
) -> Result<bool, StopError> {
    for content_type in &tenant.content_types {
        let known = ledger.tenant(tenant.tenant_id).await?;
        if known.is_none_or(|known| known.state != TenantState::Leaving) {
            return Ok(false);
        }
        stop(client, tenant.tenant_id, tenant.cloud, *content_type).await?;
    }
    Ok(true)
}

/// Stops one subscription.
///
/// # Errors
/// Microsoft may stop it later, or an operator has to act first. A subscription that is not there, and a tenant that took its
/// consent back, turned auditing off, blocks the application or is gone, are none.
pub async fn stop(
    client: &Client,
    tenant: TenantId,
    cloud: Cloud,
    content_type: ContentType,
) -> Result<(), office365::Error> {
    match client.stop(tenant, cloud, content_type).await {
        Err(error)
            if matches!(
                error.disposition(),
                Disposition::Retry { .. } | Disposition::Credential | Disposition::Operator
            ) =>
        {
            Err(error)
        }
        Err(error) => {
            tracing::warn!(tenant.id = %tenant, content.type = %content_type, %error, "subscription cannot be stopped, counted as stopped");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
