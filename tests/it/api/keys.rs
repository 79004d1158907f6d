//! Who may use the API: keys, their scopes, their tenants and their end.

mod audit;
mod manners;
mod openapi;
mod sign_on;

use std::collections::BTreeSet;
use std::time::Duration;

use http::{Method, StatusCode};
use office365::TenantId;
use pipeline::api::KEY_READ_AGAIN_AFTER;
use pipeline::ledger::access::id::KeyId;
use serde_json::{Value, json};
use tests::Outcome;
use tests::flaky::Trouble;
use tests::world::{API_KEY, EXCHANGE, World, quiet};
use uuid::Uuid;

/// A loss and a replay that do not exist.
const LOSS: &str = "20260301T101500123-9f86d081884c7d65";
const REPLAY: &str = "20260301T101500123-0a1b2c3d";

/// An event that does not exist, and a consent link.
const EVENT: &str = "MCAwIDAgMCAwIGFiYw";
const CONSENT: &str = "00000000000000000000000000000000";

/// A finding or an exception that does not exist.
const FINDING: &str = "6a0d5f0e-0a0c-4c0b-9d52-1c6f7b1e33a4";

/// Every request that takes a key and names a tenant, and whether it changes something.
fn of_tenant(tenant: Uuid) -> Vec<(Method, String, bool)> {
    let path = |rest: &str| format!("/v1/tenants/{tenant}{rest}");
    vec![
        (Method::GET, path(""), false),
        (Method::HEAD, path(""), false),
        (Method::PATCH, path(""), true),
        (Method::DELETE, path(""), true),
        (Method::GET, path("/backfill"), false),
        (Method::GET, path("/check"), false),
        (Method::GET, path("/events"), false),
        (Method::GET, path(&format!("/events/{EVENT}")), false),
        (Method::GET, path("/volume"), false),
        (Method::GET, path("/certificate"), false),
        (Method::GET, path("/losses"), false),
        (
            Method::POST,
            path(&format!("/losses/{LOSS}/acknowledge")),
            true,
        ),
        (Method::GET, path("/findings"), false),
        (Method::GET, path(&format!("/findings/{FINDING}")), false),
        (
            Method::GET,
            path(&format!("/findings/{FINDING}/story")),
            false,
        ),
        (
            Method::POST,
            path(&format!("/findings/{FINDING}/acknowledge")),
            true,
        ),
        (
            Method::POST,
            path(&format!("/findings/{FINDING}/close")),
            true,
        ),
        (
            Method::POST,
            path(&format!("/findings/{FINDING}/reopen")),
            true,
        ),
        (Method::GET, path("/replays"), false),
        (Method::POST, path("/replays"), true),
        (Method::GET, path(&format!("/replays/{REPLAY}")), false),
        (
            Method::POST,
            path(&format!("/replays/{REPLAY}/restart")),
            true,
        ),
    ]
}

/// Every request that takes an admin of all tenants.
fn of_all() -> Vec<(Method, String)> {
    vec![
        (Method::GET, "/v1/keys".to_owned()),
        (Method::POST, "/v1/keys".to_owned()),
        (Method::DELETE, "/v1/keys/0123456789ab".to_owned()),
        (Method::POST, "/v1/keys/0123456789ab/rotate".to_owned()),
        (Method::GET, "/v1/audit-log".to_owned()),
        (Method::POST, "/v1/consents".to_owned()),
        (Method::GET, format!("/v1/consents/{CONSENT}")),
    ]
}

/// The status of an answer and the kind of its problem.
async fn refused(world: &World, method: &Method, path: &str, key: Option<&str>) -> (u16, String) {
    let (status, answer) = world
        .operate_raw(method.clone(), path, key, "{}".to_owned())
        .await;
    let kind = answer["type"].as_str().unwrap_or_default();
    let kind = kind.strip_prefix("/docs/errors#").unwrap_or(kind);
    (status.as_u16(), kind.to_owned())
}

/// Makes a key with the installation's own.
async fn made(world: &World, body: Value) -> Outcome<Value> {
    let (status, key) = world.operate(Method::POST, "/v1/keys", body).await;
    if status == StatusCode::CREATED {
        Ok(key)
    } else {
        Err(format!("{status}: {key}").into())
    }
}

