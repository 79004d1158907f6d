//! What the pages say: refusals, errors of Microsoft's, and names that somebody chose to do harm.

use emulator::Decision;
use http::Method;
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{World, quiet};

use super::{
    browse, forged, link, not_consented, open, registered, standing, state, tokens, visit,
};

#[tokio::test]
async fn a_refusal_is_explained_and_the_link_stays_open() -> Outcome<()> {
    let world = World::start(not_consented(1)).await?;
    let link = link(&world, Value::Null).await;
    let back = open(&world, &link, world.tenant(), Decision::Decline).await?;
    let page = browse(&world, &back).await;
    page.says(403, "Consent was not given");
    page.says(403, "open the link again");
    let refused = standing(&world, &link).await;
    assert_eq!(refused["state"], "refused");
    assert!(refused["text"].as_str().unwrap().contains("AADSTS65004"));
    assert!(registered(&world).await.is_empty() && tokens(&world) == 0);
    let back = open(&world, &link, world.tenant(), Decision::Accept).await?;
    browse(&world, &back).await.says(200, "is registered");
    Ok(())
}

#[tokio::test]
async fn each_error_of_entras_is_explained() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let link = link(&world, Value::Null).await;
    for (number, status, part) in [
        (50_011, 502, "redirect URI"),
        (65_001, 403, "Global Administrator"),
        (65_004, 403, "declined"),
        (7_000_229, 502, "service principal"),
        (90_002, 502, "another cloud"),
        (90_094, 403, "Sign in as a Global Administrator"),
        (700_016, 502, "not multi-tenant"),
    ] {
        let path = format!(
            "/consent/callback?error=some&error_description=AADSTS{number}%3A+text&state={}",
            state(&link)
        );
        let page = visit(&world, &path).await;
        page.says(status, part);
        page.says(status, &format!("AADSTS{number}"));
        let standing = standing(&world, &link).await;
        let text = standing["text"].as_str().unwrap();
        assert!(text.contains(part), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn microsofts_text_is_never_repeated() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let state = state(&link(&world, Value::Null).await);
    let lure = "Call+0900+now%3Cscript%3Ealert(1)%3C/script%3E";
    for state in [state.as_str(), "", "forged"] {
        let path = format!(
            "/consent/callback?error={lure}&error_description={lure}&error_uri={lure}&tenant_name={lure}&state={state}"
        );
        let page = visit(&world, &path).await;
        assert!(page.status.is_client_error() || page.status.is_server_error());
        assert!(
            !page.text.contains("0900") && !page.text.contains("<script"),
            "{}",
            page.text
        );
    }
    Ok(())
}

#[tokio::test]
async fn hostile_names_are_text() -> Outcome<()> {
    let names = [
        "<script>alert(1)</script>".to_owned(),
        "\"><img src=x onerror=alert(1)>'&amp;".to_owned(),
        "abc\u{202e}gpj.exe\u{2066}\u{200f}".to_owned(),
        "é".repeat(100),
    ];
    for name in &names {
        let world = World::start(quiet()).await?;
        let link = link(&world, json!({"name": name})).await;
        assert_eq!(standing(&world, &link).await["name"], *name);
        let page = visit(&world, &forged(&state(&link), world.tenant())).await;
        page.says(200, "is registered");
        for harm in ["<script", "<img", "\u{202e}", "\u{200f}", "\u{2066}"] {
            assert!(!page.text.contains(harm), "{}", page.text);
        }
    }
    let world = World::start(quiet()).await?;
    for name in [
        "x".repeat(10 * 1024),
        "a\nb".to_owned(),
        "a\u{0}".to_owned(),
        String::new(),
    ] {
        let body = json!({"name": name});
        let (status, problem) = world.operate(Method::POST, "/v1/consents", body).await;
        assert_eq!(status, 400, "{problem}");
        assert_eq!(problem["type"], "/docs/errors#bad-name");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_redirect_of_entras_is_refused() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let state = state(&link(&world, Value::Null).await);
    let tenant = world.tenant();
    for query in [
        String::new(),
        format!("state={state}"),
        format!("state={state}&tenant=contoso.example"),
        format!("state={state}&state={state}&tenant={tenant}"),
        format!("state={state}&tenant={tenant}&tenant={tenant}"),
        format!("tenant={tenant}"),
        format!("state={state}&tenant={tenant}&x={}", "x".repeat(9_000)),
    ] {
        let page = visit(&world, &format!("/consent/callback?{query}")).await;
        page.says(400, "not valid");
    }
    let posted = world.browse(Method::POST, &forged(&state, tenant)).await;
    assert_eq!(posted.status(), 405);
    assert_eq!(posted.headers()["allow"], "GET");
    let headed = world.browse(Method::HEAD, &forged(&state, tenant)).await;
    assert_eq!(
        headed.status(),
        405,
        "what looks ahead does not use a link up"
    );
    assert!(registered(&world).await.is_empty() && tokens(&world) == 0);
    Ok(())
}
