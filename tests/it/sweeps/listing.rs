//! What a sweep lists, finds and writes down.

use std::time::Duration;

use emulator::{Behaviour, Fault, FaultKind, Operation};
use http::Method;
use office365::ContentType;
use pipeline::certificate::{self, Standing};
use pipeline::clock::Hour;
use pipeline::ledger::loss::LossKind;
use pipeline::ledger::sweep::{Pass, SweepState, TypeSweep};
use pipeline::reconcile::{LOOK_BACK, OVERLAP};
use serde_json::json;
use tests::Outcome;
use tests::world::{EXCHANGE, World, exchange};

use super::{DAY, HOUR, MINUTE, id, listing_fails, publish, silent, watermark};

/// Writes down how far the first tenant is swept, as a sweep does.
async fn note(world: &World, of: TypeSweep) -> Outcome<()> {
    let (tenant, now) = (id(world.tenant()), world.now());
    let until = now + MINUTE;
    let taken = world.ledger.take_sweep(tenant, "test", now, (now, until));
    assert!(taken.await?.is_some());
    let state = SweepState {
        due_at: now,
        types: [(EXCHANGE, of)].into(),
        ..SweepState::default()
    };
    assert!(world.ledger.note_sweep(tenant, "test", &state).await?);
    Ok(())
}

