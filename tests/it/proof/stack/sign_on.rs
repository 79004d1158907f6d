//! People sign on with tokens that the deployed API Gateway checks.

use reqwest::Method;
use serde_json::{Value, json};
use tests::Outcome;
use tests::stack::AUDIENCE;

use super::world::{World, answer, ensure};

/// A second that no run of this test reaches: in the year 2100.
const LATE: i64 = 4_102_444_800;

pub(super) async fn tokens_of_the_issuer_open_what_their_role_opens(world: &World) -> Outcome<()> {
    let issuer = world.stack.issuer();
    let claims = |changed: Value| {
        let mut claims = json!({
            "iss": issuer.url(), "aud": AUDIENCE, "sub": "AAAA", "name": "Ann", "exp": LATE,
            "roles": ["other", "ualstream.read"],
        });
        if let (Some(claims), Some(changed)) = (claims.as_object_mut(), changed.as_object()) {
            claims.extend(changed.clone());
        }
        issuer.token(&claims)
    };
    let reader = claims(json!({}))?;
    let (status, me) = ask(world, Method::GET, "me", &reader).await?;
    let me: Value = serde_json::from_str(&me)?;
    ensure(
        status == 200 && me["name"] == "Ann" && me["scope"] == "read",
        || format!("a reader's own rights are answered {status}: {me}"),
    )?;
    let forged = tests::issuer::Issuer::start().await?;
    for (what, token, expect) in [
        ("a reader's deletion", reader, 403),
        ("a token without a role", claims(json!({"roles": []}))?, 403),
        ("a token that has ended", claims(json!({"exp": 1_700_000_000}))?, 401),
        ("one for another application", claims(json!({"aud": "another"}))?, 401),
        ("one of another issuer", forged.token(&json!({"iss": issuer.url(), "aud": AUDIENCE, "sub": "A", "exp": LATE, "roles": ["ualstream.admin"]}))?, 401),
        ("a key", world.key().await?.to_owned(), 401),
    ] {
        let (status, body) = ask(world, Method::DELETE, "keys/0123456789ab", &token).await?;
        ensure(status == expect, || format!("{what} is answered {status}: {body}"))?;
    }
    let plain = world.client.get(format!("{}v1/me", world.stack.url()));
    let (status, body) = answer(plain.bearer_auth(claims(json!({}))?)).await?;
    ensure(status == 401, || {
        format!("a token in a key's place is answered {status}: {body}")
    })
}

async fn ask(world: &World, method: Method, path: &str, token: &str) -> Outcome<(u16, String)> {
    let url = format!("{}sso/v1/{path}", world.stack.url());
    let (status, body) = answer(world.client.request(method, url).bearer_auth(token)).await?;
    Ok((status.as_u16(), body))
}
