//! Tenants that cannot be served for a while, among others that can.

use std::time::Duration;

use emulator::{Consent, Fault, FaultKind};
use office365::TenantId;
use serde_json::Value;
use tests::Outcome;
use tests::sim::plan::Plan;
use tests::sim::scene::{Pace, Scene};

use super::{FINE, HOUR};

/// A token that was issued before is good for an hour.
const TOKENS_LIVE: Duration = Duration::from_secs(60 * 60);

async fn without_consent(consent: Consent) -> Outcome<()> {
    let mut scene = Scene::begin(Plan::still(2), FINE).await?;
    scene.live(2 * HOUR).await?;
    scene.consent(0, consent);
    scene.live(TOKENS_LIVE + FINE.tick).await?;
    for _ in 0..23 {
        scene.live(HOUR).await?;
        let (revoked, other) = (scene.view(0).await, scene.view(1).await);
        assert_eq!(revoked["brake"]["reason"], "consent", "{revoked}");
        assert_eq!(revoked["standing"]["state"], "needs_you", "{revoked}");
        assert_eq!(other["brake"], Value::Null, "{other}");
    }
    assert!(scene.missing()? > 20);
    scene.consent(0, Consent::Granted);
    scene.wait(HOUR).await?;
    let given = scene.view(0).await;
    assert_eq!(given["brake"], Value::Null, "{given}");
    assert_eq!(given["standing"]["state"], "complete", "{given}");
    assert_eq!(scene.missing()?, 0);
    scene.ends_well().await
}

#[tokio::test]
async fn a_day_without_consent_loses_nothing() -> Outcome<()> {
    without_consent(Consent::Missing).await
}

#[tokio::test]
async fn a_day_without_roles_loses_nothing() -> Outcome<()> {
    without_consent(Consent::Roleless).await
}

#[tokio::test]
async fn a_day_with_an_expired_secret_loses_nothing() -> Outcome<()> {
    const EXPIRED: &str = "the-secret-of-last-year";
    let mut plan = Plan::still(2);
    plan.emulator.expired_client_secrets = vec![EXPIRED.to_owned()];
    let mut scene = Scene::begin(plan, FINE).await?;
    scene.live(2 * HOUR).await?;
    let valid = scene.house().emulator.client_secret().to_owned();
    scene.deploy_secret(EXPIRED)?;
    for _ in 0..24 {
        scene.live(HOUR).await?;
        for tenant in 0..2 {
            let view = scene.view(tenant).await;
            assert_eq!(view["brake"]["reason"], "credential", "{view}");
            let text = view["brake"]["text"].as_str().unwrap();
            assert!(text.contains("AADSTS7000222"), "{text}");
        }
    }
    assert!(scene.missing()? > 40);
    scene.deploy_secret(&valid)?;
    scene.wait(HOUR).await?;
    for tenant in 0..2 {
        assert_eq!(scene.view(tenant).await["brake"], Value::Null);
    }
    assert_eq!(scene.missing()?, 0);
    scene.ends_well().await
}

#[tokio::test]
async fn failing_tenants_delay_no_healthy_one() -> Outcome<()> {
    const TENANTS: usize = 100;
    const FAILING: usize = 10;
    let pace = Pace {
        publish_every: 2 * HOUR,
        records: 1,
        ..FINE
    };
    let mut scene = Scene::begin(Plan::still(TENANTS), pace).await?;
    scene.wait(2 * pace.tick).await?;
    let troubles = [
        FaultKind::Html { status: 503 },
        FaultKind::Reset,
        FaultKind::Empty { status: 401 },
        FaultKind::Throttle {
            status: None,
            retry_after_seconds: None,
        },
        FaultKind::Internal { in_an_hour: true },
    ];
    for (number, kind) in (0..FAILING).zip(troubles.iter().cycle()) {
        let tenant = Some(scene.tenant(number));
        scene.goes_wrong(Fault {
            tenant,
            ..kind.clone().into()
        })?;
    }
    let tenants = scene.house().emulator.tenants().into_iter();
    let tenants: Vec<TenantId> = tenants.map(|of| of.to_string().parse().unwrap()).collect();
    let begun = scene.house().now();
    while scene.house().now() < begun + 2 * HOUR {
        scene.live(pace.tick).await?;
        let now = scene.house().now();
        for (number, tenant) in tenants.iter().enumerate() {
            let state = scene.house().ledger.sweep_state(*tenant).await?.unwrap();
            let is_late = state.done_at.is_none_or(|done| done + pace.tick < now);
            assert_eq!(
                is_late,
                number < FAILING && begun + pace.tick < now,
                "{number} {state:?}"
            );
        }
    }
    scene.is_well();
    // The longest gap after failures, and a second tick for what was listed in the first.
    scene.wait(3 * pace.tick).await?;
    let now = scene.house().now();
    for tenant in &tenants {
        let state = scene.house().ledger.sweep_state(*tenant).await?.unwrap();
        assert!(state.done_at >= Some(now - pace.tick), "{state:?}");
        assert_eq!(state.failures, 0);
    }
    assert_eq!(scene.missing()?, 0);
    scene.ends_well().await
}
