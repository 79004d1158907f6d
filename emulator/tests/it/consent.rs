//! Consent pages: every form of the redirect.

use std::collections::HashMap;
use std::time::Duration;

use emulator::{Administrator, Config, Consent, Decision, TenantState};
use url::Url;
use uuid::Uuid;

use crate::world::{Seen, World};

const REDIRECT: &str = "https://collector.example/consented?x=1";

async fn world(decision: Decision) -> World {
    let administrator = Administrator {
        decision,
        ..Administrator::default()
    };
    World::new(Config {
        consented: false,
        administrator,
        ..World::config()
    })
    .await
}

async fn visit(world: &World, path: &str, extra: &[(&str, &str)]) -> Seen {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let client_id = world.microsoft.client_id().to_string();
    let mut query = vec![
        ("client_id", client_id.as_str()),
        ("redirect_uri", REDIRECT),
    ];
    query.extend(extra);
    world
        .send(
            client
                .get(format!("{}{path}", world.microsoft.login_url()))
                .query(&query),
        )
        .await
}

/// The parameters of the redirect.
fn sent_back(answer: &Seen) -> HashMap<String, String> {
    assert_eq!(answer.status, 302, "{answer:?}");
    let location: Url = answer.headers["location"]
        .to_str()
        .expect("text")
        .parse()
        .expect("a URL");
    assert_eq!(
        (location.host_str(), location.path()),
        (Some("collector.example"), "/consented")
    );
    location.query_pairs().into_owned().collect()
}

