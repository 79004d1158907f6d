//! A consent link, from the operator's request to the tenant's subscriptions: what an administrator's browser gets, what is
//! registered, and what is not believed.

mod distrust;
mod pages;

use std::time::Duration;

use emulator::{Administrator, Consent, Decision, Operation, TenantState};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{HeaderMap, Method, StatusCode};
use office365::ContentType;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{EXCHANGE, World, quiet};
use url::{Position, Url};
use uuid::Uuid;

/// Longer than the pause between two attempts with one link.
const PAUSE: Duration = Duration::from_secs(10);

/// How long a link can be answered.
const LINK_LIVES: Duration = Duration::from_secs(15 * 60);

/// Settings of an emulator whose tenants have not consented.
fn not_consented(tenants: usize) -> emulator::Config {
    emulator::Config {
        consented: false,
        tenants,
        ..quiet()
    }
}

/// Makes a link.
async fn link(world: &World, body: Value) -> Value {
    let (status, link) = world.operate(Method::POST, "/v1/consents", body).await;
    assert_eq!(status, StatusCode::CREATED, "{link}");
    link
}

/// How the link stands.
async fn standing(world: &World, link: &Value) -> Value {
    let path = format!("/v1/consents/{}", link["consent_id"].as_str().unwrap());
    let (status, standing) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{standing}");
    standing
}

/// Opens the link as the administrator of a tenant, who decides at once. Returns where Entra sends the browser.
async fn open(world: &World, link: &Value, tenant: Uuid, decision: Decision) -> Outcome<Url> {
    world.emulator.set_administrator(Administrator {
        decision,
        tenant: Some(tenant),
        ..Administrator::default()
    });
    follow(link["url"].as_str().unwrap()).await
}

/// Where a page of the emulator sends the browser.
async fn follow(address: &str) -> Outcome<Url> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()?;
    let response = client.get(address).send().await?;
    let status = response.status();
    let Some(location) = response.headers().get("location") else {
        return Err(format!("{status}: {}", response.text().await?).into());
    };
    Ok(location.to_str()?.parse()?)
}

/// A page that the callback answered.
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Seen {
    /// Checks the status and what the page says.
    fn says(&self, status: u16, part: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(self.text.contains(part), "no {part:?} in {}", self.text);
    }
}

/// Sends a browser to an address of ours.
async fn browse(world: &World, address: &Url) -> Seen {
    visit(world, &address[Position::BeforePath..]).await
}

async fn visit(world: &World, path: &str) -> Seen {
    let response = world.browse(Method::GET, path).await;
    let (head, body) = response.into_parts();
    let seen = Seen {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    };
    let header = |name: http::HeaderName| seen.headers[name].to_str().unwrap();
    assert_eq!(header(CONTENT_TYPE), "text/html; charset=utf-8");
    assert_eq!(header(CACHE_CONTROL), "no-store");
    assert_eq!(header(REFERRER_POLICY), "no-referrer");
    let policy = header(CONTENT_SECURITY_POLICY);
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    seen
}

/// The state that a link carries.
fn state(link: &Value) -> String {
    let url: Url = link["url"].as_str().unwrap().parse().unwrap();
    let mut pairs = url.query_pairs();
    pairs
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned()
}

/// A redirect that somebody makes up.
fn forged(state: &str, tenant: Uuid) -> String {
    format!("/consent/callback?admin_consent=True&tenant={tenant}&state={state}")
}

/// The ids of the registered tenants.
async fn registered(world: &World) -> Vec<String> {
    let (_, list) = world.operate(Method::GET, "/v1/tenants", Value::Null).await;
    let all = list["tenants"].as_array().unwrap().iter();
    all.map(|of| of["tenant_id"].as_str().unwrap().to_owned())
        .collect()
}

fn tokens(world: &World) -> u64 {
    world.emulator.request_count(Operation::Token)
}

