//! Microsoft does not announce, does not answer, or says everything ten times.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::{Fault, FaultKind, Operation};
use jiff::{SignedDuration, Timestamp};
use pipeline::ledger::loss::LossKind;
use pipeline::reconcile::LOOK_BACK;
use tests::Outcome;
use tests::sim::plan::Plan;
use tests::sim::records::Mix;
use tests::sim::scene::Scene;
use uuid::Uuid;

use super::{COARSE, DAY, FINE, HOUR};

const TENANTS: usize = 2;

#[tokio::test]
async fn without_any_notification_sweeps_deliver_everything() -> Outcome<()> {
    let mut scene = Scene::begin(Plan::still(TENANTS), COARSE).await?;
    scene.goes_wrong(FaultKind::NotificationLost)?;
    scene.live(6 * DAY + 12 * HOUR).await?;
    // What was published in the last tick is listed in the next one.
    scene.wait(COARSE.tick).await?;
    assert_eq!(scene.house().emulator.deliveries().len(), 0);
    assert_eq!(scene.missing()?, 0);
    assert_eq!(scene.losses().await?, []);
    scene.ends_well().await
}

/// Microsoft neither answers nor announces for so long, and goes on publishing. Returns when it was over.
async fn silence(scene: &mut Scene, span: Duration) -> Outcome<Timestamp> {
    scene.live(12 * HOUR).await?;
    assert_eq!(scene.missing()?, 0);
    scene.house().emulator.set_notify(false);
    scene.goes_wrong(FaultKind::Html { status: 503 })?;
    scene.goes_wrong(Fault {
        operation: Some(Operation::Token),
        ..FaultKind::Empty { status: 503 }.into()
    })?;
    scene.live(span).await?;
    assert!(scene.missing()? > 0);
    scene.is_well();
    scene.house().emulator.set_notify(true);
    Ok(scene.house().now())
}

#[tokio::test]
async fn a_day_without_microsoft_loses_nothing() -> Outcome<()> {
    let mut scene = Scene::begin(Plan::still(TENANTS), COARSE).await?;
    silence(&mut scene, DAY).await?;
    scene.wait(COARSE.tick).await?;
    assert_eq!(scene.missing()?, 0);
    scene.ends_well().await
}

#[tokio::test]
async fn an_hour_less_than_a_week_of_silence_loses_nothing() -> Outcome<()> {
    let mut scene = Scene::begin(Plan::still(TENANTS), COARSE).await?;
    scene.pace.tick = HOUR;
    silence(&mut scene, 7 * DAY - HOUR).await?;
    // Whoever failed is swept within a quarter of an hour.
    scene.pace = FINE;
    scene.wait(2 * FINE.tick).await?;
    assert_eq!(scene.missing()?, 0);
    assert_eq!(scene.losses().await?, []);
    scene.ends_well().await
}

#[tokio::test]
async fn eight_days_of_silence_lose_what_is_not_listed_any_more() -> Outcome<()> {
    let plan = Plan {
        neglected: true,
        ..Plan::still(TENANTS)
    };
    let mut scene = Scene::begin(plan, COARSE).await?;
    let over = silence(&mut scene, 8 * DAY).await?;
    let silent_since = over - 8 * DAY;
    scene.wait(COARSE.tick).await?;
    let listed_since = scene.house().now() - LOOK_BACK;

    let losses = scene.losses().await?;
    assert_eq!(
        losses.len(),
        TENANTS * 2,
        "one of each subscription: {losses:?}"
    );
    for loss in &losses {
        assert_eq!(loss.kind, LossKind::Gap);
        assert!(
            loss.from <= silent_since && silent_since - COARSE.tick <= loss.from,
            "{loss:?}"
        );
        assert_eq!(loss.to, listed_since);
    }
    let mut lost = 0;
    for (blob, is_there) in scene.blobs()? {
        let is_late = silent_since < blob.created && blob.created < listed_since;
        assert_eq!(is_there, !is_late, "{blob:?}");
        lost += usize::from(is_late);
    }
    assert!(lost > 0);
    scene.ends_well().await
}