fn expect(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    [("x", "1")]
        .iter()
        .chain(pairs)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn accepting_redirects_with_tenant_and_state() {
    let world = world(Decision::Accept).await;
    let tenant = world.tenant.to_string();
    let scope = "https://manage.office.com/.default";
    let v2 = visit(
        &world,
        "organizations/v2.0/adminconsent",
        &[("scope", scope), ("state", "s 1")],
    )
    .await;
    assert_eq!(
        sent_back(&v2),
        expect(&[
            ("admin_consent", "True"),
            ("tenant", &tenant),
            ("scope", scope),
            ("state", "s 1")
        ])
    );
    let v1 = visit(&world, "common/adminconsent", &[("state", "s")]).await;
    assert_eq!(
        sent_back(&v1),
        expect(&[
            ("admin_consent", "True"),
            ("tenant", &tenant),
            ("state", "s")
        ])
    );
    let fresh = world.fresh_token(world.tenant).await;
    let listed = world
        .send(
            world
                .client
                .get(world.feed("subscriptions/list"))
                .bearer_auth(fresh),
        )
        .await;
    assert_eq!(listed.status, 200, "the consent took effect");
}

#[tokio::test]
async fn declining_redirects_with_an_error() {
    let world = world(Decision::Decline).await;
    let v2 = sent_back(&visit(&world, "organizations/v2.0/adminconsent", &[("state", "s")]).await);
    assert_eq!(
        (
            v2["admin_consent"].as_str(),
            v2["error"].as_str(),
            v2["state"].as_str()
        ),
        ("True", "consent_required", "s")
    );
    assert!(v2["error_description"].starts_with("AADSTS65004"));
    world.microsoft.set_administrator(Administrator {
        decision: Decision::Decline,
        omit_state: true,
        ..Administrator::default()
    });
    let v1 = sent_back(&visit(&world, "common/adminconsent", &[("state", "s")]).await);
    assert_eq!(
        v1,
        expect(&[
            ("error", "permission_denied"),
            ("error_description", "The admin canceled the request")
        ])
    );
}

#[tokio::test]
async fn the_tenant_of_the_redirect_can_be_forged() {
    let world = world(Decision::Accept).await;
    world.microsoft.set_administrator(Administrator {
        forged_tenant: Some(Uuid::max()),
        ..Administrator::default()
    });
    let path = format!("{}/adminconsent", world.tenant);
    assert_eq!(
        sent_back(&visit(&world, &path, &[]).await)["tenant"],
        Uuid::max().to_string()
    );
}

#[tokio::test]
async fn a_page_with_two_links_can_be_shown() {
    let world = world(Decision::Ask).await;
    let path = format!("{}/adminconsent", world.tenant);
    let page = visit(&world, &path, &[("state", "\"<s>")]).await;
    let text = String::from_utf8(page.body.to_vec()).expect("text");
    assert!(
        page.status == 200 && text.contains("emulator_decision=accept") && !text.contains("<s>"),
        "{text}"
    );
    let clicked = visit(&world, &path, &[("emulator_decision", "decline")]).await;
    assert_eq!(sent_back(&clicked)["error"], "permission_denied");
}

#[tokio::test]
async fn a_bad_request_shows_an_error_and_does_not_redirect() {
    let registered = vec!["https://other.example/".parse().expect("a URL")];
    let world = World::new(Config {
        redirect_uris: registered,
        ..World::config()
    })
    .await;
    let path = format!("{}/adminconsent", world.tenant);
    let answer = visit(&world, &path, &[]).await;
    assert_eq!(answer.status, 400);
    assert!(String::from_utf8_lossy(&answer.body).contains("AADSTS50011"));
    let bare = world
        .get_url(&format!("{}{path}", world.microsoft.login_url()))
        .await;
    assert!(bare.status == 400 && String::from_utf8_lossy(&bare.body).contains("AADSTS900144"));
}

#[tokio::test]
async fn redirect_addresses_are_compared_letter_by_letter() {
    let world = world(Decision::Accept).await;
    for known in [
        "https://collector.example/consented?x=1",
        "https://bare.example",
        "http://localhost:8080/back",
    ] {
        world
            .microsoft
            .register_redirect(known.parse().expect("a URL"));
    }
    let path = format!("{}/v2.0/adminconsent", world.tenant);
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    for (redirect, expect) in [
        (REDIRECT, 302),
        ("https://bare.example", 302),
        ("https://bare.example/", 302),
        ("http://localhost:9090/back", 302),
        ("https://collector.example/consented", 400),
        ("https://collector.example/Consented?x=1", 400),
        ("https://collector.example/consented/?x=1", 400),
        ("https://collector.example:443/consented?x=1", 400),
        ("http://collector.example/consented?x=1", 400),
        ("http://127.0.0.1:8080/back", 400),
        ("http://localhost:8080/other", 400),
        ("nonsense", 400),
    ] {
        let client_id = world.microsoft.client_id().to_string();
        let query = [
            ("client_id", client_id.as_str()),
            ("redirect_uri", redirect),
        ];
        let request = client
            .get(format!("{}{path}", world.microsoft.login_url()))
            .query(&query);
        let answer = world.send(request).await;
        assert_eq!(answer.status, expect, "{redirect}");
        let named = String::from_utf8_lossy(&answer.body).contains("AADSTS50011");
        assert_eq!(named, expect == 400, "{redirect}");
    }
}

#[tokio::test]
async fn consent_can_take_effect_later() {
    let mut config = Config {
        consented: false,
        ..World::config()
    };
    config.behaviour.consent_spreads_after_seconds = 90;
    let world = World::new(config).await;
    let path = format!("{}/v2.0/adminconsent", world.tenant);
    sent_back(&visit(&world, &path, &[]).await);
    world.microsoft.clock().advance(Duration::from_secs(60));
    // Accepting again does not put it off.
    sent_back(&visit(&world, &path, &[]).await);
    let list = async || {
        let fresh = world.fresh_token(world.tenant).await;
        let request = world.client.get(world.feed("subscriptions/list"));
        world.send(request.bearer_auth(fresh)).await.status
    };
    assert_eq!(list().await, 401, "no roles yet");
    world.microsoft.clock().advance(Duration::from_secs(30));
    assert_eq!(list().await, 200);
}

#[tokio::test]
async fn a_code_of_the_legacy_page_is_redeemed_once() {
    let world = world(Decision::Accept).await;
    let missing = TenantState {
        consent: Some(Consent::Missing),
        ..TenantState::default()
    };
    world.microsoft.set_tenant(world.tenant, &missing);
    let code = sent_back(
        &visit(
            &world,
            "common/oauth2/authorize",
            &[
                ("response_type", "code"),
                ("resource", "https://manage.office.com"),
            ],
        )
        .await,
    );
    let secret = world.microsoft.client_secret().to_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code["code"].as_str()),
        ("client_secret", secret.as_str()),
        ("redirect_uri", REDIRECT),
        ("resource", "https://manage.office.com"),
    ];
    let token = world.ask_token("common", "token", &form).await.json();
    let answer = world
        .client
        .get(world.feed("subscriptions/list"))
        .bearer_auth(token["access_token"].as_str().expect("a token"));
    assert_eq!(world.send(answer).await.status, 200);
    let again = world.ask_token("common", "token", &form).await.json();
    assert_eq!(again["error"], "invalid_grant");
}