#[tokio::test]
async fn a_consent_registers_the_tenant_and_starts_it() -> Outcome<()> {
    let world = World::start(not_consented(2)).await?;
    let tenant = world.emulator.tenants()[1];
    let link = link(&world, json!({"name": "Contoso"})).await;
    let redirect = link["redirect_uri"].as_str().unwrap();
    assert!(redirect.ends_with("/consent/callback"), "{redirect}");
    assert_eq!(standing(&world, &link).await["state"], "open");
    assert_eq!(
        tokens(&world),
        0,
        "nobody is asked before somebody comes back"
    );

    let back = open(&world, &link, tenant, Decision::Accept).await?;
    assert!(back.as_str().starts_with(redirect), "{back}");
    let page = browse(&world, &back).await;
    page.says(200, "is registered");
    page.says(200, &tenant.to_string());
    page.says(200, "Contoso");
    page.says(200, "Enabled: Audit.AzureActiveDirectory, Audit.Exchange");

    let standing = standing(&world, &link).await;
    assert_eq!(standing["state"], "registered");
    assert_eq!(standing["tenant_id"], tenant.to_string());
    let path = format!("/v1/tenants/{tenant}");
    let (_, shown) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(shown["name"], "Contoso");
    let subscriptions = shown["subscriptions"].as_array().unwrap();
    assert_eq!(subscriptions.len(), ContentType::ALL.len());
    assert!(
        subscriptions.iter().all(|of| of["status"] == "enabled"),
        "{shown}"
    );
    assert_eq!(registered(&world).await, [tenant.to_string()]);
    assert!(world.emulator.violations().is_empty());

    // The same page through the server in front, which asks for no key either.
    let client = reqwest::Client::builder().no_proxy().build()?;
    let again = client.get(back).send().await?;
    assert_eq!(again.status(), 200);
    assert!(again.text().await?.contains("is registered"));
    Ok(())
}

#[tokio::test]
async fn only_content_that_was_consented_to_is_started() -> Outcome<()> {
    let world = World::start(not_consented(1)).await?;
    let roles = Some(vec!["ActivityFeed.Read".to_owned()]);
    let wanted = TenantState {
        roles,
        ..TenantState::default()
    };
    world.emulator.set_tenant(world.tenant(), &wanted);
    let link = link(&world, Value::Null).await;
    let back = open(&world, &link, world.tenant(), Decision::Accept).await?;
    browse(&world, &back).await.says(200, "is registered");
    assert_eq!(world.emulator.starts().len(), 4);
    assert_eq!(world.subscription(ContentType::DlpAll).await, Value::Null);
    assert_eq!(world.subscription(EXCHANGE).await["status"], "enabled");
    Ok(())
}

#[tokio::test]
async fn a_consent_that_spreads_late_is_waited_for() -> Outcome<()> {
    for before in [Consent::Roleless, Consent::Missing] {
        let mut config = not_consented(1);
        config.behaviour.consent_spreads_after_seconds = 90;
        let world = World::start(config).await?;
        let consent = Some(before);
        let wanted = TenantState {
            consent,
            ..TenantState::default()
        };
        world.emulator.set_tenant(world.tenant(), &wanted);
        let link = link(&world, Value::Null).await;
        let back = open(&world, &link, world.tenant(), Decision::Accept).await?;
        let page = browse(&world, &back).await;
        page.says(202, "Waiting for Microsoft");
        page.says(
            202,
            match before {
                Consent::Missing => "AADSTS700016",
                _ => "ActivityFeed.Read yet",
            },
        );
        assert_eq!(page.headers["refresh"], "10");
        assert_eq!(standing(&world, &link).await["state"], "waiting");

        // Loaded again at once it says the same, and nobody is asked.
        let asked = tokens(&world);
        browse(&world, &back)
            .await
            .says(202, "Waiting for Microsoft");
        assert_eq!(tokens(&world), asked);

        world.pass(Duration::from_secs(60));
        browse(&world, &back)
            .await
            .says(202, "Waiting for Microsoft");
        assert_eq!(tokens(&world), asked + 1);
        assert!(registered(&world).await.is_empty());

        world.pass(Duration::from_secs(30));
        let page = browse(&world, &back).await;
        page.says(200, "is registered");
        assert!(!page.headers.contains_key("refresh"));
        assert_eq!(standing(&world, &link).await["state"], "registered");
    }
    Ok(())
}

#[tokio::test]
async fn who_came_in_time_may_wait_longer_than_the_link() -> Outcome<()> {
    let mut config = not_consented(1);
    config.behaviour.consent_spreads_after_seconds = 600;
    let world = World::start(config).await?;
    let link = link(&world, Value::Null).await;
    world.pass(LINK_LIVES - Duration::from_secs(60));
    let back = open(&world, &link, world.tenant(), Decision::Accept).await?;
    browse(&world, &back).await.says(202, "Waiting");
    world.pass(Duration::from_secs(600));
    browse(&world, &back).await.says(200, "is registered");
    Ok(())
}

