//! The ledger's table is lost, or put back as it was two hours ago.

use tests::Outcome;
use tests::sim::plan::Plan;
use tests::sim::records::Mix;
use tests::sim::scene::Scene;

use super::{DAY, FINE, HOUR};

const TENANTS: usize = 2;

fn plan(shared: f64) -> Plan {
    let mix = Mix {
        shared,
        ..Mix::default()
    };
    Plan {
        mix,
        ..Plan::still(TENANTS)
    }
}

#[tokio::test]
async fn a_lost_ledger_is_made_anew_by_registering_again() -> Outcome<()> {
    let mut scene = Scene::begin(plan(0.2), FINE).await?;
    scene.live(DAY).await?;
    scene.house().replace_ledger(Vec::new()).await?;
    scene.restart()?;
    scene.register().await?;
    scene.live(2 * HOUR).await?;
    scene.wait(HOUR).await?;
    assert_eq!(scene.missing()?, 0);
    assert_eq!(scene.twice()?, [].into());
    scene.ends_well().await
}

#[tokio::test]
async fn a_ledger_of_two_hours_ago_loses_nothing() -> Outcome<()> {
    let mut scene = Scene::begin(plan(0.2), FINE).await?;
    scene.live(6 * HOUR).await?;
    let copy = scene.house().copy_of_ledger()?;
    scene.live(2 * HOUR).await?;
    scene.house().replace_ledger(copy).await?;
    scene.restart()?;
    scene.live(2 * HOUR).await?;
    scene.wait(HOUR).await?;
    assert_eq!(scene.missing()?, 0);
    assert_eq!(scene.twice()?, [].into());
    scene.ends_well().await
}
