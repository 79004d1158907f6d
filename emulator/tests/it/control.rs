//! The control API, for other processes.

use emulator::{Config, ContentType, CredentialState, Operation};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Seen, World};

async fn command(world: &World, method: http::Method, path: &str, body: Value) -> Seen {
    let url = format!("{}_emulator/{path}", world.microsoft.manage_url());
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    world
        .send(world.client.request(method, url).body(body))
        .await
}

async fn get(world: &World, path: &str) -> Value {
    let answer = command(world, http::Method::GET, path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

async fn post(world: &World, path: &str, body: Value) -> Seen {
    command(world, http::Method::POST, path, body).await
}

#[tokio::test]
async fn blobs_are_published_and_counted() {
    let world = World::new(World::config()).await;
    world.start(ContentType::General).await;
    let records = json!({ "tenant": world.tenant, "content_type": "Audit.General", "records": [{ "Id": "a" }, { "Id": "b" }] });
    let id = post(&world, "publish", records).await.json()["contentId"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(
        world.blob(&id).await.json(),
        json!([{ "Id": "a" }, { "Id": "b" }])
    );
    let broken =
        json!({ "tenant": world.tenant, "content_type": "audit.general", "body": "<html>" });
    assert_eq!(post(&world, "publish", broken).await.status, 200);
    let published = get(&world, "published?ids=true").await;
    assert_eq!(
        (
            published["records"].as_u64(),
            published["blobs"].as_u64(),
            published["finished"].as_bool()
        ),
        (Some(2), Some(2), Some(true))
    );
    let mut ids: Vec<&str> = published["ids"]
        .as_array()
        .expect("ids")
        .iter()
        .map(|pair| pair[1].as_str().expect("an id"))
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a", "b"]);
    for wrong in [
        json!({ "tenant": Uuid::max(), "content_type": "Audit.General", "body": "" }),
        json!({ "tenant": world.tenant, "content_type": "Audit.General" }),
    ] {
        assert_eq!(post(&world, "publish", wrong).await.status, 400);
    }
}

#[tokio::test]
async fn faults_are_added_listed_and_ended() {
    let world = World::new(World::config()).await;
    let two = json!([{ "kind": "internal", "operation": "list" }, { "kind": "delay", "milliseconds": 1, "tenant": world.tenant }]);
    assert_eq!(post(&world, "faults", two).await.status, 200);
    assert_eq!(world.get("subscriptions/list").await.status, 500);
    let listed = get(&world, "faults").await;
    assert_eq!(
        (
            listed[0]["struck"].as_u64(),
            listed[0]["fault"]["kind"].as_str(),
            listed[1]["struck"].as_u64()
        ),
        (Some(1), Some("internal"), Some(1))
    );
    assert_eq!(
        command(&world, http::Method::DELETE, "faults", Value::Null)
            .await
            .json(),
        json!([])
    );
    assert_eq!(world.get("subscriptions/list").await.status, 200);
    assert_eq!(
        post(&world, "faults", json!({ "kind": "surprise" }))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn the_clock_can_be_moved_and_tenants_added() {
    let world = World::new(World::config()).await;
    let before = world.microsoft.clock().now();
    post(&world, "clock", json!({ "advance_seconds": 604_800 })).await;
    assert!(
        world
            .microsoft
            .clock()
            .now()
            .duration_since(before)
            .as_secs()
            >= 604_800
    );
    assert!(get(&world, "clock").await["now"].is_string());
    let other = Uuid::from_u128(42);
    let put = command(
        &world,
        http::Method::PUT,
        &format!("tenants/{other}"),
        json!({ "consent": "roleless" }),
    )
    .await;
    assert_eq!(put.status, 200, "{put:?}");
    assert_eq!(
        get(&world, "tenants").await.as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(world.microsoft.tenants(), [world.tenant, other]);
    assert!(!world.fresh_token(other).await.is_empty());
}

#[tokio::test]
async fn requests_and_deliveries_can_be_listed() {
    let world = World::new(World::config()).await;
    world.start(ContentType::General).await;
    world.start(ContentType::General).await;
    let starts = get(&world, "starts").await;
    assert_eq!(
        (starts[0]["status"].as_u64(), starts[1]["status"].as_u64()),
        (Some(200), Some(429))
    );
    assert_eq!(
        get(&world, "violations").await[0]["rule"],
        "start_within_15_minutes"
    );
    let requests = get(&world, "requests").await;
    assert_eq!(requests["counts"], json!({ "token": 1, "start": 2 }));
    assert_eq!(
        requests["requests"][1]["token_tenant"],
        world.tenant.to_string()
    );
    assert_eq!(
        get(&world, "deliveries").await,
        json!({ "ok": 0, "failed": 0, "attempts": [] })
    );
    assert_eq!(world.microsoft.request_count(Operation::Control), 0);
}

#[tokio::test]
async fn commands_are_read_strictly() {
    let world = World::new(Config {
        consented: false,
        ..World::config()
    })
    .await;
    assert_eq!(
        post(&world, "notify", json!({ "on": false })).await.json(),
        json!({ "on": false })
    );
    for (path, body) in [
        ("notify", json!({ "off": true })),
        ("clock", json!({ "advance_seconds": -1 })),
        ("clock", json!("x")),
    ] {
        assert_eq!(post(&world, path, body).await.status, 400, "{path}");
    }
    assert_eq!(post(&world, "explode", Value::Null).await.status, 404);
    let administrator = command(
        &world,
        http::Method::PUT,
        "administrator",
        json!({ "decision": "decline" }),
    )
    .await;
    assert_eq!(administrator.json()["decision"], "decline");
}

#[tokio::test]
async fn a_secret_can_expire_and_be_taken_out() {
    let world = World::new(World::config()).await;
    for (state, number) in [("expired", 7_000_222), ("removed", 7_000_215)] {
        let body = json!({ "state": state });
        let put = command(&world, http::Method::PUT, "credential", body).await;
        assert_eq!(put.status, 200, "{put:?}");
        let secret = world.microsoft.client_secret();
        let scope = ("scope", "https://manage.office.com/.default");
        let form = [("client_secret", secret), scope];
        let tenant = world.tenant.to_string();
        let refused = world.ask_token(&tenant, "v2.0/token", &form).await;
        assert_eq!(refused.json()["error_codes"][0], number, "{state}");
    }
    world.microsoft.set_credential(CredentialState::Valid);
    assert!(!world.fresh_token(world.tenant).await.is_empty());
}