#[tokio::test]
async fn days_without_listing_are_a_loss_with_their_period() -> Outcome<()> {
    let world = World::start(silent()).await?;
    world.register(&[EXCHANGE]).await?;
    world.sweep().await?;
    let before = watermark(&world).await?.unwrap();
    world.emulator.fault(listing_fails());
    for day in 0..8 {
        world.pass(DAY);
        publish(&world, day);
        let report = world.sweep().await?;
        assert_eq!((report.failed, report.gaps), (1, 0), "{report:?}");
    }
    assert_eq!(watermark(&world).await?, Some(before));
    assert_eq!(world.losses().await?, []);

    world.emulator.clear_faults();
    let earliest = world.now() - LOOK_BACK;
    let report = world.sweep().await?;
    let latest = world.now() - LOOK_BACK;
    assert_eq!((report.failed, report.gaps), (0, 1), "{report:?}");
    let losses = world.losses().await?;
    let found: Vec<_> = losses
        .iter()
        .map(|loss| (loss.kind, loss.content_type, loss.from))
        .collect();
    // From where a sweep in time would have begun to list, to where this one did.
    let from = Hour::of(before - OVERLAP).start();
    assert_eq!(found, [(LossKind::Gap, EXCHANGE, from)]);
    assert!((earliest..=latest).contains(&losses[0].to), "{losses:?}");
    assert!(losses[0].reason.contains("AF20023"), "{losses:?}");
    let state = world.swept().await?;
    assert_eq!((state.failures, state.last_error), (0, None));

    // What Microsoft still lists is delivered, and the gap is told once.
    world.work_until_empty().await?;
    assert_eq!(world.audit()?.0, 7);
    assert_eq!(world.sweep().await?.gaps, 0);
    assert_eq!(world.losses().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_first_listing_that_comes_late_certifies_no_gap() -> Outcome<()> {
    let world = World::start(silent()).await?;
    let registered = world.now();
    world.emulator.fault(listing_fails());
    world.register(&[EXCHANGE]).await?;
    world.sweep().await?;
    publish(&world, 1);
    world.pass(10 * DAY);
    world.emulator.clear_faults();
    let report = world.sweep().await?;
    assert_eq!((report.failed, report.gaps), (0, 1), "{report:?}");
    let losses = world.losses().await?;
    // To the second.
    let found: Vec<_> = losses.iter().map(|loss| loss.from.as_second()).collect();
    assert_eq!(found, [registered.as_second()]);
    let (from, to) = (registered - DAY, registered + 2 * DAY);
    let rows = certificate::certificates(
        &world.ledger,
        id(world.tenant()),
        &[EXCHANGE],
        (from, to),
        world.now(),
    );
    let rows = rows.await?;
    assert!(rows.len() >= 72, "{}", rows.len());
    assert!(rows.iter().all(|row| row.state == Standing::Open));
    Ok(())
}

#[tokio::test]
async fn a_backlog_is_not_multiplied_by_sweeps() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.pass(MINUTE);
    assert_eq!(world.sweep().await?.unknown, 20);
    for _ in 0..10 {
        world.pass(HOUR);
        let report = world.sweep().await?;
        assert_eq!((report.overdue, report.waiting), (0, 20), "{report:?}");
    }
    assert_eq!(world.queued().await?, 20);
    world.pass(3 * HOUR);
    // A message that nobody took for half a day may be lost after all.
    assert_eq!(world.sweep().await?.overdue, 20);
    assert_eq!(world.queued().await?, 40);
    world.work_until_empty().await?;
    world.assert_delivered()
}

#[tokio::test]
async fn the_week_is_looked_through_window_by_window() -> Outcome<()> {
    let world = World::start(silent()).await?;
    world.register(&[EXCHANGE]).await?;
    let late = publish(&world, 1);
    let now = world.now();
    world.pass(6 * DAY);
    // Everything was listed, and this blob was not among it: it appears late.
    note(
        &world,
        TypeSweep {
            watermark: Some(world.now()),
            begun_at: Some(now - DAY),
            begun_until: Some(now),
            day: Pass {
                position: None,
                done_at: Some(world.now()),
            },
            ..TypeSweep::default()
        },
    )
    .await?;
    let mut positions = Vec::new();
    let mut found = 0;
    for _ in 0..8 {
        world.pass(MINUTE);
        found += world.sweep().await?.unknown;
        let swept = world.swept().await?;
        positions.push(swept.types[&EXCHANGE].week.position);
    }
    assert_eq!(found, 1);
    assert_eq!(world.blob(&late).await?["state"], "PENDING");
    let (last, before) = positions.split_last().unwrap();
    assert!(before.is_sorted(), "{positions:?}");
    assert!(before[0].is_some() && last.is_none(), "{positions:?}");
    let week = world.swept().await?.types[&EXCHANGE].week.clone();
    assert!(week.done_at.is_some());
    assert_eq!(world.emulator.violations(), []);
    Ok(())
}

#[tokio::test]
async fn a_window_too_long_for_a_sweep_is_listed_in_parts() -> Outcome<()> {
    let mut world = World::start(emulator::Config {
        behaviour: Behaviour {
            page_items_max: 1,
            ..Behaviour::default()
        },
        ..silent()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.sweep().await?;
    let before = watermark(&world).await?;
    for number in 0..22 {
        world.pass(HOUR);
        publish(&world, number);
    }
    // Some pages a sweep, of the 22 that the window has.
    world.emulator.fault(Fault {
        operation: Some(Operation::Content),
        ..Fault::from(FaultKind::Delay { milliseconds: 300 })
    });
    world.redeploy_sweeper(Duration::from_secs(3))?;
    for _ in 0..8 {
        if watermark(&world).await? > before {
            break;
        }
        world.sweep().await?;
    }
    assert!(
        watermark(&world).await? > before,
        "{:?}",
        world.swept().await?
    );
    world.emulator.clear_faults();
    world.redeploy_sweeper(MINUTE)?;
    for _ in 0..8 {
        world.sweep().await?;
    }
    let swept = world.swept().await?;
    assert_eq!((swept.failures, swept.types[&EXCHANGE].narrowed), (0, 0));
    assert_eq!(world.queued().await?, 22);
    Ok(())
}

#[tokio::test]
async fn a_page_that_fails_keeps_the_pages_before_it() -> Outcome<()> {
    let world = World::start(emulator::Config {
        behaviour: Behaviour {
            page_items_max: 5,
            ..Behaviour::default()
        },
        ..silent()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.sweep().await?;
    let before = watermark(&world).await?;
    world.pass(MINUTE);
    for number in 0..12 {
        publish(&world, number);
    }
    world.pass(MINUTE);
    world.emulator.fault(Fault {
        after: 2,
        ..listing_fails()
    });
    let report = world.sweep().await?;
    assert_eq!((report.failed, report.unknown), (1, 10), "{report:?}");
    assert_eq!(watermark(&world).await?, before, "only over whole windows");
    world.emulator.clear_faults();
    let report = world.sweep().await?;
    assert_eq!((report.failed, report.unknown), (0, 2), "{report:?}");
    assert!(watermark(&world).await? > before);
    assert_eq!(world.queued().await?, 12, "each once");
    Ok(())
}

#[tokio::test]
async fn sweeps_write_the_certificates_of_days_that_are_final() -> Outcome<()> {
    let world = World::start(silent()).await?;
    world.register(&[EXCHANGE]).await?;
    publish(&world, 1);
    world.pass(MINUTE);
    world.sweep().await?;
    world.work_until_empty().await?;
    for _ in 0..9 {
        world.pass(DAY);
        world.sweep().await?;
    }
    // One day a sweep: they catch up with the first listing's week.
    for _ in 0..9 {
        world.sweep().await?;
    }
    let certified = world.swept().await?.certified_until.unwrap();
    assert!(certified > world.now() - 9 * DAY, "{certified}");
    let written = tests::lake::files(&world.lake().join("certificates"))?;
    assert!(written.len() >= 7, "{written:?}");
    Ok(())
}

#[tokio::test]
async fn a_type_that_comes_back_is_no_gap() -> Outcome<()> {
    let world = World::start(silent()).await?;
    let general = ContentType::AuditGeneral;
    world.register(&[EXCHANGE, general]).await?;
    world.sweep().await?;
    let path = format!("/v1/tenants/{}", world.tenant());
    let want = async |types: &[&str]| {
        let body = json!({"content_types": types});
        let (status, answer) = world.operate(Method::PATCH, &path, body).await;
        assert!(status.is_success(), "{answer}");
    };
    want(&["Audit.Exchange"]).await;
    for _ in 0..8 {
        world.pass(DAY);
        world.sweep().await?;
    }
    assert!(world.swept().await?.types[&general].stopped);
    want(&["Audit.Exchange", "Audit.General"]).await;
    let report = world.sweep().await?;
    assert_eq!((report.failed, report.gaps), (0, 0), "{report:?}");
    assert!(!world.swept().await?.types[&general].stopped);
    assert_eq!(world.losses().await?, []);
    Ok(())
}

#[tokio::test]
async fn a_restart_right_after_a_sweep_enqueues_everything() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.pass(MINUTE);
    world.sweep().await?;
    world.empty_the_queue().await?;
    assert_eq!(world.resume().await?, 20, "at most a second later");
    assert_eq!(world.queued().await?, 20);
    world.work_until_empty().await?;
    world.assert_delivered()
}