fn key(of: &Value) -> &str {
    of["key"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn every_request_needs_a_key_that_works() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let until = world.now() + Duration::from_secs(60);
    let admin = |name: &str| json!({"name": name, "scope": "admin"});
    let mut expiring = admin("expired");
    expiring["expires_at"] = json!(until);
    let (expired, revoked) = (
        made(&world, expiring).await?,
        made(&world, admin("r")).await?,
    );
    let rotated = made(&world, admin("rotated")).await?;
    world.pass(Duration::from_secs(60));
    let path =
        |of: &Value, rest: &str| format!("/v1/keys/{}{rest}", of["key_id"].as_str().unwrap());
    let gone = world
        .operate(Method::DELETE, &path(&revoked, ""), Value::Null)
        .await;
    assert_eq!(gone.0, 204);
    let other = world
        .operate(Method::POST, &path(&rotated, "/rotate"), Value::Null)
        .await;
    assert_eq!(other.0, 200);
    let unknown = format!("ual_0123456789ab_{}", "0".repeat(64));
    let (most, last) = key(&other.1).split_at(key(&other.1).len() - 1);
    let wrong = format!("{most}{}", if last == "0" { "1" } else { "0" });
    let keys = [
        None,
        Some("x"),
        Some(""),
        Some(&unknown),
        Some(&wrong),
        Some(key(&expired)),
        Some(key(&revoked)),
        Some(key(&rotated)),
    ];
    let mut requests: Vec<_> = of_all();
    requests.extend(
        of_tenant(world.tenant())
            .into_iter()
            .map(|(of, path, _)| (of, path)),
    );
    requests.push((Method::GET, "/v1/me".to_owned()));
    requests.push((Method::GET, "/v1/overview".to_owned()));
    requests.push((Method::GET, "/v1/findings".to_owned()));
    requests.push((Method::GET, "/v1/exceptions".to_owned()));
    requests.push((Method::POST, "/v1/exceptions".to_owned()));
    requests.push((Method::DELETE, format!("/v1/exceptions/{FINDING}")));
    requests.push((Method::GET, "/v1/tenants".to_owned()));
    requests.push((Method::POST, "/v1/tenants".to_owned()));
    requests.push((Method::GET, "/v1/nothing".to_owned()));
    for (method, path) in &requests {
        for key in keys {
            let answer = refused(&world, method, path, key).await;
            let expect = (401, "not-authenticated".to_owned());
            assert_eq!(answer, expect, "{method} {path} {key:?}");
        }
    }
    let me = world.operate_raw(Method::GET, "/v1/me", Some(key(&other.1)), String::new());
    assert_eq!(me.await.0, 200, "the new key works");
    Ok(())
}

#[tokio::test]
async fn a_key_that_reads_changes_nothing() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let reader = made(&world, json!({"name": "page", "scope": "read"})).await?;
    let reader = Some(key(&reader));
    for (method, path, changes) in of_tenant(world.tenant()) {
        let (status, kind) = refused(&world, &method, &path, reader).await;
        let is_refused = (status, &*kind) == (403, "not-allowed");
        assert_eq!(is_refused, changes, "{method} {path}: {status} {kind}");
    }
    let not_allowed = (403, "not-allowed".to_owned());
    for (method, path) in of_all() {
        assert_eq!(refused(&world, &method, &path, reader).await, not_allowed);
    }
    let register = refused(&world, &Method::POST, "/v1/tenants", reader).await;
    assert_eq!(register, not_allowed);
    let (status, list) = world
        .operate_raw(Method::GET, "/v1/tenants", reader, String::new())
        .await;
    assert_eq!(
        (status.as_u16(), list["tenants"].as_array().unwrap().len()),
        (200, 1)
    );
    Ok(())
}

#[tokio::test]
async fn a_key_of_some_tenants_sees_no_other() -> Outcome<()> {
    let config = emulator::Config {
        tenants: 3,
        ..quiet()
    };
    let world = World::start(config).await?;
    for tenant in world.emulator.tenants() {
        let body = json!({"tenant_id": tenant, "content_types": ["Audit.Exchange"]});
        assert_eq!(
            world.operate(Method::POST, "/v1/tenants", body).await.0,
            201
        );
    }
    let own: Vec<Uuid> = world.emulator.tenants()[..2].to_vec();
    let foreign = world.emulator.tenants()[2];
    let body = json!({"name": "two", "scope": "admin", "tenants": own});
    let two = made(&world, body).await?;
    let two = Some(key(&two));
    let overview = world.operate_raw(Method::GET, "/v1/overview", two, String::new());
    assert_eq!(overview.await.1["tenants"]["all"], 2);
    let found = world.operate_raw(Method::GET, "/v1/tenants?sort=trouble", two, String::new());
    assert_eq!(found.await.1["tenants"].as_array().unwrap().len(), 2);
    for tenant in [foreign, Uuid::from_u128(99)] {
        for (method, path, _) in of_tenant(tenant) {
            let answer = refused(&world, &method, &path, two).await;
            assert_eq!(
                answer,
                (404, "not-registered".to_owned()),
                "{method} {path}"
            );
        }
        let body = json!({ "tenant_id": tenant }).to_string();
        let register = world
            .operate_raw(Method::POST, "/v1/tenants", two, body)
            .await;
        assert_eq!(register.0, 404);
    }
    for (method, path) in of_all() {
        assert_eq!(refused(&world, &method, &path, two).await.0, 403, "{path}");
    }
    let mut seen = BTreeSet::new();
    let mut cursor = String::new();
    for _ in 0..own.len() {
        let path = format!("/v1/tenants?limit=1{cursor}");
        let (_, page) = world
            .operate_raw(Method::GET, &path, two, String::new())
            .await;
        seen.insert(page["tenants"][0]["tenant_id"].to_string());
        let next = page["next_cursor"]
            .as_str()
            .map(|of| format!("&cursor={of}"));
        cursor = next.unwrap_or_default();
    }
    assert_eq!((seen.len(), &*cursor), (2, ""), "{seen:?}");
    assert!(!seen.contains(&json!(foreign).to_string()));
    let rename = format!("/v1/tenants/{}", own[0]);
    let body = json!({"name": "mine"}).to_string();
    let (status, _) = world.operate_raw(Method::PATCH, &rename, two, body).await;
    assert_eq!(status, 200, "its own it may change");
    Ok(())
}

