//! Tenants are added and removed, and their subscriptions kept in the desired state.

use std::time::Duration;

use emulator::{ContentType as Published, Fault, FaultKind, Operation};
use http::Method;
use office365::ContentType;
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{EXCHANGE, World, quiet};
use uuid::Uuid;

const QUARTER: Duration = Duration::from_secs(16 * 60);

#[tokio::test]
async fn every_request_needs_the_api_key() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    for key in [
        None,
        Some(""),
        Some("wrong"),
        Some("an-api-key-for-tests-onlyx"),
    ] {
        let (status, problem) = world
            .operate_raw(Method::GET, "/v1/tenants", key, String::new())
            .await;
        assert_eq!(
            (status.as_u16(), &problem["type"]),
            (401, &json!("/docs/errors#not-authenticated"))
        );
    }
    let (status, all) = world.operate(Method::GET, "/v1/tenants", Value::Null).await;
    assert_eq!(
        (status.as_u16(), all),
        (200, json!({"tenants": [], "next_cursor": null}))
    );
    Ok(())
}

#[tokio::test]
async fn registering_twice_makes_one_tenant_and_one_start() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let body =
        json!({"tenant_id": world.tenant(), "content_types": ["Audit.Exchange", "Audit.General"]});
    let (first, one) = world
        .operate(Method::POST, "/v1/tenants", body.clone())
        .await;
    let (second, two) = world.operate(Method::POST, "/v1/tenants", body).await;
    assert_eq!((first.as_u16(), second.as_u16()), (201, 200));
    assert_eq!(one["created_at"], two["created_at"]);
    assert_eq!(
        world.emulator.starts().len(),
        2,
        "one for each content type"
    );
    let (_, all) = world.operate(Method::GET, "/v1/tenants", Value::Null).await;
    assert_eq!(all["tenants"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.emulator.violations(), []);
    Ok(())
}

#[tokio::test]
async fn a_start_that_was_not_sent_is_made_with_the_next_sweep() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    // The token is refused at the start, and no other can be had.
    let at = |kind, operation, after| Fault {
        operation: Some(operation),
        after,
        ..Fault::from(kind)
    };
    let refused = at(FaultKind::Empty { status: 401 }, Operation::Start, 0);
    world.emulator.fault(refused);
    let no_token = at(FaultKind::Empty { status: 503 }, Operation::Token, 1);
    world.emulator.fault(no_token);
    let registered = world.register(&[EXCHANGE]).await?;
    assert_eq!(registered["subscriptions"][0]["status"], "pending");
    world.emulator.clear_faults();
    world.pass(Duration::from_secs(60));
    world.sweep().await?;
    assert_eq!(world.subscription(EXCHANGE).await["status"], "enabled");
    assert_eq!(world.emulator.violations(), []);
    Ok(())
}

#[tokio::test]
async fn a_tenant_without_consent_is_shown_the_link() -> Outcome<()> {
    let world = World::start(emulator::Config {
        consented: false,
        ..quiet()
    })
    .await?;
    let body = json!({"tenant_id": world.tenant()});
    let (status, problem) = world.operate(Method::POST, "/v1/tenants", body).await;
    assert_eq!(
        (status.as_u16(), &problem["type"]),
        (409, &json!("/docs/errors#consent-required")),
        "{problem}"
    );
    let link = problem["consent_url"].as_str().unwrap_or_default();
    assert!(
        link.contains("/adminconsent?") && link.contains(&world.emulator.client_id().to_string()),
        "{link}"
    );
    let (_, all) = world.operate(Method::GET, "/v1/tenants", Value::Null).await;
    assert_eq!(
        all,
        json!({"tenants": [], "next_cursor": null}),
        "nothing is kept"
    );
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_is_refused() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let body = json!({"tenant_id": Uuid::from_u128(99)});
    let (status, problem) = world.operate(Method::POST, "/v1/tenants", body).await;
    assert!(status.is_client_error(), "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap_or_default()
            .contains("AADSTS90002"),
        "{problem}"
    );
    Ok(())
}

#[tokio::test]
async fn a_removed_tenant_is_stopped_and_deleted() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let path = format!("/v1/tenants/{}", world.tenant());
    let (status, _) = world.operate(Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(world.operate(Method::GET, &path, Value::Null).await.0, 404);
    assert_eq!(
        world.operate(Method::DELETE, &path, Value::Null).await.0,
        404
    );
    assert_eq!(world.emulator.request_count(Operation::Stop), 1);
    world.pass(QUARTER);
    world.sweep().await?;
    assert_eq!(world.emulator.starts().len(), 1, "nothing brings it back");
    Ok(())
}

