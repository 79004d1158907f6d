//! Published content arrives exactly once, even when DynamoDB, SQS, the lake or Microsoft fail on the way.

use std::collections::HashSet;
use std::io::Write as _;
use std::time::Duration;

use emulator::{Fault, FaultKind, Operation};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Method;
use jiff::Timestamp;
use office365::TenantId;
use pipeline::content::DiscoveredBy;
use pipeline::lake::Codec;
use pipeline::ledger::blob::{Lease, LeaseOutcome};
use pipeline::ledger::budget::REQUESTS_PER_MINUTE;
use pipeline::ledger::loss::LossKind;
use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use tests::Outcome;
use tests::flaky::Trouble;
use tests::world::{EXCHANGE, World, exchange, quiet};
use uuid::Uuid;

#[tokio::test]
async fn faults_at_microsoft_are_survived() -> Outcome<()> {
    let bad = [
        FaultKind::Empty { status: 401 },
        FaultKind::Throttle {
            status: Some(403),
            retry_after_seconds: None,
        },
        FaultKind::Throttle {
            status: Some(429),
            retry_after_seconds: Some(1),
        },
        FaultKind::Internal { in_an_hour: false },
        FaultKind::Html { status: 503 },
        FaultKind::Html { status: 200 },
        FaultKind::CutBody { after_bytes: 10 },
        FaultKind::ShortBody { after_bytes: 10 },
        FaultKind::ByteOrderMark,
        FaultKind::Reset,
    ];
    let faults = bad.map(|kind| Fault {
        operation: Some(Operation::Blob),
        times: Some(3),
        ..Fault::from(kind)
    });
    let world = World::start(emulator::Config {
        faults: faults.to_vec(),
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.assert_delivered()
}

#[tokio::test]
async fn a_byte_order_mark_before_every_answer_costs_nothing() -> Outcome<()> {
    let login = Fault {
        operation: Some(Operation::Token),
        ..Fault::from(FaultKind::ByteOrderMark)
    };
    let world = World::start(emulator::Config {
        faults: vec![FaultKind::ByteOrderMark.into(), login],
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.work_until_empty().await?;
    let requests = world.emulator.requests();
    let blobs: HashSet<&str> = requests
        .iter()
        .filter(|request| request.operation == Operation::Blob)
        .map(|request| request.target.as_str())
        .collect();
    let fetches = world.emulator.request_count(Operation::Blob);
    assert_eq!(blobs.len() as u64, fetches, "a blob is fetched once");
    world.assert_delivered()
}

#[tokio::test]
async fn a_throttled_ledger_loses_and_doubles_nothing() -> Outcome<()> {
    let world = World::start(exchange()).await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    for operation in ["UpdateItem", "PutItem", "GetItem", "Query"] {
        world.flaky_dynamodb.next(operation, Trouble::Throttled, 12);
        world
            .flaky_dynamodb
            .next(operation, Trouble::AnswerLost, 12);
    }
    world.work_until_delivered().await?;
    world.assert_delivered()
}

#[tokio::test]
async fn a_refused_entry_is_sent_again_before_the_200() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let auth = world.auth_id(world.tenant(), EXCHANGE);
    let items: Vec<Value> = (0..10)
        .map(|n| world.item(EXCHANGE, &format!("content{n}")))
        .collect();
    world
        .flaky_sqs
        .next("SendMessageBatch", Trouble::LastEntryRefused, 2);
    assert_eq!(
        world
            .notify(EXCHANGE, &auth, json!(items).to_string())
            .await,
        200
    );
    assert_eq!((world.queued().await?, world.flaky_sqs.ahead()), (10, 0));
    Ok(())
}

#[tokio::test]
async fn entries_that_sqs_keeps_refusing_are_answered_503() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let auth = world.auth_id(world.tenant(), EXCHANGE);
    let items: Vec<Value> = (0..10)
        .map(|n| world.item(EXCHANGE, &format!("content{n}")))
        .collect();
    world
        .flaky_sqs
        .next("SendMessageBatch", Trouble::LastEntryRefused, 4);
    assert_eq!(
        world
            .notify(EXCHANGE, &auth, json!(items).to_string())
            .await,
        503
    );
    Ok(())
}

#[tokio::test]
async fn announcements_with_different_times_write_a_blob_once() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..quiet()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    let content = world.emulator.publish(
        world.tenant(),
        emulator::ContentType::Exchange,
        vec![world.record(1)],
    );
    let auth = world.auth_id(world.tenant(), EXCHANGE);
    let mut yesterday = world.item(EXCHANGE, &content);
    yesterday["contentCreated"] = json!((world.now() - Duration::from_secs(24 * 3600)).to_string());
    assert_eq!(
        world
            .notify(EXCHANGE, &auth, json!([yesterday]).to_string())
            .await,
        200
    );
    // The first attempt writes its events but fails before it can record that.
    world
        .flaky_dynamodb
        .next_matching("UpdateItem", "records_written", Trouble::Throttled, 20);
    world.work().await?;
    world.flaky_dynamodb.clear();
    world.empty_the_queue().await?;
    world.pass(Duration::from_secs(3600));
    world.sweep().await?;
    world.work_until_delivered().await?;
    let today = json!([world.item(EXCHANGE, &content)]);
    assert_eq!(world.notify(EXCHANGE, &auth, today.to_string()).await, 200);
    world.work_until_empty().await?;
    assert_eq!(world.blob(&content).await?["state"], "DONE");
    assert_eq!(world.audit()?, (1, 0, 0));
    Ok(())
}

#[tokio::test]
async fn a_deleted_raw_copy_is_fetched_again() -> Outcome<()> {
    let world = World::start(exchange()).await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    // The first attempts end after they have recorded the raw copies.
    world
        .flaky_dynamodb
        .next("PutItem", Trouble::Throttled, 10_000);
    world.work().await?;
    world.flaky_dynamodb.clear();
    std::fs::remove_dir_all(world.lake().join("raw"))?;
    world.work_until_delivered().await?;
    world.assert_delivered()
}

/// A worker is stopped with whatever it has not finished: the blob must be taken up again, and say what kept it.
#[tokio::test]
async fn a_blob_slower_than_its_worker_says_so_and_arrives() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let published = emulator::ContentType::Exchange;
    let records = vec![world.record(1)];
    world.emulator.publish(world.tenant(), published, records);
    let of_blobs = |kind| Fault {
        operation: Some(Operation::Blob),
        ..Fault::from(kind)
    };
    world
        .emulator
        .fault(of_blobs(FaultKind::Html { status: 503 }));
    world.all_announced().await?;
    world.work().await?;
    world.emulator.clear_faults();
    let milliseconds = 60_000;
    world
        .emulator
        .fault(of_blobs(FaultKind::Delay { milliseconds }));
    world.pass(Duration::from_secs(600));
    // Two seconds of it are kept for the answer.
    world.try_within(Duration::from_secs(4)).await?;
    let path = format!("/v1/tenants/{}", world.tenant());
    let (_, shown) = world.operate(Method::GET, &path, Value::Null).await;
    let oldest = &shown["open_blobs"]["oldest"];
    let cause = oldest["cause"].as_str().unwrap_or_default();
    assert!(
        cause.contains("not finished within the worker's time"),
        "{shown}"
    );
    assert_eq!(oldest["attempts"], 2);
    world.emulator.clear_faults();
    world.try_again(1, Duration::from_secs(600)).await?;
    world.assert_delivered()
}

