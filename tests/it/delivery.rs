//! Published content arrives exactly once, whatever is lost, repeated or broken on the way.

mod leaving;

use std::time::Duration;

use emulator::{Fault, FaultKind, Operation};
use http::Method;
use jiff::Timestamp;
use pipeline::content::DiscoveredBy;
use pipeline::lake::Codec;
use pipeline::ledger::blob::Lease;
use pipeline::ledger::loss::LossKind;
use pipeline::settings::{EventSettings, RecordDedupe};
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{EXCHANGE, World, exchange, quiet};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn announced_content_is_delivered_once_and_shown() -> Outcome<()> {
    let world = World::start(exchange()).await?;
    let registered = world.register(&[EXCHANGE]).await?;
    assert_eq!(
        registered["subscriptions"][0]["status"], "enabled",
        "{registered}"
    );
    assert_eq!(
        registered["subscriptions"][0]["webhook"], "enabled",
        "{registered}"
    );
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.assert_delivered()?;
    let shown = world.subscription(EXCHANGE).await;
    assert!(shown["last_notification_at"].is_string(), "{shown}");
    assert!(shown["last_content_at"].is_string(), "{shown}");
    assert_eq!(shown["last_error"], Value::Null, "{shown}");
    assert_eq!(world.emulator.violations(), []);
    Ok(())
}

#[tokio::test]
async fn the_sweep_alone_delivers_everything() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    assert_eq!(world.queued().await?, 0);
    world.pass(Duration::from_secs(60));
    let report = world.sweep().await?;
    assert_eq!((report.failed, report.unknown), (0, 20), "{report:?}");
    world.work_until_empty().await?;
    world.assert_delivered()?;
    let shown = world.subscription(EXCHANGE).await;
    assert!(shown["listed_until"].is_string(), "{shown}");
    assert_eq!(shown["last_notification_at"], Value::Null, "{shown}");
    Ok(())
}

#[tokio::test]
async fn days_without_notifications_and_sweeps_are_caught_up() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..quiet()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.sweep().await?;
    for hour in 0..72 {
        world.pass(Duration::from_secs(3600));
        let record = world.record(hour);
        world.emulator.publish(
            world.tenant(),
            emulator::ContentType::Exchange,
            vec![record],
        );
    }
    world.pass(Duration::from_secs(3600));
    let report = world.sweep().await?;
    assert_eq!(report.unknown, 72, "{report:?}");
    world.work_until_empty().await?;
    assert_eq!(world.audit()?, (72, 0, 0));
    Ok(())
}

#[tokio::test]
async fn a_sweep_skips_blobs_that_are_done_or_waiting() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.pass(Duration::from_secs(60));
    assert_eq!(world.sweep().await?.unknown, 20);
    assert_eq!(world.sweep().await?.unknown, 0, "waiting");
    world.work_until_empty().await?;
    let again = world.sweep().await?;
    assert_eq!((again.unknown, again.overdue), (0, 0), "done");
    Ok(())
}

#[tokio::test]
async fn a_lost_message_is_enqueued_again_when_overdue() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.pass(Duration::from_secs(60));
    world.sweep().await?;
    world.empty_the_queue().await?;
    world.pass(Duration::from_secs(3600));
    let report = world.sweep().await?;
    assert_eq!((report.unknown, report.overdue), (0, 20), "{report:?}");
    world.work_until_empty().await?;
    world.assert_delivered()
}

