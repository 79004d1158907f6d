//! Which tenants are served, and what keeps one from it, remembered for a minute.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use office365::{Cloud, ContentType, TenantId};
use tokio::sync::RwLock;

use crate::clock::later;
use crate::content::ContentRef;
use crate::store::ledger::registry::TenantState;
use crate::store::ledger::registry::brake::Brake;
use crate::store::ledger::{Ledger, LedgerError};

/// How long a registration is used before it is read again. A tenant that leaves is served this much longer.
const CACHED_FOR: Duration = Duration::from_secs(60);

/// How long a brake is believed before it is read again: somebody else may have taken it off.
const BRAKE_CACHED_FOR: Duration = Duration::from_secs(2);

/// Tenants cached: a few dozen bytes each, as many as a deployment is made for.
const CACHED_MAX: usize = 10_000;

/// Forgets a blob whose tenant is not registered any more, or not for its content type: nobody would ever finish it. That of a
/// tenant that is paused, or leaves, stays. The registration is read anew, because what is remembered may have changed.
pub(super) async fn forget_unwanted(ledger: &Ledger, blob: &ContentRef) -> Result<(), LedgerError> {
    let tenant = ledger.tenant(blob.tenant_id).await?;
    let is_wanted = tenant.is_some_and(|tenant| {
        tenant.state != TenantState::Active || tenant.content_types.contains(&blob.content_type)
    });
    if is_wanted {
        tracing::warn!("blob left alone: its tenant is not served just now");
    } else {
        let forgotten = ledger.forget_open(blob).await?;
        tracing::warn!(
            forgotten,
            "blob dropped: its tenant is not registered for this content type"
        );
    }
    Ok(())
}

/// A tenant that is served.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) cloud: Cloud,
    /// What keeps it from being served just now.
    pub(super) brake: Option<Brake>,
    types: Vec<ContentType>,
}

/// Registrations read lately; none for a tenant that is not served.
#[derive(Debug, Default)]
pub(super) struct TenantCache {
    known: RwLock<HashMap<TenantId, (Timestamp, Option<Served>)>>,
}

impl TenantCache {
    /// The blob's tenant, if it is registered for the blob's content type.
    pub(super) async fn serving(
        &self,
        ledger: &Ledger,
        blob: &ContentRef,
        now: Timestamp,
    ) -> Result<Option<Served>, LedgerError> {
        let for_type = |served: &Option<Served>| {
            let served = served.as_ref()?;
            let serves = served.types.contains(&blob.content_type);
            serves.then(|| served.clone())
        };
        // That it is not served is never believed: it may be since a moment ago, and its blobs would be dropped.
        if let Some((read_at, served)) = self.known.read().await.get(&blob.tenant_id)
            && let Some(served) = for_type(served)
        {
            let braked = served.brake.is_some();
            let fresh = if braked { BRAKE_CACHED_FOR } else { CACHED_FOR };
            if now < later(*read_at, fresh) {
                return Ok(Some(served));
            }
        }
        let tenant = ledger.tenant(blob.tenant_id).await?;
        let served = tenant
            .filter(|tenant| tenant.state == TenantState::Active)
            .map(|tenant| Served {
                cloud: tenant.cloud,
                brake: tenant.brake,
                types: tenant.content_types,
            });
        let found = for_type(&served);
        let mut known = self.known.write().await;
        if known.len() >= CACHED_MAX {
            known.clear();
        }
        known.insert(blob.tenant_id, (now, served));
        Ok(found)
    }

    /// Remembers what this process has just learned of the tenant's brake.
    pub(super) async fn note_brake(&self, tenant: TenantId, brake: Option<Brake>, now: Timestamp) {
        if let Some((read_at, Some(served))) = self.known.write().await.get_mut(&tenant) {
            served.brake = brake;
            *read_at = now;
        }
    }
}