#[tokio::test]
async fn another_compression_writes_no_blob_twice() -> Outcome<()> {
    let mut world = World::start(exchange()).await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    // The first attempts write their events but fail before they can record that.
    world
        .flaky_dynamodb
        .next_matching("UpdateItem", "records_written", Trouble::Throttled, 10_000);
    world.work().await?;
    world.flaky_dynamodb.clear();
    world.redeploy_fetcher(EventSettings {
        codec: Codec::Zstd,
        ..EventSettings::default()
    })?;
    world.work_until_delivered().await?;
    world.work_until_empty().await?;
    world.assert_delivered()
}

#[tokio::test]
async fn trouble_of_the_ledger_kills_no_blob() -> Outcome<()> {
    // What fails is the claim, and the last step.
    for (operation, part) in [("PutItem", ""), ("UpdateItem", "records_written")] {
        let world = World::start(emulator::Config {
            blobs_per_tenant: 1,
            ..exchange()
        })
        .await?;
        world.register(&[EXCHANGE]).await?;
        world.all_announced().await?;
        world
            .flaky_dynamodb
            .next_matching(operation, part, Trouble::Throttled, 10_000);
        // As many workers that died would end it.
        world.try_again(11, Duration::from_secs(40 * 60)).await?;
        world.flaky_dynamodb.clear();
        world.try_again(1, Duration::from_secs(40 * 60)).await?;
        assert_eq!(world.losses().await?, [], "{operation}");
        world.assert_delivered()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_raw_copy_with_other_bytes_is_fetched_again() -> Outcome<()> {
    let world = World::start(exchange()).await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    // The first attempts end after they have recorded the raw copies.
    world
        .flaky_dynamodb
        .next("PutItem", Trouble::Throttled, 10_000);
    world.work().await?;
    world.flaky_dynamodb.clear();
    for path in tests::lake::files(&world.lake().join("raw"))? {
        let mut other = GzEncoder::new(Vec::new(), Compression::fast());
        other.write_all(b"[]")?;
        std::fs::write(path, other.finish()?)?;
    }
    world.try_again(1, Duration::from_secs(40 * 60)).await?;
    world.assert_delivered()
}

#[tokio::test]
async fn an_ending_whose_answer_is_lost_is_one_ending() -> Outcome<()> {
    let world = World::start(exchange()).await?;
    world.emulator.fault(Fault {
        operation: Some(Operation::Blob),
        ..Fault::from(FaultKind::Error {
            status: 404,
            code: "AF20050".to_owned(),
            message: "The specified content does not exist.".to_owned(),
        })
    });
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.try_again(8, Duration::from_secs(40 * 60)).await?;
    world
        .flaky_dynamodb
        .next("TransactWriteItems", Trouble::AnswerLost, 20);
    world.try_again(1, Duration::from_secs(40 * 60)).await?;
    assert_eq!(world.flaky_dynamodb.ahead(), 0);
    assert_eq!(world.losses().await?.len(), 20);
    let tenant = world.tenant().to_string().parse()?;
    let open = world.ledger.open_blobs(tenant, Timestamp::MAX, 100).await?;
    assert_eq!(open, []);
    Ok(())
}

#[tokio::test]
async fn a_blob_that_workers_die_of_is_given_up_as_poison() -> Outcome<()> {
    for (deaths, is_poison) in [(9, false), (10, true)] {
        let world = World::start(emulator::Config {
            blobs_per_tenant: 1,
            ..exchange()
        })
        .await?;
        world.register(&[EXCHANGE]).await?;
        world.all_announced().await?;
        world.pass(Duration::from_secs(60));
        world.sweep().await?;
        world.empty_the_queue().await?;
        let tenant = world.tenant().to_string().parse()?;
        let open = world.ledger.open_blobs(tenant, Timestamp::MAX, 1).await?;
        for death in 0..deaths {
            let now = world.now();
            let lease = Lease {
                owner: format!("worker {death}"),
                until: now + Duration::from_secs(60),
            };
            let blob = &open[0].blob;
            let leased = world.ledger.lease(blob, DiscoveredBy::Retry, &lease, now);
            assert!(matches!(leased.await?, LeaseOutcome::Granted(_)));
            world.pass(Duration::from_secs(120));
        }
        world.try_again(1, Duration::from_secs(120)).await?;
        let losses = world.losses().await?;
        if is_poison {
            let found: Vec<_> = losses
                .iter()
                .map(|of| (of.kind, of.evidence_count))
                .collect();
            assert_eq!(found, [(LossKind::Poison, 10)]);
            assert_eq!(world.audit()?.0, 0);
        } else {
            assert_eq!(losses, []);
            world.assert_delivered()?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn processes_share_the_requests_of_a_minute() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let (ledger, now) = (&world.ledger, world.now());
    let [one, other]: [TenantId; 2] =
        [Uuid::from_u128(1), Uuid::from_u128(2)].map(|id| id.to_string().parse().unwrap());
    let portion = REQUESTS_PER_MINUTE / 4;
    let take =
        |tenant, requests, now| ledger.take_requests(tenant, (requests, REQUESTS_PER_MINUTE), now);
    for _ in 0..4 {
        assert!(take(one, portion, now).await?);
    }
    assert!(!take(one, 1, now).await?, "all are taken");
    assert!(take(other, portion, now).await?);
    let next = now + Duration::from_secs(60);
    assert!(take(one, REQUESTS_PER_MINUTE, next).await?);
    // A request that was counted may not have been made, but none is made that was not counted.
    world
        .flaky_dynamodb
        .next("UpdateItem", Trouble::AnswerLost, 1);
    let later = next + Duration::from_secs(60);
    assert!(take(one, portion, later).await?);
    assert!(!take(one, 3 * portion, later).await?);
    Ok(())
}
