//! Which tenants are served, remembered for a minute.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use office365::{Cloud, ContentType, TenantId};
use tokio::sync::RwLock;

use crate::clock::later;
use crate::content::ContentRef;
use crate::store::ledger::registry::TenantState;
use crate::store::ledger::{Ledger, LedgerError};

/// How long a registration is used before it is read again. A tenant that leaves is served this much longer.
const CACHED_FOR: Duration = Duration::from_secs(60);

/// Tenants cached: a few dozen bytes each, more than any deployment has.
const CACHED_MAX: usize = 10_000;

/// A tenant's cloud and the content types it is served for; none when it is not served.
type Served = Option<(Cloud, Vec<ContentType>)>;

/// Registrations read lately.
#[derive(Debug, Default)]
pub(super) struct TenantCache {
    known: RwLock<HashMap<TenantId, (Timestamp, Served)>>,
}

impl TenantCache {
    /// The cloud of the blob's tenant, if the tenant is registered for the blob's content type.
    pub(super) async fn serving(
        &self,
        ledger: &Ledger,
        blob: &ContentRef,
        now: Timestamp,
    ) -> Result<Option<Cloud>, LedgerError> {
        if let Some((read_at, served)) = self.known.read().await.get(&blob.tenant_id)
            && now < later(*read_at, CACHED_FOR)
        {
            return Ok(cloud(served, blob.content_type));
        }
        let tenant = ledger.tenant(blob.tenant_id).await?;
        let served = tenant
            .filter(|tenant| tenant.state == TenantState::Active)
            .map(|tenant| (tenant.cloud, tenant.content_types));
        let found = cloud(&served, blob.content_type);
        let mut known = self.known.write().await;
        if known.len() >= CACHED_MAX {
            known.clear();
        }
        known.insert(blob.tenant_id, (now, served));
        Ok(found)
    }
}

fn cloud(served: &Served, content_type: ContentType) -> Option<Cloud> {
    let (cloud, types) = served.as_ref()?;
    types.contains(&content_type).then_some(*cloud)
}