#[tokio::test]
async fn a_key_is_shown_once_and_kept_as_an_hmac() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let new = made(&world, json!({"name": " page ", "scope": "read"})).await?;
    let id: KeyId = new["key_id"].as_str().unwrap().parse()?;
    let random = key(&new).rsplit('_').next().unwrap();
    assert_eq!(random.len(), 64, "256 bits in hex");
    let kept = world.ledger.key(&id).await?.unwrap();
    assert!(!format!("{kept:?}").contains(random));
    let (_, list) = world.operate(Method::GET, "/v1/keys", Value::Null).await;
    assert!(!list.to_string().contains(random));
    let listed = &list["keys"][0];
    assert_eq!(
        (&listed["name"], &listed["created_by"]),
        (&json!("page"), &json!("root"))
    );
    assert_eq!(listed["last_used_at"], Value::Null);

    let me = || world.operate_raw(Method::GET, "/v1/me", Some(key(&new)), String::new());
    let (_, shown) = me().await;
    let expect = json!({"key_id": new["key_id"], "name": "page", "scope": "read", "tenants": null, "expires_at": null});
    assert_eq!(shown, expect);
    let last_use = async || Outcome::Ok(world.ledger.key(&id).await?.unwrap().last_used_at);
    let first = last_use().await?;
    assert!(first.is_some());
    world.pass(Duration::from_secs(60));
    me().await;
    assert_eq!(last_use().await?, first, "one write in five minutes");
    world.pass(Duration::from_secs(5 * 60));
    me().await;
    assert!(last_use().await? > first);
    Ok(())
}

#[tokio::test]
async fn a_last_use_that_cannot_be_noted_fails_no_request() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let new = made(&world, json!({"name": "page", "scope": "read"})).await?;
    world
        .flaky_dynamodb
        .next_matching("UpdateItem", "keys#api", Trouble::Throttled, 20);
    let me = world.operate_raw(Method::GET, "/v1/me", Some(key(&new)), String::new());
    assert_eq!(me.await.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_key_revoked_elsewhere_stops_within_seconds() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let new = made(&world, json!({"name": "page", "scope": "read"})).await?;
    let me = || world.operate_raw(Method::GET, "/v1/me", Some(key(&new)), String::new());
    assert_eq!(me().await.0, 200);
    let id: KeyId = new["key_id"].as_str().unwrap().parse()?;
    // As another process does: this one is not told.
    assert!(world.ledger.revoke_key(&id, world.now()).await?);
    world.pass(KEY_READ_AGAIN_AFTER);
    assert_eq!(me().await.0, 401);
    Ok(())
}

#[tokio::test]
async fn the_installations_own_key_is_an_admin_and_stays() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let (status, me) = world.operate(Method::GET, "/v1/me", Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&me["key_id"], &me["scope"]),
        (&json!("root"), &json!("admin"))
    );
    let root = Some(API_KEY);
    let conflict = (409, "root-key".to_owned());
    assert_eq!(
        refused(&world, &Method::DELETE, "/v1/keys/root", root).await,
        conflict
    );
    let rotate = "/v1/keys/root/rotate";
    assert_eq!(refused(&world, &Method::POST, rotate, root).await, conflict);
    for bad in ["/v1/keys/0123456789ab", "/v1/keys/x"] {
        let answer = refused(&world, &Method::DELETE, bad, root).await;
        assert_eq!(answer, (404, "no-such-key".to_owned()));
    }
    Ok(())
}

#[tokio::test]
async fn keys_that_cannot_be_are_refused() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let many: Vec<Uuid> = (1..=41).map(Uuid::from_u128).collect();
    for (body, kind) in [
        (json!({"name": "x"}), "bad-request-body"),
        (json!({"name": "x", "scope": "root"}), "bad-request-body"),
        (json!({"name": "\u{7}", "scope": "read"}), "bad-name"),
        (
            json!({"name": "x", "scope": "read", "tenants": []}),
            "bad-request-body",
        ),
        (
            json!({"name": "x", "scope": "read", "tenants": many}),
            "bad-request-body",
        ),
        (
            json!({"name": "x", "scope": "read", "tenants": ["x"]}),
            "bad-tenant-id",
        ),
        (
            json!({"name": "x", "scope": "read", "expires_at": "2001-01-01T00:00:00Z"}),
            "bad-request-body",
        ),
    ] {
        let (status, answer) = world.operate(Method::POST, "/v1/keys", body.clone()).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(answer["type"], format!("/docs/errors#{kind}"), "{body}");
    }
    let (_, list) = world.operate(Method::GET, "/v1/keys", Value::Null).await;
    assert_eq!(list["keys"], json!([]));
    Ok(())
}

fn id(tenant: Uuid) -> TenantId {
    tenant.to_string().parse().unwrap()
}
