//! ETags, `Idempotency-Key`, limits, and what needs no key.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, ETAG, RETRY_AFTER};
use http::{Method, Response};
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{API_KEY, EXCHANGE, World, quiet};
use uuid::Uuid;

use super::{key, made};

fn header(response: &Response<Bytes>, name: impl http::header::AsHeaderName) -> &str {
    let value = response.headers().get(name);
    value.and_then(|of| of.to_str().ok()).unwrap_or_default()
}

fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_default()
}

async fn with(
    world: &World,
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
    body: Value,
) -> Response<Bytes> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    world.ask(method, path, Some(API_KEY), headers, body).await
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let one = format!("/v1/tenants/{}", world.tenant());
    for path in ["/v1/tenants", &one, "/v1/openapi.json", "/docs"] {
        let first = with(&world, (Method::GET, path), &[], Value::Null).await;
        let tag = header(&first, ETAG).to_owned();
        assert!(!tag.is_empty(), "{path}");
        let known = [("if-none-match", &*tag)];
        let again = with(&world, (Method::GET, path), &known, Value::Null).await;
        assert_eq!(
            (again.status().as_u16(), again.body().len()),
            (304, 0),
            "{path}"
        );
        assert_eq!(header(&again, ETAG), tag);
    }
    let tag = |response: &Response<Bytes>| header(response, ETAG).to_owned();
    let before = tag(&with(&world, (Method::GET, &*one), &[], Value::Null).await);
    world
        .operate(Method::PATCH, &one, json!({"name": "Fabrikam"}))
        .await;
    let known = [("if-none-match", &*before)];
    let changed = with(&world, (Method::GET, &*one), &known, Value::Null).await;
    assert_eq!(changed.status(), 200);
    Ok(())
}

#[tokio::test]
async fn a_change_of_what_was_changed_meanwhile_is_refused() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let path = format!("/v1/tenants/{}", world.tenant());
    let get = with(&world, (Method::GET, &*path), &[], Value::Null).await;
    let seen = header(&get, ETAG).to_owned();
    // A sweep looks at the tenant, which changes the answer and not the registration.
    world.pass(Duration::from_secs(3600));
    world.sweep().await?;
    let rename = |name: &str, seen: &str| {
        let (seen, body) = (seen.to_owned(), json!({ "name": name }));
        let (world, path) = (&world, &*path);
        async move { with(world, (Method::PATCH, path), &[("if-match", &*seen)], body).await }
    };
    let first = rename("one", &seen).await;
    assert_eq!(first.status(), 200, "{}", json_of(&first));
    let second = rename("two", &seen).await;
    assert_eq!(second.status(), 412);
    assert_eq!(json_of(&second)["type"], "/docs/errors#changed-meanwhile");
    let current = header(&first, ETAG).to_owned();
    let together =
        futures::future::join_all((0..8).map(|n| rename(&format!("n{n}"), &current))).await;
    let won = together.iter().filter(|of| of.status() == 200).count();
    assert_eq!(won, 1, "one of all who saw the same");
    assert_eq!(rename("any", "*").await.status(), 200);
    assert_eq!(rename("any", "\"x\"").await.status(), 412);
    Ok(())
}

#[tokio::test]
async fn a_request_that_comes_again_is_done_once() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let post = |value: &str, body: Value| {
        let (world, value) = (&world, value.to_owned());
        let headers = [("idempotency-key", value)];
        async move {
            let headers = headers.each_ref().map(|(name, value)| (*name, &**value));
            with(world, (Method::POST, "/v1/tenants"), &headers, body).await
        }
    };
    let body = |name: &str| json!({"tenant_id": world.tenant(), "name": name, "content_types": ["Audit.Exchange"]});
    let first = post("a", body("one")).await;
    assert_eq!(first.status(), 201);
    let again = post("a", body("one")).await;
    assert_eq!((again.status().as_u16(), again.body()), (201, first.body()));
    assert_eq!(header(&again, "idempotency-replayed"), "true");
    let other = post("a", body("two")).await;
    assert_eq!(other.status(), 422);
    assert_eq!(
        json_of(&other)["type"],
        "/docs/errors#idempotency-key-reused"
    );
    assert_eq!(
        post("b", body("two")).await.status(),
        200,
        "another key, another request"
    );

    let unknown = json!({"tenant_id": Uuid::from_u128(99)});
    let failed = post("c", unknown.clone()).await;
    assert!(!failed.status().is_success());
    let mended = post("c", body("three")).await;
    assert_eq!(mended.status(), 200, "what failed was not done");
    for bad in ["", &*"x".repeat(256)] {
        assert_eq!(post(bad, body("x")).await.status(), 400, "{bad}");
    }
    world.pass(Duration::from_secs(24 * 3600));
    assert_eq!(post("a", body("two")).await.status(), 200, "kept for a day");
    Ok(())
}

#[tokio::test]
async fn two_at_once_with_one_idempotency_key_are_one() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let headers = [("idempotency-key", "a")];
    let make = || {
        with(
            &world,
            (Method::POST, "/v1/keys"),
            &headers,
            json!({"name": "x", "scope": "read"}),
        )
    };
    let answers = futures::future::join_all((0..20).map(|_| make())).await;
    let made = answers.iter().filter(|of| of.status() == 201).count();
    assert_eq!(made, 1);
    assert!(
        answers
            .iter()
            .all(|of| [201, 409].contains(&of.status().as_u16()))
    );
    let again = make().await;
    assert_eq!(
        json_of(&again)["type"],
        "/docs/errors#answer-not-kept",
        "a key is shown once"
    );
    let (_, list) = world.operate(Method::GET, "/v1/keys", Value::Null).await;
    assert_eq!(list["keys"].as_array().unwrap().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_ask_again() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let busy = made(&world, json!({"name": "busy", "scope": "read"})).await?;
    let mut refused = None;
    for _ in 0..4_000 {
        let answer = world
            .ask(Method::GET, "/v1/me", Some(key(&busy)), &[], String::new())
            .await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!(header(&refused, RETRY_AFTER), "1");
    assert_eq!(json_of(&refused)["type"], "/docs/errors#too-many-requests");
    assert_eq!(
        world.operate(Method::GET, "/v1/me", Value::Null).await.0,
        200,
        "others may ask"
    );
    Ok(())
}

#[tokio::test]
async fn some_things_need_no_key() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    for (path, of) in [
        ("/v1/health", "application/json"),
        ("/v1/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/errors", "text/html; charset=utf-8"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = world.ask(method, path, None, &[], String::new()).await;
            assert_eq!(
                (answer.status().as_u16(), header(&answer, CONTENT_TYPE)),
                (200, of),
                "{path}"
            );
        }
        let wrong = world
            .ask(Method::POST, path, None, &[], String::new())
            .await;
        assert_eq!(
            (wrong.status().as_u16(), header(&wrong, ALLOW)),
            (405, "GET"),
            "{path}"
        );
    }
    let options = world
        .ask(Method::OPTIONS, "/v1/tenants", None, &[], String::new())
        .await;
    assert_eq!(
        (options.status().as_u16(), header(&options, ALLOW)),
        (204, "GET, HEAD, POST, OPTIONS")
    );
    let put = world
        .ask(
            Method::PUT,
            "/v1/tenants",
            Some(API_KEY),
            &[],
            String::new(),
        )
        .await;
    assert_eq!(
        (put.status().as_u16(), header(&put, ALLOW)),
        (405, "GET, POST")
    );
    Ok(())
}
