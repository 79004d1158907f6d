//! What an operator is told, and what changes when an operator says so.

mod certificates;
mod fleet;
mod replays;

use std::time::Duration;

use emulator::Operation;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::{Method, StatusCode};
use office365::{Cloud, ContentType, TenantId};
use pipeline::ledger::registry::brake::BrakeReason;
use pipeline::ledger::registry::{Tenant, TenantState};
use pipeline::ledger::sweep::{SweepState, TypeSweep};
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{EXCHANGE, World, quiet};
use uuid::Uuid;

/// More tenants than were ever listed in one answer, and several pages in each partition.
const MANY: u128 = 3_100;

/// Writes of tenants in flight at once.
const WRITES_IN_FLIGHT: usize = 16;

/// Calls the API for something below the first tenant.
async fn ask(world: &World, method: Method, rest: &str, body: Value) -> (StatusCode, Value) {
    let path = format!("/v1/tenants/{}{rest}", world.tenant());
    world.operate(method, &path, body).await
}

async fn get(world: &World, rest: &str) -> (StatusCode, Value) {
    ask(world, Method::GET, rest, Value::Null).await
}

fn id(tenant: Uuid) -> TenantId {
    tenant.to_string().parse().unwrap()
}

fn types(tenant: &Value) -> Vec<&str> {
    let subscriptions = tenant["subscriptions"].as_array().unwrap();
    let of = subscriptions.iter().map(|of| of["content_type"].as_str());
    of.map(Option::unwrap_or_default).collect()
}

/// Writes down how far the first tenant is swept, as a sweep does.
async fn note_sweep(world: &World, state: &SweepState) -> Outcome<()> {
    let tenant = id(world.tenant());
    let (now, until) = (world.now(), world.now() + Duration::from_secs(60));
    world.ledger.begin_sweeps(tenant, now).await?;
    let taken = world
        .ledger
        .take_sweep(tenant, "test", now, (now, until))
        .await?;
    assert!(taken.is_some());
    assert!(world.ledger.note_sweep(tenant, "test", state).await?);
    Ok(())
}

/// One content type's listing from `begun_at` to `watermark`.
fn swept(of: ContentType, sweep: TypeSweep) -> SweepState {
    SweepState {
        types: [(of, sweep)].into(),
        ..SweepState::default()
    }
}

fn tenant(tenant_id: Uuid, now: jiff::Timestamp) -> Tenant {
    Tenant {
        tenant_id: id(tenant_id),
        name: "Fabrikam".to_owned(),
        cloud: Cloud::Enterprise,
        content_types: vec![EXCHANGE],
        state: TenantState::Active,
        created_at: now,
        brake: None,
    }
}

#[tokio::test]
async fn registering_again_with_an_id_changes_nothing() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let before = world.register(&[EXCHANGE, ContentType::DlpAll]).await?;
    let body = json!({"tenant_id": world.tenant()});
    let (status, after) = world.operate(Method::POST, "/v1/tenants", body).await;
    assert_eq!(status, 200, "{after}");
    for member in ["name", "cloud", "state", "created_at"] {
        assert_eq!(before[member], after[member]);
    }
    assert_eq!(types(&after), ["Audit.Exchange", "DLP.All"]);
    assert_eq!(world.emulator.request_count(Operation::Stop), 0);
    Ok(())
}

#[tokio::test]
async fn a_rename_stops_nothing_and_calls_nobody() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE, ContentType::DlpAll]).await?;
    let calls = world.emulator.requests().len();
    let body = json!({"name": "Contoso Ltd"});
    let (status, renamed) = ask(&world, Method::PATCH, "", body).await;
    assert_eq!(status, 200, "{renamed}");
    assert_eq!(renamed["name"], "Contoso Ltd");
    assert_eq!(types(&renamed), ["Audit.Exchange", "DLP.All"]);
    assert_eq!(world.emulator.requests().len(), calls);
    Ok(())
}

#[tokio::test]
async fn what_comes_right_after_a_pause_is_delivered() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..quiet()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    let publish = |number| {
        let (of, record) = (emulator::ContentType::Exchange, world.record(number));
        world.emulator.publish(world.tenant(), of, vec![record])
    };
    let pause = async |paused: bool| {
        let (status, answer) = ask(&world, Method::PATCH, "", json!({"paused": paused})).await;
        assert_eq!(status, 200, "{answer}");
    };
    publish(1);
    world.sweep().await?;
    pause(true).await;
    world.work_until_empty().await?;
    assert_eq!(world.audit()?.0, 0);
    pause(false).await;
    publish(2);
    assert_eq!(world.sweep().await?.unknown, 1);
    world.work_until_empty().await?;
    assert_eq!(world.audit()?.0, 1, "the fetcher knows that it goes on");
    Ok(())
}