#[tokio::test]
async fn a_consent_that_never_shows_ends() -> Outcome<()> {
    let mut config = not_consented(1);
    config.behaviour.consent_spreads_after_seconds = 3 * 3600;
    let world = World::start(config).await?;
    let link = link(&world, Value::Null).await;
    let back = open(&world, &link, world.tenant(), Decision::Accept).await?;
    browse(&world, &back).await.says(202, "Waiting");
    world.pass(Duration::from_secs(30 * 60));
    let asked = tokens(&world);
    browse(&world, &back)
        .await
        .says(410, "did not confirm the consent in time");
    assert_eq!(tokens(&world), asked);
    let standing = standing(&world, &link).await;
    assert_eq!(standing["state"], "expired");
    assert!(
        standing["text"]
            .as_str()
            .unwrap()
            .contains("Register it by its id")
    );
    Ok(())
}

#[tokio::test]
async fn without_auditing_a_tenant_is_registered_and_told() -> Outcome<()> {
    let world = World::start(not_consented(1)).await?;
    let auditing = Some(false);
    let wanted = TenantState {
        auditing,
        ..TenantState::default()
    };
    world.emulator.set_tenant(world.tenant(), &wanted);
    let link = link(&world, Value::Null).await;
    let back = open(&world, &link, world.tenant(), Decision::Accept).await?;
    let page = browse(&world, &back).await;
    page.says(200, "is registered");
    page.says(
        200,
        "Not enabled yet: Audit.AzureActiveDirectory, Audit.Exchange",
    );
    page.says(200, "does not exist");
    page.says(200, "Set-AdminAuditLogConfig");
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_is_registered_stays_as_it_is() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let body = json!({"tenant_id": world.tenant(), "name": "Fabrikam", "content_types": [EXCHANGE.as_str()]});
    world.operate(Method::POST, "/v1/tenants", body).await;
    let link = link(&world, json!({"name": "Mallory"})).await;
    let page = visit(&world, &forged(&state(&link), world.tenant())).await;
    page.says(200, "is registered");
    assert!(
        !page.text.contains("Fabrikam"),
        "a link's holder learns no name"
    );
    let path = format!("/v1/tenants/{}", world.tenant());
    let (_, shown) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(shown["name"], "Fabrikam");
    assert_eq!(shown["subscriptions"].as_array().unwrap().len(), 1);
    assert_eq!(world.emulator.starts().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_was_refused_comes_by_the_link_it_is_shown() -> Outcome<()> {
    let world = World::start(not_consented(2)).await?;
    let tenant = world.emulator.tenants()[1];
    let types = [EXCHANGE.as_str()];
    let body = json!({"tenant_id": tenant, "name": "Contoso", "content_types": types});
    let (status, problem) = world.operate(Method::POST, "/v1/tenants", body).await;
    assert_eq!(status, 409, "{problem}");
    let link = json!({"url": problem["consent_url"]});
    let back = open(&world, &link, tenant, Decision::Accept).await?;
    let page = visit(&world, &forged(&state(&link), world.tenant())).await;
    page.says(409, "for another tenant");
    browse(&world, &back)
        .await
        .says(200, "Enabled: Audit.Exchange.");
    let path = format!("/v1/tenants/{tenant}");
    let (_, shown) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(shown["name"], "Contoso");
    assert_eq!(world.emulator.starts().len(), 1);
    Ok(())
}

#[tokio::test]
async fn links_are_made_and_shown_with_a_key_only() -> Outcome<()> {
    let world = World::start(not_consented(1)).await?;
    let link = link(&world, Value::Null).await;
    let one = format!("/v1/consents/{}", link["consent_id"].as_str().unwrap());
    let post = world.operate_raw(Method::POST, "/v1/consents", None, String::new());
    assert_eq!(post.await.0, 401);
    let get = world.operate_raw(Method::GET, &one, None, String::new());
    assert_eq!(get.await.0, 401);
    let none = format!("/v1/consents/{}", "0".repeat(32));
    let (status, problem) = world.operate(Method::GET, &none, Value::Null).await;
    assert_eq!(
        (status.as_u16(), &problem["type"]),
        (404, &json!("/docs/errors#no-such-consent"))
    );
    let (status, _) = world
        .operate(Method::POST, "/v1/consents", json!({"cloud": "mars"}))
        .await;
    assert_eq!(status, 400);
    let (status, _) = world.operate(Method::DELETE, &one, Value::Null).await;
    assert_eq!(status, 405);
    Ok(())
}

#[tokio::test]
async fn an_unregistered_redirect_is_refused_by_microsoft() -> Outcome<()> {
    let world = World::start(not_consented(1)).await?;
    let link = link(&world, Value::Null).await;
    let mut url: Url = link["url"].as_str().unwrap().parse()?;
    let elsewhere = url.query().unwrap().replace("callback", "elsewhere");
    url.set_query(Some(&elsewhere));
    let refused = follow(url.as_str()).await.unwrap_err().to_string();
    assert!(refused.contains("AADSTS50011"), "{refused}");
    Ok(())
}