#[tokio::test]
async fn a_blob_that_is_announced_ten_times_is_there_once() -> Outcome<()> {
    const TIMES: u64 = 10;
    let mut scene = Scene::begin(Plan::still(TENANTS), FINE).await?;
    for again in 1..TIMES {
        // Some at once, some when the blob is delivered.
        let after_seconds = (again / 3) * FINE.tick.as_secs();
        scene.goes_wrong(FaultKind::NotificationTwice { after_seconds })?;
    }
    scene.live(6 * HOUR).await?;
    scene.wait(2 * HOUR).await?;
    let mut times: BTreeMap<(Uuid, String), u64> = BTreeMap::new();
    for delivery in scene.house().emulator.deliveries() {
        *times
            .entry((delivery.tenant, delivery.content_id))
            .or_default() += 1;
    }
    let blobs = scene.blobs()?.len();
    assert_eq!(times.into_values().collect::<Vec<_>>(), vec![TIMES; blobs]);
    assert_eq!(scene.missing()?, 0);
    // Nobody asked Microsoft for it twice.
    let fetches = scene.house().emulator.request_count(Operation::Blob);
    assert_eq!(fetches, blobs as u64);
    scene.ends_well().await
}

#[tokio::test]
async fn records_in_two_blobs_are_there_once() -> Outcome<()> {
    let mix = Mix {
        shared: 0.2,
        ..Mix::default()
    };
    let plan = Plan {
        mix,
        ..Plan::still(TENANTS)
    };
    let mut scene = Scene::begin(plan, FINE).await?;
    scene.live(24 * HOUR).await?;
    scene.wait(HOUR).await?;
    let copies = scene.copies();
    let (records, all) = (copies.len(), copies.values().sum::<usize>());
    let shared = all - records;
    assert!(shared * 10 > all, "{shared} of {all} are of another blob");
    assert_eq!(scene.twice()?, [].into());
    let (mut written, mut duplicate) = (0, 0);
    for tenant in 0..TENANTS {
        for hour in scene.certificates(tenant).await? {
            written += hour.records_written;
            duplicate += hour.records_duplicate;
        }
    }
    assert_eq!((written, duplicate), (records as u64, shared as u64));
    scene.ends_well().await
}

#[tokio::test]
async fn a_webhook_that_vanishes_comes_back_without_a_stop() -> Outcome<()> {
    let mut scene = Scene::begin(Plan::still(TENANTS), FINE).await?;
    scene.live(2 * HOUR).await?;
    let subscriptions = TENANTS * 2;
    let started = scene.house().emulator.starts().len();
    assert_eq!(started, subscriptions);
    // Once at each subscription, and nothing says so but the list of subscriptions.
    for tenant in scene.house().emulator.tenants() {
        for of in Plan::still(TENANTS).emulator.content_types {
            scene.goes_wrong(Fault {
                tenant: Some(tenant),
                content_type: Some(of),
                times: Some(1),
                ..FaultKind::WebhookVanishes.into()
            })?;
        }
    }
    scene.live(4 * HOUR).await?;
    let struck = scene.house().emulator.faults();
    assert!(struck.iter().all(|(_, times)| *times == 1), "{struck:?}");
    let starts = scene.house().emulator.starts();
    let starts = &starts[started..];
    assert_eq!(starts.len(), subscriptions, "{starts:?}");
    assert!(starts.iter().all(|start| start.webhook.is_some()));
    assert_eq!(scene.house().emulator.request_count(Operation::Stop), 0);
    scene.wait(FINE.tick).await?;
    assert_eq!(scene.missing()?, 0);
    scene.ends_well().await
}

async fn with_a_clock(ahead: SignedDuration) -> Outcome<()> {
    let plan = Plan {
        ahead: Some(ahead),
        ..Plan::still(TENANTS)
    };
    let mut scene = Scene::begin(plan, COARSE).await?;
    scene.live(2 * DAY).await?;
    // Sweeps alone, whose windows begin and end by our clock.
    scene.house().emulator.set_notify(false);
    scene.live(6 * DAY).await?;
    scene.wait(COARSE.tick).await?;
    assert_eq!(scene.missing()?, 0);
    assert_eq!(scene.losses().await?, []);
    assert_eq!(scene.house().emulator.violations(), []);
    scene.ends_well().await
}

#[tokio::test]
async fn a_clock_five_minutes_ahead_loses_nothing() -> Outcome<()> {
    with_a_clock(SignedDuration::from_mins(5)).await
}

#[tokio::test]
async fn a_clock_five_minutes_behind_loses_nothing() -> Outcome<()> {
    with_a_clock(SignedDuration::from_mins(-5)).await
}
