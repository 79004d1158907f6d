//! The ledger's table is lost, or put back as it was two hours ago.

use std::time::Duration;

use tests::Outcome;
use tests::sim::plan::Plan;
use tests::sim::records::Mix;
use tests::sim::scene::Scene;

use super::{COARSE, DAY, FINE, HOUR};

const TENANTS: usize = 2;

/// How long Microsoft lists a blob.
const LISTED_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

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
async fn a_lost_ledger_is_told_by_the_lake_whose_each_record_is() -> Outcome<()> {
    let mut scene = Scene::begin(plan(0.2), COARSE).await?;
    // Some blobs are not listed any more, and have records that others have too.
    scene.live(LISTED_FOR + 2 * DAY).await?;
    let there = scene.copies().len() as u64;
    scene.wait(2 * HOUR).await?;
    scene.house().replace_ledger(Vec::new()).await?;
    scene.restart()?;
    let restored = scene.house().restore().await?;
    assert!(restored.is_whole(), "{restored:?}");
    assert_eq!(restored.records, there);
    assert_eq!(scene.house().restore().await?, restored);
    scene.register().await?;
    scene.live(DAY).await?;
    scene.wait(2 * HOUR).await?;
    assert_eq!(scene.missing()?, 0);
    assert_eq!(scene.twice()?, [].into());
    assert_eq!(scene.losses().await?.len(), 0);
    Ok(())
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
