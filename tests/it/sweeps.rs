//! Sweeps of many tenants: each comes when it is due, and one tenant's trouble is that tenant's.

mod listing;

use std::time::Duration;

use emulator::{Consent, ContentType as Published, Fault, FaultKind, Operation};
use http::Method;
use jiff::Timestamp;
use office365::TenantId;
use pipeline::aws::batch::Delivery;
use pipeline::reconcile::Report;
use serde_json::json;
use tests::Outcome;
use tests::world::{EXCHANGE, World, exchange, quiet};
use uuid::Uuid;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Microsoft says that the subscription does not run: nothing to be gained by asking again at once.
fn listing_fails() -> Fault {
    Fault {
        operation: Some(Operation::Content),
        ..Fault::from(FaultKind::Error {
            status: 400,
            code: "AF20023".to_owned(),
            message: "The subscription was disabled.".to_owned(),
        })
    }
}

/// An emulator that announces nothing, and publishes what the test publishes.
fn silent() -> emulator::Config {
    emulator::Config {
        notify: false,
        ..quiet()
    }
}

fn publish(world: &World, number: u32) -> String {
    let records = vec![world.record(number)];
    world
        .emulator
        .publish(world.tenant(), Published::Exchange, records)
}

fn id(tenant: Uuid) -> TenantId {
    tenant.to_string().parse().unwrap()
}

async fn register_all(world: &World) -> Outcome<Vec<Uuid>> {
    let tenants = world.emulator.tenants();
    for tenant in &tenants {
        let body = json!({"tenant_id": tenant, "content_types": ["Audit.Exchange"]});
        let (status, answer) = world.operate(Method::POST, "/v1/tenants", body).await;
        assert!(status.is_success(), "{answer}");
    }
    Ok(tenants)
}

async fn watermark(world: &World) -> Outcome<Option<Timestamp>> {
    let state = world.swept().await?;
    Ok(state.types.get(&EXCHANGE).and_then(|of| of.watermark))
}

