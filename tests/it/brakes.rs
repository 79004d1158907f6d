//! A tenant that is served again: everything that waited comes at once.

use std::sync::Arc;
use std::time::Duration;

use emulator::{Fault, FaultKind, Operation};
use jiff::Timestamp;
use office365::Grant;
use pipeline::content::DiscoveredBy;
use pipeline::ledger::blob::Lease;
use pipeline::ledger::budget::{FETCHES_PER_MINUTE, REQUESTS_PER_MINUTE};
use pipeline::ledger::registry::brake::BrakeReason;
use pipeline::microsoft::budget;
use tests::Outcome;
use tests::flaky::Trouble;
use tests::world::{EXCHANGE, World, exchange, quiet};

const BLOBS: u32 = 3;

/// A tenant with three blobs in the queue.
async fn world() -> Outcome<World> {
    let world = World::start(emulator::Config {
        notify: false,
        ..quiet()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    for number in 0..BLOBS {
        let records = vec![world.record(number)];
        let of = emulator::ContentType::Exchange;
        world.emulator.publish(world.tenant(), of, records);
    }
    world.sweep().await?;
    assert_eq!(world.queued().await?, BLOBS as usize);
    Ok(world)
}

#[tokio::test]
async fn a_worker_that_still_knows_the_brake_parks_nothing() -> Outcome<()> {
    let world = world().await?;
    let (tenant, why) = (world.tenant().to_string().parse()?, "no consent");
    let wait = Duration::from_secs(600);
    let reason = BrakeReason::Consent;
    world
        .ledger
        .put_brake(tenant, reason, why, wait, world.now())
        .await?;
    // SQS hands over as many as it likes.
    while world.queued().await? > 0 {
        world.work().await?;
    }
    assert_eq!(world.audit()?.0, 0, "all wait");
    // Another process takes the brake off, and enqueues them while this one still remembers it.
    world.register(&[EXCHANGE]).await?;
    assert_eq!(world.queued().await?, BLOBS as usize);
    world.work_until_empty().await?;
    assert_eq!(world.audit()?, (BLOBS as usize, 0, 0));
    Ok(())
}

#[tokio::test]
async fn a_blob_parked_before_its_note_has_no_message() -> Outcome<()> {
    let world = world().await?;
    let tenant = world.tenant().to_string().parse()?;
    let (enqueued_at, hour) = (world.now(), Duration::from_secs(3600));
    let open = world
        .ledger
        .open_blobs(tenant, Timestamp::MAX, 1)
        .await?
        .remove(0);
    // A worker takes the message and parks the blob before whoever sent it writes that down.
    world.pass(Duration::from_millis(5));
    let (parked_at, due_at) = (world.now(), world.now() + hour);
    assert!(world.ledger.park(&open.blob, due_at, parked_at).await?);
    let ledger = &world.ledger;
    ledger
        .note_enqueued(&open.blob, due_at, enqueued_at)
        .await?;
    let known = async || -> Outcome<_> {
        let open_now = ledger.open_blobs(tenant, Timestamp::MAX, 100).await?;
        let same = open_now.into_iter().find(|found| found.blob == open.blob);
        Ok(same.and_then(|found| found.enqueued_at))
    };
    assert_eq!(known().await?, None);
    world.pass(Duration::from_millis(5));
    ledger
        .note_enqueued(&open.blob, due_at, world.now())
        .await?;
    assert!(known().await?.is_some());
    Ok(())
}

#[tokio::test]
async fn the_end_of_a_brake_doubles_no_message() -> Outcome<()> {
    let world = World::start(exchange()).await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.sweep().await?;
    let before = world.queued().await?;
    let tenant = world.tenant().to_string().parse()?;
    let reason = BrakeReason::Throttled;
    world
        .ledger
        .put_brake(tenant, reason, "slower", Duration::ZERO, world.now())
        .await?;
    world.pass(Duration::from_secs(3));
    // One of these is the probe; the others wait, or come after it.
    let (taken, _) = world.work().await?;
    let after = world.queued().await?;
    assert!(taken > 0 && after < before, "{before} - {taken}: {after}");
    world.work_until_empty().await?;
    world.assert_delivered()
}

#[tokio::test]
async fn a_backlog_leaves_requests_for_the_sweep() -> Outcome<()> {
    let world = world().await?;
    let (tenant, now) = (world.tenant().to_string().parse()?, world.now());
    let of = |most| {
        let clock: office365::Clock = Arc::new(move || now);
        budget::shared(world.ledger.clone(), most, clock)
    };
    // Ten fetchers take what they get.
    let mut taken = 0;
    for fetcher in [(); 10].map(|()| of(FETCHES_PER_MINUTE)) {
        while let Grant::Requests { requests, .. } = fetcher(tenant).await? {
            taken += requests;
        }
    }
    assert_eq!(taken, FETCHES_PER_MINUTE);
    let sweep = of(REQUESTS_PER_MINUTE);
    for _ in 0..2 {
        let granted = sweep(tenant).await?;
        assert!(matches!(granted, Grant::Requests { .. }), "{granted:?}");
    }
    Ok(())
}

#[tokio::test]
async fn probes_stay_close_while_a_trouble_may_be_short() -> Outcome<()> {
    let world = world().await?;
    let (ledger, tenant) = (&world.ledger, world.tenant().to_string().parse()?);
    let (reason, none) = (BrakeReason::Credential, Duration::ZERO);
    let mut brake = ledger
        .put_brake(tenant, reason, "no token", none, world.now())
        .await?
        .ok_or("not registered")?;
    for probe in 1..40 {
        let now = brake.next_probe_at;
        assert!(ledger.take_probe(tenant, &brake, now).await?);
        let known = ledger.tenant(tenant).await?.and_then(|of| of.brake);
        brake = known.ok_or("the brake is off")?;
        let gap = brake.next_probe_at.duration_since(now).as_secs();
        let longest = if probe < 18 { 30 } else { 900 };
        assert!(gap <= longest, "{probe}: {gap} s");
    }
    Ok(())
}

#[tokio::test]
async fn a_tenants_trouble_is_no_attempt_at_its_blobs() -> Outcome<()> {
    let world = world().await?;
    world.emulator.fault(Fault {
        operation: Some(Operation::Blob),
        ..Fault::from(FaultKind::Throttle {
            status: Some(429),
            retry_after_seconds: None,
        })
    });
    world.try_again(6, Duration::from_secs(20 * 60)).await?;
    let tenant = world.tenant().to_string().parse()?;
    assert!(world.emulator.request_count(Operation::Blob) > 1);
    let open = world.ledger.open_blobs(tenant, Timestamp::MAX, 100).await?;
    let attempts: Vec<u32> = open.iter().map(|open| open.attempts).collect();
    assert_eq!(attempts, [0; BLOBS as usize]);
    Ok(())
}

#[tokio::test]
async fn a_blob_that_waits_for_its_turn_makes_no_attempt() -> Outcome<()> {
    let world = world().await?;
    world.empty_the_queue().await?;
    let tenant = world.tenant().to_string().parse()?;
    let open = world.ledger.open_blobs(tenant, Timestamp::MAX, 100).await?;
    for death in 0..3 {
        for open in &open {
            let lease = Lease {
                owner: format!("worker {death}"),
                until: world.now() + Duration::from_secs(60),
            };
            let (via, now) = (DiscoveredBy::Retry, world.now());
            world.ledger.lease(&open.blob, via, &lease, now).await?;
        }
        world.pass(Duration::from_secs(120));
    }
    // They all ask for the process at once.
    world.try_again(1, Duration::from_secs(1)).await?;
    world.pass(Duration::from_secs(60));
    world.work_until_empty().await?;
    assert_eq!(world.audit()?, (BLOBS as usize, 0, 0));
    for open in &open {
        let item = world.blob(open.blob.content_id.as_str()).await?;
        assert_eq!(item["attempts"], "4");
    }
    Ok(())
}

#[tokio::test]
async fn a_blob_from_the_lake_says_nothing_of_a_brake() -> Outcome<()> {
    for wait in [600, 1] {
        let world = World::start(quiet()).await?;
        world.register(&[EXCHANGE]).await?;
        let of = emulator::ContentType::Exchange;
        let record = vec![world.record(1)];
        world.emulator.publish(world.tenant(), of, record);
        world.all_announced().await?;
        // The attempt ends after it has recorded the raw copy.
        world
            .flaky_dynamodb
            .next("PutItem", Trouble::Throttled, 10_000);
        world.work().await?;
        world.flaky_dynamodb.clear();
        world.empty_the_queue().await?;
        world.pass(Duration::from_secs(100));
        let tenant = world.tenant().to_string().parse()?;
        let (reason, wait) = (BrakeReason::Consent, Duration::from_secs(wait));
        let ledger = &world.ledger;
        let brake = ledger
            .put_brake(tenant, reason, "no consent", wait, world.now())
            .await?;
        assert!(brake.is_some());
        world.try_again(1, Duration::from_secs(10)).await?;
        assert_eq!(world.audit()?, (1, 0, 0));
        let after = ledger.tenant(tenant).await?.and_then(|of| of.brake);
        assert_eq!(after, brake, "neither taken off nor probed");
    }
    Ok(())
}

#[tokio::test]
async fn a_wait_is_kept_whatever_failed_before_it() -> Outcome<()> {
    let (world, wait) = (world().await?, Duration::from_secs(600));
    let fails = |operation, kind| Fault {
        operation: Some(operation),
        ..Fault::from(kind)
    };
    let refused = FaultKind::Error {
        status: 404,
        code: "AF20050".to_owned(),
        message: String::new(),
    };
    let throttled = FaultKind::Throttle {
        status: Some(429),
        retry_after_seconds: Some(600),
    };
    world.emulator.fault(fails(Operation::List, refused));
    world.emulator.fault(fails(Operation::Content, throttled));
    world.pass(Duration::from_secs(3_600));
    let report = world.sweep().await?;
    assert_eq!((report.failed, report.braked), (1, 1), "{report:?}");
    let tenant = world.ledger.tenant(world.tenant().to_string().parse()?);
    let brake = tenant.await?.and_then(|of| of.brake);
    let brake = brake.ok_or("no brake")?;
    assert_eq!(brake.reason, BrakeReason::Throttled);
    assert!(brake.next_probe_at >= brake.since + wait, "{brake:?}");
    Ok(())
}

#[tokio::test]
async fn a_wait_is_kept_though_the_blob_is_given_up() -> Outcome<()> {
    let (world, wait) = (world().await?, Duration::from_secs(600));
    world.emulator.fault(Fault {
        operation: Some(Operation::Blob),
        ..Fault::from(FaultKind::Throttle {
            status: Some(429),
            retry_after_seconds: Some(600),
        })
    });
    world.pass(Duration::from_secs(9 * 24 * 3_600));
    world.work().await?;
    let tenant = world.tenant().to_string().parse()?;
    assert!(
        !world
            .ledger
            .losses(tenant, None, 10)
            .await?
            .losses
            .is_empty()
    );
    let brake = world.ledger.tenant(tenant).await?.and_then(|of| of.brake);
    let brake = brake.ok_or("no brake")?;
    assert!(brake.next_probe_at >= brake.since + wait, "{brake:?}");
    Ok(())
}

#[tokio::test]
async fn a_brake_takes_the_latest_reason_and_the_longest_wait() -> Outcome<()> {
    let world = world().await?;
    let (ledger, tenant) = (&world.ledger, world.tenant().to_string().parse()?);
    let put = async |reason, seconds, now| -> Outcome<_> {
        let wait = Duration::from_secs(seconds);
        let put = ledger.put_brake(tenant, reason, "why", wait, now).await?;
        let brake = put.ok_or("not registered")?;
        let known = ledger.tenant(tenant).await?.and_then(|of| of.brake);
        assert_eq!(known.as_ref(), Some(&brake));
        Ok((brake.reason, brake.since, brake.next_probe_at))
    };
    let (throttled, consent) = (BrakeReason::Throttled, BrakeReason::Consent);
    let first = world.now();
    let (_, since, _) = put(throttled, 0, first).await?;
    let second = first + Duration::from_secs(5);
    let until = second + Duration::from_secs(600);
    assert_eq!(
        put(throttled, 600, second).await?,
        (throttled, since, until)
    );
    assert_eq!(put(throttled, 60, second).await?, (throttled, since, until));
    assert_eq!(put(consent, 0, second).await?, (consent, since, until));
    Ok(())
}