#[tokio::test]
async fn an_interrupted_removal_is_finished_by_the_reconciler() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    world.emulator.fault(Fault {
        operation: Some(Operation::Stop),
        ..Fault::from(FaultKind::Html { status: 503 })
    });
    let path = format!("/v1/tenants/{}", world.tenant());
    let (status, problem) = world.operate(Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, 502, "{problem}");
    let (_, leaving) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(leaving["state"], "leaving");
    world.emulator.clear_faults();
    world.pass(QUARTER);
    world.sweep().await?;
    assert_eq!(world.operate(Method::GET, &path, Value::Null).await.0, 404);
    assert_eq!(world.emulator.starts().len(), 1);
    Ok(())
}

/// Registers the first tenant again while its first subscription is being stopped, which takes a while.
async fn register_while_it_leaves(world: &World) -> Outcome<()> {
    let has_begun = || {
        world
            .emulator
            .faults()
            .iter()
            .any(|(_, struck)| *struck > 0)
    };
    while !has_begun() {
        tokio::task::yield_now().await;
    }
    let body = json!({"tenant_id": world.tenant()});
    let (status, answer) = world.operate(Method::POST, "/v1/tenants", body).await;
    assert_eq!(status, 200, "{answer}");
    Ok(())
}

/// A world with a tenant of two types, whose first stop takes three seconds.
async fn slow_to_stop() -> Outcome<World> {
    let world = World::start(quiet()).await?;
    world
        .register(&[EXCHANGE, ContentType::AuditGeneral])
        .await?;
    world.emulator.fault(Fault {
        operation: Some(Operation::Stop),
        times: Some(1),
        ..Fault::from(FaultKind::Delay {
            milliseconds: 3_000,
        })
    });
    Ok(world)
}

#[tokio::test]
async fn a_removal_ends_when_the_tenant_comes_back() -> Outcome<()> {
    let world = slow_to_stop().await?;
    let path = format!("/v1/tenants/{}", world.tenant());
    let removed = world.operate(Method::DELETE, &path, Value::Null);
    let ((status, problem), registered) = tokio::join!(removed, register_while_it_leaves(&world));
    registered?;
    assert_eq!(status, 409, "{problem}");
    let stops = world.emulator.request_count(Operation::Stop);
    assert!(stops <= 1, "{stops} stops");
    let (_, shown) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(shown["state"], "active");
    Ok(())
}

#[tokio::test]
async fn a_swept_removal_ends_when_the_tenant_comes_back() -> Outcome<()> {
    let world = slow_to_stop().await?;
    let tenant = world.tenant().to_string().parse()?;
    world.ledger.mark_leaving(tenant).await?;
    let (swept, registered) = tokio::join!(world.sweep(), register_while_it_leaves(&world));
    registered?;
    assert_eq!(swept?.failed, 0);
    let stops = world.emulator.request_count(Operation::Stop);
    assert!(stops <= 1, "{stops} stops");
    let state = world.swept().await?;
    // At once, where a sweep that ended well is due again in minutes.
    let soon = world.now() + Duration::from_secs(60);
    assert!(state.lease.is_none() && state.due_at <= soon, "{state:?}");
    world.pass(QUARTER);
    world.sweep().await?;
    assert_eq!(world.subscription(EXCHANGE).await["status"], "enabled");
    Ok(())
}

#[tokio::test]
async fn a_lost_webhook_is_restored_after_fifteen_minutes() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let vanish = Fault {
        content_type: Some(Published::Exchange),
        operation: Some(Operation::Content),
        times: Some(1),
        ..Fault::from(FaultKind::WebhookVanishes)
    };
    world.emulator.fault(vanish);
    world.sweep().await?;
    let soon = world.sweep().await?;
    assert_eq!(soon.started, 0, "Microsoft asks for 15 minutes");
    assert_eq!(world.subscription(EXCHANGE).await["webhook"], "none");
    world.pass(QUARTER);
    let later = world.sweep().await?;
    assert_eq!(later.started, 1);
    assert_eq!(world.subscription(EXCHANGE).await["webhook"], "enabled");
    assert_eq!(world.emulator.violations(), []);
    Ok(())
}