#[tokio::test]
async fn one_of_several_tenants_failing_is_told_and_alone() -> Outcome<()> {
    let world = World::start(emulator::Config {
        tenants: 4,
        notify: false,
        blobs_per_tenant: 3,
        ..exchange()
    })
    .await?;
    let tenants = register_all(&world).await?;
    world.all_announced().await?;
    world.emulator.fault(Fault {
        tenant: Some(tenants[0]),
        ..listing_fails()
    });
    world.pass(MINUTE);
    let report = world.sweep().await?;
    let found = (report.tenants, report.failed, report.unknown);
    assert_eq!(found, (3, 1, 9), "{report:?}");
    let state = world.swept().await?;
    assert_eq!((state.failures, state.done_at), (1, None));
    assert!(state.last_error.unwrap_or_default().contains("AF20023"));
    let told = world.dispatch().await?;
    assert_eq!((told.tenants, told.failing, told.not_swept), (4, 1, 0));
    // Gaps grow with the failures: 1, 2, 5 and 15 minutes.
    for (gap, failures) in [(1, 2), (2, 3), (5, 4), (15, 5)] {
        world.pass(gap * MINUTE - Duration::from_secs(30));
        world.sweep_due().await?;
        assert_eq!(world.swept().await?.failures, failures - 1, "too early");
        world.pass(Duration::from_secs(30));
        world.sweep_due().await?;
        assert_eq!(world.swept().await?.failures, failures);
    }
    world.pass(23 * MINUTE);
    let told = world.dispatch().await?;
    // The others are due as well, and overdue by less.
    assert_eq!((told.failing, told.not_swept), (1, 1), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_hangs_does_not_delay_the_others() -> Outcome<()> {
    let world = World::start(emulator::Config {
        tenants: 3,
        ..silent()
    })
    .await?;
    let tenants = register_all(&world).await?;
    world.emulator.fault(Fault {
        tenant: Some(tenants[1]),
        operation: Some(Operation::Content),
        ..Fault::from(FaultKind::Delay {
            milliseconds: 600_000,
        })
    });
    world.dispatch().await?;
    let messages = world.sweep_messages().await?;
    let bodies = messages.iter().map(serde_json::to_string);
    let bodies: Vec<String> = bodies.collect::<Result<_, _>>()?;
    let deliveries = bodies.into_iter().map(|body| Delivery {
        message_id: body.clone(),
        body,
    });
    let report = world.sweep_batch(deliveries.collect()).await;
    assert_eq!((report.tenants, report.failed), (2, 1), "{report:?}");
    let state = world.ledger.sweep_state(id(tenants[1])).await?.unwrap();
    let error = state.last_error.unwrap_or_default();
    assert!(error.contains("nothing moved"), "{error}");
    assert_eq!(state.lease, None, "its place is free again");
    Ok(())
}

#[tokio::test]
async fn items_that_cannot_be_read_stop_nobody_else() -> Outcome<()> {
    let world = World::start(emulator::Config {
        tenants: 3,
        ..silent()
    })
    .await?;
    let tenants = register_all(&world).await?;
    let damage = async |kind: &str, tenant: Uuid| {
        let sk = tenant.to_string();
        let pk = format!("{kind}#{}", &sk[..1]);
        let item = [("pk", pk.as_str()), ("sk", sk.as_str()), ("types", "[")];
        world.put_item(&item).await
    };
    damage("sweeps", tenants[0]).await?;
    damage("tenants", tenants[1]).await?;
    let told = world.dispatch().await?;
    assert_eq!((told.dispatched, told.unreadable), (3, 1), "{told:?}");
    let mut report = Report::default();
    world.pass(MINUTE);
    world.dispatch().await?;
    for message in world.sweep_messages().await? {
        report.add(world.sweep_for(&message).await?);
    }
    // How far a tenant was swept is found out again; a tenant that cannot be read is told.
    assert_eq!((report.tenants, report.failed), (2, 1), "{report:?}");
    assert!(watermark(&world).await?.is_some());
    let state = world.ledger.sweep_state(id(tenants[1])).await?.unwrap();
    let error = state.last_error.unwrap_or_default();
    assert!(error.contains("no usable"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_leaving_tenant_that_is_gone_is_removed() -> Outcome<()> {
    let world = World::start(silent()).await?;
    world.register(&[EXCHANGE]).await?;
    world.ledger.mark_leaving(id(world.tenant())).await?;
    world.emulator.fault(Fault {
        operation: Some(Operation::Token),
        ..Fault::from(FaultKind::Error {
            status: 400,
            code: "AADSTS90002".to_owned(),
            message: "Tenant not found.".to_owned(),
        })
    });
    let report = world.sweep().await?;
    assert_eq!((report.tenants, report.failed), (1, 0), "{report:?}");
    assert_eq!(world.ledger.tenant(id(world.tenant())).await?, None);
    assert_eq!(world.dispatch().await?.tenants, 0);
    Ok(())
}

#[tokio::test]
async fn a_removal_that_fails_comes_with_growing_gaps() -> Outcome<()> {
    let world = World::start(silent()).await?;
    world.register(&[EXCHANGE]).await?;
    world.ledger.mark_leaving(id(world.tenant())).await?;
    world.emulator.fault(Fault {
        operation: Some(Operation::Token),
        ..Fault::from(FaultKind::Error {
            status: 401,
            code: "AADSTS7000215".to_owned(),
            message: "Invalid client secret provided.".to_owned(),
        })
    });
    // Longer than a token lives.
    world.pass(3 * HOUR);
    for failures in 1..=5 {
        let report = world.sweep().await?;
        assert_eq!((report.failed, report.braked), (1, 1), "{report:?}");
        assert_eq!(world.swept().await?.failures, failures);
        world.pass(MINUTE);
    }
    let state = world.swept().await?;
    let begun = state.begun_at.ok_or("no sweep began")?;
    assert_eq!(state.due_at.duration_since(begun).as_mins(), 15);
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_came_back_keeps_its_sweeps() -> Outcome<()> {
    let world = World::start(silent()).await?;
    world.register(&[EXCHANGE]).await?;
    let tenant = id(world.tenant());
    // Whoever saw that it was gone is late.
    world.ledger.forget_sweep(tenant).await?;
    assert_eq!(world.dispatch().await?.tenants, 1);
    world.ledger.mark_leaving(tenant).await?;
    assert!(world.ledger.remove_tenant(tenant).await?);
    assert_eq!(world.dispatch().await?.tenants, 0);
    Ok(())
}

#[tokio::test]
async fn two_sweepers_at_once_do_it_once() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.pass(MINUTE);
    world.dispatch().await?;
    let message = world.sweep_messages().await?.remove(0);
    let (one, other) = tokio::join!(world.sweep_for(&message), world.sweep_for(&message));
    let mut both = one?;
    both.add(other?);
    assert_eq!((both.tenants, both.idle, both.unknown), (1, 1, 20));
    // Nor does a message do anything that comes after the sweep.
    let requests = world.emulator.request_count(Operation::Content);
    assert_eq!(world.sweep_for(&message).await?.idle, 1);
    assert_eq!(world.emulator.request_count(Operation::Content), requests);
    assert_eq!(world.queued().await?, 20);
    Ok(())
}

#[tokio::test]
async fn a_braked_tenant_is_served_as_soon_as_it_can_be() -> Outcome<()> {
    let world = World::start(silent()).await?;
    world.register(&[EXCHANGE]).await?;
    world.sweep().await?;
    let set_consent = |consent| {
        let state = emulator::TenantState {
            consent: Some(consent),
            ..emulator::TenantState::default()
        };
        world.emulator.set_tenant(world.tenant(), &state);
    };
    set_consent(Consent::Missing);
    publish(&world, 1);
    // Longer than the token of the last sweep lives.
    world.pass(3 * HOUR);
    let report = world.sweep().await?;
    assert_eq!((report.failed, report.braked), (1, 1), "{report:?}");
    let brake = async || world.ledger.tenant(id(world.tenant())).await;
    let first = brake().await?.unwrap().brake.unwrap();
    assert_eq!(first.reason.as_str(), "consent");
    assert_eq!(world.swept().await?.due_at, first.next_probe_at);
    // Not before the next probe is anybody asked.
    let requests = world.emulator.request_count(Operation::Token);
    let report = world.sweep().await?;
    assert_eq!((report.failed, report.braked), (0, 1), "{report:?}");
    assert_eq!(world.emulator.request_count(Operation::Token), requests);

    set_consent(Consent::Granted);
    world.pass(16 * MINUTE);
    let report = world.sweep_due().await?;
    assert_eq!((report.tenants, report.unknown), (1, 1), "{report:?}");
    assert_eq!(brake().await?.unwrap().brake, None);
    world.work_until_empty().await?;
    assert_eq!(world.audit()?, (1, 0, 0));
    Ok(())
}

#[tokio::test]
async fn quiet_tenants_and_good_webhooks_are_swept_less_often() -> Outcome<()> {
    let world = World::start(silent()).await?;
    world.register(&[EXCHANGE]).await?;
    let gap = async || -> Outcome<i64> {
        let state = world.swept().await?;
        let begun = state.begun_at.ok_or("no sweep began")?;
        Ok(state.due_at.duration_since(begun).as_mins())
    };
    world.sweep().await?;
    assert_eq!(gap().await?, 15);
    publish(&world, 1);
    world.pass(MINUTE);
    assert_eq!(world.sweep().await?.unknown, 1);
    assert_eq!(gap().await?, 5, "its webhook missed something");
    assert_eq!(world.sweep().await?.unknown, 0);
    assert_eq!(gap().await?, 15);
    Ok(())
}

#[tokio::test]
async fn a_sweep_queue_that_is_full_gets_no_more() -> Outcome<()> {
    let world = World::start(emulator::Config {
        tenants: 12,
        ..silent()
    })
    .await?;
    register_all(&world).await?;
    for _ in 0..5 {
        world.pass(MINUTE);
        assert_eq!(world.dispatch().await?.due, 12);
    }
    let messages = world.sweep_messages().await?;
    assert!(messages.len() <= 24, "{}", messages.len());
    Ok(())
}

#[tokio::test]
async fn a_paused_tenant_is_let_be_and_not_behind() -> Outcome<()> {
    let world = World::start(silent()).await?;
    world.register(&[EXCHANGE]).await?;
    let path = format!("/v1/tenants/{}", world.tenant());
    let body = json!({"paused": true});
    let (status, answer) = world.operate(Method::PATCH, &path, body).await;
    assert!(status.is_success(), "{answer}");
    let requests = world.emulator.request_count(Operation::Content);
    for _ in 0..4 {
        world.pass(15 * MINUTE);
        world.sweep_due().await?;
    }
    assert_eq!(world.emulator.request_count(Operation::Content), requests);
    let told = world.dispatch().await?;
    assert_eq!((told.failing, told.not_swept), (0, 0), "{told:?}");
    Ok(())
}
