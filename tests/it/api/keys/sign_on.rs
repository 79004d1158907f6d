//! People who sign on with a token that API Gateway has checked.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{World, quiet};

const READER: [(&str, &str); 4] = [
    ("iss", "https://login.example/v2.0"),
    ("sub", "AAAA"),
    ("preferred_username", "ann@contoso.example"),
    ("roles", "[ualstream.read]"),
];

const ADMIN: [(&str, &str); 4] = [
    ("iss", "https://login.example/v2.0"),
    ("sub", "BBBB"),
    ("preferred_username", "bob@contoso.example"),
    ("roles", "[other ualstream.admin]"),
];

/// The kind of a problem.
fn kind(answer: &Value) -> &str {
    let kind = answer["type"].as_str().unwrap_or_default();
    kind.strip_prefix("/docs/errors#").unwrap_or(kind)
}

#[tokio::test]
async fn a_role_opens_what_its_scope_opens() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let (_, me) = ask(&world, Method::GET, "/sso/v1/me", &READER).await;
    assert_eq!(me["name"], "ann@contoso.example");
    assert_eq!(me["scope"], "read");
    assert!(
        me["key_id"]
            .as_str()
            .is_some_and(|id| id.starts_with("sso-"))
    );
    assert_eq!(me["tenants"], Value::Null);

    let path = format!("/sso/v1/tenants/{}", world.tenant());
    let (status, answer) = ask(&world, Method::DELETE, &path, &READER).await;
    assert_eq!((status.as_u16(), kind(&answer)), (403, "not-allowed"));
    let (status, answer) = ask(&world, Method::GET, "/sso/v1/keys", &READER).await;
    assert_eq!((status.as_u16(), kind(&answer)), (403, "not-allowed"));
    let (status, _) = ask(&world, Method::GET, "/sso/v1/keys", &ADMIN).await;
    assert_eq!(status, StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn the_audit_log_names_the_person() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let body = json!({"name": "dashboard", "scope": "read"});
    let (status, key) = world
        .ask_signed_on(Method::POST, "/sso/v1/keys", &ADMIN, body)
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let (_, me) = ask(&world, Method::GET, "/sso/v1/me", &ADMIN).await;
    assert_eq!(key["created_by"], me["key_id"]);
    let (_, log) = world
        .operate(Method::GET, "/v1/audit-log", Value::Null)
        .await;
    let actor = &log["entries"][0]["actor"];
    assert_eq!(actor["key_id"], me["key_id"]);
    assert_eq!(actor["name"], "bob@contoso.example");
    Ok(())
}

#[tokio::test]
async fn claims_open_no_path_of_keys_and_keys_none_of_claims() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    for path in [
        "/v1/keys",
        "/sso",
        "/sso/",
        "/sso/sso/v1/keys",
        "/ssov1/keys",
    ] {
        let (status, answer) = ask(&world, Method::GET, path, &ADMIN).await;
        assert_eq!(
            (status.as_u16(), kind(&answer)),
            (404, "no-such-path"),
            "{path}"
        );
    }
    let (status, answer) = world
        .operate(Method::GET, "/sso/v1/keys", Value::Null)
        .await;
    assert_eq!((status.as_u16(), kind(&answer)), (404, "no-such-path"));
    let answer = world.browse(Method::GET, "/sso/v1/keys").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    Ok(())
}

#[tokio::test]
async fn a_token_without_a_role_opens_nothing() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let (status, answer) = ask(&world, Method::GET, "/sso/v1/me", &READER[..3]).await;
    assert_eq!((status.as_u16(), kind(&answer)), (403, "no-role"));
    let (status, answer) = ask(&world, Method::GET, "/sso/v1/me", &ADMIN[3..]).await;
    assert_eq!((status.as_u16(), kind(&answer)), (401, "not-authenticated"));
    Ok(())
}

async fn ask(
    world: &World,
    method: Method,
    path: &str,
    claims: &[(&str, &str)],
) -> (StatusCode, Value) {
    world.ask_signed_on(method, path, claims, Value::Null).await
}
