//! Stopping subscriptions, when an operator takes a tenant or a content type out. Never to repair.

use office365::{Client, Cloud, ContentType, Disposition, TenantId};

use crate::store::ledger::registry::Registered;

/// Stops every subscription of a tenant that leaves. What Microsoft says cannot be stopped any more counts as stopped.
///
/// # Errors
/// The first stop that may succeed later.
pub async fn stop_all(client: &Client, registered: &Registered) -> Result<(), office365::Error> {
    let tenant = &registered.tenant;
    for content_type in &tenant.content_types {
        stop(client, tenant.tenant_id, tenant.cloud, *content_type).await?;
    }
    Ok(())
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