#[tokio::test]
async fn only_a_list_without_a_type_stops_it() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE, ContentType::DlpAll]).await?;
    let body = json!({"content_types": ["Audit.Exchange", "Audit.General"]});
    let (status, changed) = ask(&world, Method::PATCH, "", body).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(types(&changed), ["Audit.Exchange", "Audit.General"]);
    assert_eq!(world.emulator.request_count(Operation::Stop), 1);
    assert_eq!(world.emulator.starts().len(), 3, "the new one is started");
    Ok(())
}

#[tokio::test]
async fn a_paused_tenant_stays_paused_until_it_is_resumed() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let pause = |paused: bool| ask(&world, Method::PATCH, "", json!({ "paused": paused }));
    assert_eq!(pause(true).await.1["state"], "paused");
    let renamed = ask(&world, Method::PATCH, "", json!({"name": "Other"})).await;
    assert_eq!(renamed.1["state"], "paused");
    let again = json!({"tenant_id": world.tenant()});
    let (_, again) = world.operate(Method::POST, "/v1/tenants", again).await;
    assert_eq!(again["state"], "paused", "not resumed by the way");
    assert_eq!(pause(false).await.1["state"], "active");
    Ok(())
}

#[tokio::test]
async fn a_change_of_a_stranger_or_of_nothing_is_refused() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let (status, problem) = ask(&world, Method::PATCH, "", json!({"name": "x"})).await;
    assert_eq!(status, 404, "{problem}");
    world.register(&[EXCHANGE]).await?;
    for body in [
        json!({}),
        json!({"cloud": "gcc"}),
        json!({"content_types": []}),
    ] {
        let (status, problem) = ask(&world, Method::PATCH, "", body).await;
        assert_eq!(status, 400, "{problem}");
    }
    let (status, problem) = ask(&world, Method::PUT, "", Value::Null).await;
    assert_eq!(status, 405, "{problem}");
    Ok(())
}

#[tokio::test]
async fn an_unreadable_tenant_hides_nobody_and_is_mended() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let text = world.tenant().to_string();
    let partition = format!("tenants#{}", &text[..1]);
    let neighbour = tenant(Uuid::from_u128(u128::MAX), world.now());
    world.ledger.create_tenant(&neighbour).await?;
    world
        .put_item(&[("pk", &partition), ("sk", &text), ("cloud", "mars")])
        .await?;
    let (status, all) = world.operate(Method::GET, "/v1/tenants", Value::Null).await;
    assert_eq!(status, 200, "{all}");
    assert_eq!(all["tenants"][0]["tenant_id"], text);
    assert!(all["tenants"][0]["error"].is_string(), "{all}");
    assert_eq!(all["tenants"][1]["name"], "Fabrikam");
    let (status, problem) = get(&world, "").await;
    assert_eq!(
        (status.as_u16(), &problem["type"]),
        (500, &json!("/docs/errors#item-unreadable"))
    );
    // Nothing of it can stay as it is, so everything must be said.
    let body = json!({"tenant_id": text});
    assert_eq!(
        world.operate(Method::POST, "/v1/tenants", body).await.0,
        500
    );
    let body = json!({"tenant_id": text, "cloud": "enterprise", "content_types": ["DLP.All"]});
    let (status, mended) = world.operate(Method::POST, "/v1/tenants", body).await;
    assert_eq!((status.as_u16(), types(&mended)), (200, vec!["DLP.All"]));
    Ok(())
}

#[tokio::test]
async fn three_thousand_tenants_are_listed_page_by_page() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let now = world.now();
    stream::iter(1..=MANY)
        // Spread over the sixteen partitions.
        .map(|n| tenant(Uuid::from_u128(n | (n % 16) << 124), now))
        .map(Ok)
        .try_for_each_concurrent(WRITES_IN_FLIGHT, |tenant| {
            let ledger = world.ledger.clone();
            async move { ledger.create_tenant(&tenant).await.map(drop) }
        })
        .await?;
    let mut seen = Vec::new();
    let mut path = "/v1/tenants?limit=90".to_owned();
    loop {
        let (status, page) = world.operate(Method::GET, &path, Value::Null).await;
        assert_eq!(status, 200, "{page}");
        let tenants = page["tenants"].as_array().unwrap();
        assert!(tenants.len() <= 90);
        seen.extend(tenants.iter().map(|of| of["tenant_id"].to_string()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/tenants?limit=90&cursor={cursor}"),
            None => break,
        }
    }
    assert!(seen.is_sorted(), "in the order of their ids");
    let count = seen.len();
    seen.dedup();
    assert_eq!((count, seen.len()), (3_100, 3_100));
    Ok(())
}

#[tokio::test]
async fn a_tenant_microsoft_does_not_know_is_removed() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let gone = Uuid::from_u128(99);
    world
        .ledger
        .create_tenant(&tenant(gone, world.now()))
        .await?;
    let path = format!("/v1/tenants/{gone}");
    let (status, problem) = world.operate(Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, 204, "{problem}");
    assert_eq!(world.operate(Method::GET, &path, Value::Null).await.0, 404);
    Ok(())
}

