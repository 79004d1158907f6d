//! Ten thousand tenants in the ledger, as if they had been swept for long.

use std::time::Duration;

use futures::stream::{self, TryStreamExt as _};
use office365::{Cloud, ContentType, TenantId};
use pipeline::ledger::registry::{Status, Tenant, TenantState};
use pipeline::ledger::sweep::{Pass, SweepState, TypeSweep};
use tests::Outcome;

use super::sweepers::Installation;

/// Tenants written at once.
const WRITES_IN_FLIGHT_MAX: usize = 32;

/// When the last pass over the day was: the next one is due in the first round, and not in those after it.
const DAY_PASS_BEFORE: Duration = Duration::from_secs(50 * 60);

/// When the subscriptions were last written down as seen: less than a day ago.
const SEEN_BEFORE: Duration = Duration::from_secs(3600);

/// Registers all of them, due now.
pub(crate) async fn write(installation: &Installation, tenants: &[TenantId]) -> Outcome<()> {
    stream::iter(tenants.iter().map(Ok))
        .try_for_each_concurrent(WRITES_IN_FLIGHT_MAX, |tenant| one(installation, *tenant))
        .await
}

async fn one(installation: &Installation, tenant_id: TenantId) -> Outcome<()> {
    let (ledger, now) = (&installation.ledger, installation.clock.now());
    let tenant = Tenant {
        tenant_id,
        name: "Contoso".to_owned(),
        cloud: Cloud::Enterprise,
        content_types: ContentType::ALL.to_vec(),
        state: TenantState::Active,
        created_at: now,
        brake: None,
    };
    ledger.create_tenant(&tenant).await?;
    for of in ContentType::ALL {
        ledger
            .note_observed(tenant_id, of, Status::Enabled, "none", now - SEEN_BEFORE)
            .await?;
    }
    let pass = |before: Duration| Pass {
        position: None,
        done_at: Some(now - before),
    };
    let swept = TypeSweep {
        watermark: Some(now),
        begun_at: Some(now - SEEN_BEFORE),
        begun_until: Some(now),
        day: pass(DAY_PASS_BEFORE),
        week: pass(DAY_PASS_BEFORE),
        ..TypeSweep::default()
    };
    ledger.begin_sweeps(tenant_id, now).await?;
    let owner = tenant_id.to_string();
    ledger
        .take_sweep(tenant_id, &owner, now, (now, now))
        .await?;
    let state = SweepState {
        due_at: now,
        known_at: Some(now),
        done_at: Some(now),
        types: ContentType::ALL.map(|of| (of, swept.clone())).into(),
        certified_until: Some(now),
        ..SweepState::default()
    };
    ledger.note_sweep(tenant_id, &owner, &state).await?;
    Ok(())
}
