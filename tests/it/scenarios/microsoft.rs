//! Microsoft does not announce, does not answer, or does either too often.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::{Fault, FaultKind, Operation};
use tests::Outcome;
use tests::sim::plan::Plan;
use tests::sim::records::Mix;
use tests::sim::scene::Scene;

use super::{COARSE, DAY, FINE, HOUR};

const TENANTS: usize = 2;

#[tokio::test]
async fn without_any_notification_sweeps_deliver_everything() -> Outcome<()> {
    let mut scene = Scene::begin(Plan::still(TENANTS), COARSE).await?;
    scene.goes_wrong(FaultKind::NotificationLost)?;
    scene.live(6 * DAY + 12 * HOUR).await?;
    // What was published in the last tick is listed in the next one.
    scene.wait(HOUR).await?;
    assert_eq!(scene.house().emulator.deliveries().len(), 0);
    assert_eq!(scene.missing()?, 0);
    assert_eq!(scene.losses().await?, []);
    scene.ends_well().await
}