#[tokio::test]
async fn content_is_swept_without_a_valid_webhook() -> Outcome<()> {
    // Microsoft refuses a plain http webhook with AF20021.
    let world = World::start_strict(emulator::Config {
        content_types: vec![Published::Exchange],
        blobs_per_tenant: 5,
        ..quiet()
    })
    .await?;
    let registered = world.register(&[EXCHANGE]).await?;
    assert_eq!(
        registered["subscriptions"][0]["status"], "pending",
        "{registered}"
    );
    assert!(
        registered["subscriptions"][0]["last_error"]
            .as_str()
            .unwrap_or_default()
            .contains("AF20021"),
        "{registered}"
    );
    world.pass(QUARTER);
    assert_eq!(world.sweep().await?.started, 1, "bare");
    world.all_announced().await?;
    world.pass(Duration::from_secs(60));
    world.sweep().await?;
    world.work_until_empty().await?;
    let published = usize::try_from(world.emulator.published().records)?;
    assert!(published > 0);
    assert_eq!(world.audit()?, (published, 0, 0));
    Ok(())
}

#[tokio::test]
async fn a_type_removed_from_the_registration_is_stopped() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world
        .register(&[EXCHANGE, ContentType::AuditGeneral])
        .await?;
    world.register(&[EXCHANGE]).await?;
    assert_eq!(world.emulator.request_count(Operation::Stop), 1);
    assert_eq!(
        world.subscription(ContentType::AuditGeneral).await,
        Value::Null
    );
    Ok(())
}

#[tokio::test]
async fn a_refused_webhook_is_left_out_of_the_next_start() -> Outcome<()> {
    let config = emulator::Config {
        content_types: vec![Published::Exchange],
        blobs_per_tenant: 5,
        ..quiet()
    };
    let world = World::start_strict(config).await?;
    // Starts fail while the tenant is registered, so the first successful one is the reconciler's.
    let unreachable = Fault {
        operation: Some(Operation::List),
        ..Fault::from(FaultKind::Html { status: 503 })
    };
    world.emulator.fault(unreachable);
    world.register(&[EXCHANGE]).await?;
    world.emulator.clear_faults();
    let first = world.sweep().await;
    assert!(first.is_err() || first?.started == 0, "AF20021");
    let shown = world.subscription(EXCHANGE).await;
    assert!(
        shown["last_error"]
            .as_str()
            .unwrap_or_default()
            .contains("AF20021"),
        "the sweep's own error hides why: {shown}"
    );
    world.pass(QUARTER);
    assert_eq!(world.sweep().await?.started, 1, "bare");
    assert_eq!(world.subscription(EXCHANGE).await["status"], "enabled");
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_swallows_calls_is_left_out_next_time() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let unreachable = Fault {
        operation: Some(Operation::List),
        ..Fault::from(FaultKind::Html { status: 503 })
    };
    world.emulator.fault(unreachable);
    world.register(&[EXCHANGE]).await?;
    world.emulator.clear_faults();
    // Microsoft waits for the webhook, and whoever waits for Microsoft gives up.
    let hangs = Fault {
        operation: Some(Operation::Start),
        ..Fault::from(FaultKind::Delay {
            milliseconds: 600_000,
        })
    };
    world.emulator.fault(hangs);
    let report = world.sweep().await?;
    assert_eq!((report.failed, report.started), (1, 0), "{report:?}");
    let error = world.swept().await?.last_error.unwrap_or_default();
    assert!(error.contains("not looked after within"), "{error}");
    // What there is to list is listed even so.
    let requests = world.emulator.request_count(Operation::Content);
    assert!(requests > 0);
    world.emulator.clear_faults();
    world.pass(QUARTER);
    assert_eq!(world.sweep().await?.started, 1);
    let shown = world.subscription(EXCHANGE).await;
    let found = (&shown["status"], &shown["webhook"]);
    assert_eq!(found, (&json!("enabled"), &json!("none")), "{shown}");
    world.pass(QUARTER);
    assert_eq!(world.sweep().await?.started, 1, "now it gets its webhook");
    assert_eq!(world.subscription(EXCHANGE).await["webhook"], "enabled");
    Ok(())
}

#[tokio::test]
async fn content_of_a_removed_type_is_not_fetched() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world
        .register(&[EXCHANGE, ContentType::AuditGeneral])
        .await?;
    world
        .emulator
        .publish(world.tenant(), Published::General, vec![world.record(1)]);
    world.all_announced().await?;
    world.register(&[EXCHANGE]).await?;
    world.work_until_empty().await?;
    assert_eq!(world.audit()?.0, 0);
    Ok(())
}
