//! Each change leaves an entry: who, what, when, and from where.

use std::time::Duration;

use http::Method;
use pipeline::ledger::access::audit::{Actor, Entry};
use pipeline::ledger::access::id::{EntryId, KeyId};
use serde_json::{Value, json};
use tests::Outcome;
use tests::flaky::Trouble;
use tests::world::{API_KEY, EXCHANGE, World, quiet};

use super::{id, key, made};

async fn log(world: &World, query: &str) -> Value {
    let path = format!("/v1/audit-log{query}");
    let (status, log) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(status, 200, "{log}");
    log
}

fn actions(log: &Value) -> Vec<&str> {
    let entries = log["entries"].as_array().unwrap();
    entries
        .iter()
        .map(|of| of["action"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn each_change_has_its_entry() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let tenant = world.tenant();
    let path = format!("/v1/tenants/{tenant}");
    let tick = || world.pass(Duration::from_secs(1));
    world.register(&[EXCHANGE]).await?;
    tick();
    let admin = made(&world, json!({"name": "kim", "scope": "admin"})).await?;
    tick();
    let body = json!({"name": "Fabrikam", "paused": true}).to_string();
    let (status, _) = world
        .operate_raw(Method::PATCH, &path, Some(key(&admin)), body)
        .await;
    assert_eq!(status, 200);
    tick();
    let (from, to) = (world.now() - Duration::from_secs(7200), world.now());
    let gap = (from, to);
    let loss = world
        .ledger
        .record_gap(id(tenant), EXCHANGE, gap, "x", to)
        .await?;
    let acknowledge = format!("{path}/losses/{}/acknowledge", loss.id);
    world
        .operate(Method::POST, &acknowledge, json!({"note": "seen"}))
        .await;
    tick();
    let replays = format!("{path}/replays");
    let (status, answer) = world
        .operate(Method::POST, &replays, json!({"from": from}))
        .await;
    assert_eq!(status, 202, "{answer}");
    tick();
    let of_key = format!("/v1/keys/{}", admin["key_id"].as_str().unwrap());
    world
        .operate(Method::POST, &format!("{of_key}/rotate"), Value::Null)
        .await;
    tick();
    world.operate(Method::DELETE, &of_key, Value::Null).await;
    tick();
    world.operate(Method::DELETE, &path, Value::Null).await;

    let all = log(&world, "").await;
    let expect = [
        "tenant.remove",
        "key.revoke",
        "key.rotate",
        "replay.begin",
        "loss.acknowledge",
        "tenant.change",
        "key.create",
        "tenant.register",
    ];
    assert_eq!(actions(&all), expect, "the newest first");
    let change = &all["entries"][5];
    assert_eq!(change["actor"]["key_id"], admin["key_id"]);
    assert_eq!(change["actor"]["name"], "kim");
    assert_eq!(change["source_ip"], "127.0.0.1");
    assert_eq!(change["tenant_id"], json!(tenant));
    assert_eq!(change["detail"], "name; state paused");
    let text = all.to_string();
    for secret in [API_KEY, key(&admin), "Fabrikam", "seen"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let of_tenant = log(&world, &format!("?tenant_id={tenant}")).await;
    assert_eq!(actions(&of_tenant).len(), 5);
    Ok(())
}

#[tokio::test]
async fn a_change_that_cannot_be_written_down_is_not_made() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let more_than_retries = 20;
    world
        .flaky_dynamodb
        .next_matching("PutItem", "audit#", Trouble::Throttled, more_than_retries);
    let body = json!({"name": "x", "scope": "read"});
    let (status, _) = world.operate(Method::POST, "/v1/keys", body).await;
    assert_eq!(status, 503);
    assert_eq!(world.ledger.keys().await?, []);
    Ok(())
}

#[tokio::test]
async fn what_is_refused_is_no_change() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let body = json!({"name": "x", "scope": "root"});
    assert_eq!(world.operate(Method::POST, "/v1/keys", body).await.0, 400);
    let path = format!("/v1/tenants/{}", world.tenant());
    assert_eq!(
        world.operate(Method::DELETE, &path, Value::Null).await.0,
        404
    );
    assert_eq!(log(&world, "").await["entries"], json!([]));
    Ok(())
}

#[tokio::test]
async fn the_log_is_read_page_by_page_over_months() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let tenant = id(world.tenant());
    let day = Duration::from_secs(24 * 3600);
    for days in 0..90 {
        let at = world.now() - days * day;
        let entry = Entry {
            id: EntryId::new(at),
            actor: Actor {
                key_id: KeyId::root(),
                name: "x".to_owned(),
                source: None,
            },
            action: "tenant.change".to_owned(),
            target: days.to_string(),
            tenant_id: (days % 9 == 0).then_some(tenant),
            detail: String::new(),
        };
        world.ledger.note_change(&entry).await?;
    }
    for (query, count) in [("", 90), (&*format!("&tenant_id={tenant}"), 10)] {
        let (mut targets, mut cursor) = (Vec::new(), String::new());
        for _ in 0..40 {
            let page = log(&world, &format!("?limit=7{query}{cursor}")).await;
            let entries = page["entries"].as_array().unwrap();
            assert!(entries.len() <= 7);
            let read = entries
                .iter()
                .map(|of| of["target"].as_str().unwrap().parse::<u32>());
            for target in read {
                targets.push(target?);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(targets.len(), count);
        assert!(targets.is_sorted(), "the newest first: {targets:?}");
    }
    Ok(())
}