#[tokio::test]
async fn registering_makes_a_tenant_due_for_its_sweep() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let tenant = id(world.tenant());
    let due = async || Outcome::Ok(world.ledger.sweep_state(tenant).await?.unwrap().due_at);
    let first = due().await?;
    assert!(first <= world.now());
    world.pass(Duration::from_secs(3600));
    world.register(&[EXCHANGE]).await?;
    assert!(due().await? > first, "due again: something has changed");
    Ok(())
}

#[tokio::test]
async fn a_brake_is_told_and_taken_off_by_registering() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let why = "AADSTS65001: no consent";
    let (tenant, now) = (id(world.tenant()), world.now());
    world
        .ledger
        .put_brake(tenant, BrakeReason::Consent, why, Duration::ZERO, now)
        .await?;
    let (_, shown) = get(&world, "").await;
    assert_eq!(shown["brake"]["reason"], "consent");
    assert_eq!(shown["brake"]["text"], why);
    let again = world.register(&[EXCHANGE]).await?;
    assert_eq!(again["brake"], Value::Null, "its calls succeed");
    Ok(())
}

#[tokio::test]
async fn what_waits_is_counted_with_the_oldest_and_its_cause() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let (_, shown) = get(&world, "").await;
    assert_eq!(shown["open_blobs"]["count"], 0);
    assert_eq!(
        shown["losses"],
        json!({"open": 0, "and_more": false, "last": null})
    );
    let records = vec![world.record(1)];
    let published = emulator::ContentType::Exchange;
    world.emulator.publish(world.tenant(), published, records);
    world.emulator.fault(emulator::Fault {
        operation: Some(Operation::Blob),
        ..emulator::Fault::from(emulator::FaultKind::Html { status: 503 })
    });
    world.all_announced().await?;
    world.work().await?;
    let (_, shown) = get(&world, "").await;
    assert_eq!(shown["open_blobs"]["count"], 1, "{shown}");
    let oldest = &shown["open_blobs"]["oldest"];
    assert_eq!(oldest["attempts"], 1);
    assert!(oldest["cause"].as_str().unwrap().contains("503"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn losses_are_listed_until_acknowledged_and_after() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    assert_eq!(get(&world, "/losses").await.0, 404);
    world.register(&[EXCHANGE]).await?;
    assert_eq!(get(&world, "/losses").await.1["losses"], json!([]));
    let (tenant, now) = (id(world.tenant()), world.now());
    for day in 1..=3 {
        let from = now - Duration::from_secs(day * 24 * 3600);
        let gap = (from, from + Duration::from_secs(3600));
        world
            .ledger
            .record_gap(tenant, EXCHANGE, gap, "listing failed", now)
            .await?;
    }
    let (_, first) = get(&world, "/losses?limit=2").await;
    assert_eq!(first["losses"].as_array().map(Vec::len), Some(2), "{first}");
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = get(&world, &format!("/losses?limit=2&cursor={cursor}")).await;
    let oldest = &second["losses"][0];
    assert_eq!(oldest["kind"], "gap");

    let path = format!("/losses/{}/acknowledge", oldest["id"].as_str().unwrap());
    let acknowledge = |note: &str| ask(&world, Method::POST, &path, json!({ "note": note }));
    let (status, acknowledged) = acknowledge("seen by Kim").await;
    assert_eq!(
        (status.as_u16(), &acknowledged["note"]),
        (200, &json!("seen by Kim"))
    );
    assert_eq!(
        acknowledge("seen again").await.1,
        acknowledged,
        "the first counts"
    );
    let (_, shown) = get(&world, "").await;
    assert_eq!(shown["losses"]["open"], 2);
    assert_eq!(
        get(&world, "/losses").await.1["losses"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );

    assert_eq!(acknowledge(" ").await.0, 400);
    let other = "/losses/20260301T101500123-9f86d081884c7d65/acknowledge";
    let (status, _) = ask(&world, Method::POST, other, json!({"note": "x"})).await;
    assert_eq!(status, 404);
    Ok(())
}

#[tokio::test]
async fn a_first_listing_is_told_in_hours() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let begun_until = world.now();
    let begun_at = begun_until - Duration::from_secs(7 * 24 * 3600);
    let state = swept(
        EXCHANGE,
        TypeSweep {
            begun_at: Some(begun_at),
            begun_until: Some(begun_until),
            watermark: Some(begun_at + Duration::from_secs(24 * 3600)),
            ..TypeSweep::default()
        },
    );
    note_sweep(&world, &state).await?;
    let (status, backfill) = get(&world, "/backfill").await;
    assert_eq!(status, 200, "{backfill}");
    let of = &backfill["content_types"][0];
    assert_eq!(
        (&of["state"], &of["hours_done"]),
        (&json!("running"), &json!(24))
    );
    assert!(backfill["hours"].as_u64().unwrap() >= 168, "{backfill}");
    Ok(())
}