#[tokio::test]
async fn a_record_in_two_blobs_is_written_by_one_of_them() -> Outcome<()> {
    let repeat = FaultKind::RepeatRecords { count: 3 };
    let world = World::start(emulator::Config {
        faults: vec![repeat.into()],
        records_per_blob: 5..=10,
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.assert_delivered()
}

#[tokio::test]
async fn deduplication_by_blob_only_looks_into_one_blob() -> Outcome<()> {
    let world = World::with_settings(
        quiet(),
        EventSettings {
            dedupe: RecordDedupe::Blob,
            ..EventSettings::default()
        },
    )
    .await?;
    world.register(&[EXCHANGE]).await?;
    let record = world.record(1);
    let first = world.emulator.publish(
        world.tenant(),
        emulator::ContentType::Exchange,
        vec![record.clone(), record.clone()],
    );
    world.emulator.publish(
        world.tenant(),
        emulator::ContentType::Exchange,
        vec![record],
    );
    world.all_announced().await?;
    world.work_until_empty().await?;
    assert_eq!(world.audit()?, (1, 1, 0), "written, duplicates, lost");
    let item = world.blob(&first).await?;
    assert_eq!(
        (
            item["records_in"].as_str(),
            item["records_duplicate"].as_str()
        ),
        ("2", "1")
    );
    Ok(())
}

#[tokio::test]
async fn events_are_compressed_as_configured() -> Outcome<()> {
    let zstd = EventSettings {
        codec: Codec::Zstd,
        ..EventSettings::default()
    };
    let world = World::with_settings(exchange(), zstd).await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.work_until_empty().await?;
    let objects = tests::lake::files(&world.lake().join("ocsf"))?;
    assert!(!objects.is_empty());
    assert!(
        objects
            .iter()
            .all(|path| path.to_string_lossy().ends_with(".ndjson.zst"))
    );
    world.assert_delivered()
}

#[tokio::test]
async fn a_blob_announced_again_changes_nothing() -> Outcome<()> {
    let twice = FaultKind::NotificationTwice { after_seconds: 0 };
    let world = World::start(emulator::Config {
        faults: vec![twice.into()],
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.assert_delivered()?;
    // Eight days later: repeated announcements this late have been observed.
    world.pass(Duration::from_secs(8 * 24 * 3600));
    let body = json!([world.item(EXCHANGE, "an$old$one")]);
    assert_eq!(
        world
            .notify(
                EXCHANGE,
                &world.auth_id(world.tenant(), EXCHANGE),
                body.to_string()
            )
            .await,
        200
    );
    Ok(())
}

#[tokio::test]
async fn a_lost_blob_that_is_listed_again_is_delivered() -> Outcome<()> {
    let world = World::start(exchange()).await?;
    let gone = Fault {
        operation: Some(Operation::Blob),
        ..Fault::from(FaultKind::Error {
            status: 404,
            code: "AF20050".to_owned(),
            message: "The specified content does not exist.".to_owned(),
        })
    };
    world.emulator.fault(gone);
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.try_again(8, Duration::from_secs(40 * 60)).await?;
    assert_eq!(world.losses().await?, []);
    world.try_again(1, Duration::from_secs(40 * 60)).await?;
    let lost = world.losses().await?;
    assert_eq!(lost.len(), 20);
    assert!(lost.iter().all(|loss| {
        (loss.kind, loss.evidence_count, loss.is_open()) == (LossKind::Lost, 10, true)
    }));
    world.emulator.clear_faults();
    world.pass(Duration::from_secs(60));
    assert_eq!(world.sweep().await?.reopened, 0, "a verdict stands a day");
    world.pass(DAY);
    // The pass over the week comes to them, window by window.
    let mut reopened = 0;
    for _ in 0..9 {
        reopened += world.sweep().await?.reopened;
    }
    assert_eq!(reopened, 20);
    world.work_until_empty().await?;
    world.assert_delivered()?;
    let recovered = world.losses().await?;
    assert_eq!(recovered.len(), 20);
    assert!(recovered.iter().all(|loss| loss.recovered_at.is_some()));
    Ok(())
}

#[tokio::test]
async fn a_loss_that_comes_again_stays_acknowledged() -> Outcome<()> {
    let world = World::start(emulator::Config {
        blobs_per_tenant: 1,
        ..exchange()
    })
    .await?;
    let gone = Fault {
        operation: Some(Operation::Blob),
        ..Fault::from(FaultKind::Error {
            status: 404,
            code: "AF20050".to_owned(),
            message: "The specified content does not exist.".to_owned(),
        })
    };
    world.emulator.fault(gone);
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.try_again(9, Duration::from_secs(40 * 60)).await?;
    let lost = world.losses().await?.remove(0);
    let path = format!(
        "/v1/tenants/{}/losses/{}/acknowledge",
        world.tenant(),
        lost.id
    );
    let note = json!({"note": "known at Microsoft"});
    let (status, answer) = world.operate(Method::POST, &path, note).await;
    assert!(status.is_success(), "{answer}");
    world.pass(DAY);
    assert_eq!(world.sweep().await?.reopened, 1);
    world.try_again(9, Duration::from_secs(40 * 60)).await?;
    let again = world.losses().await?;
    let [again] = again.as_slice() else {
        return Err(format!("{again:?}").into());
    };
    assert!(!again.is_open(), "{again:?}");
    assert_eq!(again.note.as_deref(), Some("known at Microsoft"));
    assert!(again.evidence_since > lost.evidence_since, "{again:?}");
    assert_eq!(again.recorded_at, lost.recorded_at);
    Ok(())
}

#[tokio::test]
async fn poison_that_is_tried_again_begins_alone() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let record = vec![world.record(1)];
    let of = emulator::ContentType::Exchange;
    let name = world.emulator.publish(world.tenant(), of, record);
    world.all_announced().await?;
    let tenant = world.tenant().to_string().parse()?;
    world.sweep().await?;
    let open = world.ledger.open_blobs(tenant, Timestamp::MAX, 1).await?;
    let blob = &open.first().ok_or("no blob")?.blob;
    // Ten workers die, and the eleventh gives it up.
    for worker in 1..=10 {
        let lease = Lease {
            owner: worker.to_string(),
            until: world.now() + Duration::from_secs(1),
        };
        let via = DiscoveredBy::Listing;
        world.ledger.lease(blob, via, &lease, world.now()).await?;
        world.pass(Duration::from_secs(2));
    }
    assert_eq!(world.blob(&name).await?["unconcluded"], "10");
    world.try_again(1, Duration::from_secs(60)).await?;
    assert_eq!(world.blob(&name).await?["state"], "QUARANTINED");
    world.pass(DAY);
    assert_eq!(world.sweep().await?.reopened, 1);
    assert_eq!(world.blob(&name).await?["unconcluded"], "3");
    world.work_until_empty().await?;
    assert_eq!(world.audit()?, (1, 0, 0));
    Ok(())
}

#[tokio::test]
async fn content_at_another_address_is_fetched_by_its_id() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.emulator.fault(FaultKind::ForeignContentUri {
        host: "manage.office.com.evil.example".to_owned(),
    });
    world.pass(Duration::from_secs(60));
    let report = world.sweep().await?;
    assert_eq!(
        (report.rejected, report.unknown, world.queued().await?),
        (0, 20, 20),
        "{report:?}"
    );
    world.work_until_empty().await?;
    world.assert_delivered()
}

/// The events of these blobs, one after the other, in a lake of their own.
async fn events_of_blobs(records: &[u32], records_per_blob: usize) -> Outcome<Vec<String>> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    for numbers in records.chunks(records_per_blob) {
        let record = |number: &u32| {
            let mut record = world.record(*number);
            record["Parameters"] = json!([{ "Name": "Note", "Value": "x".repeat(2_000) }]);
            record
        };
        world.emulator.publish(
            world.tenant(),
            emulator::ContentType::Exchange,
            numbers.iter().map(record).collect(),
        );
    }
    world.all_announced().await?;
    world.work_until_empty().await?;
    let events = tests::lake::events(world.lake())?;
    let mut events: Vec<_> = events.iter().map(Value::to_string).collect();
    events.sort_unstable();
    Ok(events)
}

#[tokio::test]
async fn a_long_blob_gives_the_events_of_short_ones() -> Outcome<()> {
    // 7 MB: several portions, and more than a spool keeps in memory.
    let records: Vec<u32> = (0..3_000).collect();
    let long = events_of_blobs(&records, 3_000).await?;
    assert_eq!(long.len(), 3_000);
    assert!(long == events_of_blobs(&records, 500).await?);
    Ok(())
}
