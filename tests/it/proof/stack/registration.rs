//! A tenant is registered through the deployed API.

use emulator::ContentType;
use pipeline::logging::message;
use reqwest::Method;
use serde_json::{Value, json};
use tests::Outcome;
use uuid::Uuid;

use super::world::{World, answer, call, ensure, subscriptions, wait_until};

pub(super) async fn register(world: &World, request: &Value) -> Outcome<()> {
    let request = request.clone();
    call(world, Method::POST, "v1/tenants", request)
        .await
        .map(drop)
}

pub(super) async fn tenant_is_registered_and_its_webhooks_are_validated(
    world: &World,
    tenant: Uuid,
) -> Outcome<()> {
    let types = ContentType::ALL.map(ContentType::name);
    let request = json!({"tenant_id": tenant, "cloud": "enterprise", "name": "Contoso", "content_types": types});
    register(world, &request).await?;
    subscriptions_are_enabled(world, tenant, types.len()).await?;
    let log = world.stack.log("receiver").await?;
    let validated = log.matches(message::WEBHOOK_VALIDATED).count();
    ensure(validated == types.len(), || {
        format!(
            "the receiver answered {validated} validation calls, not {}",
            types.len()
        )
    })
}

pub(super) async fn subscriptions_are_enabled(
    world: &World,
    tenant: Uuid,
    wanted: usize,
) -> Outcome<()> {
    let what = "every subscription is enabled, each with its webhook";
    wait_until(what, async || {
        let subscriptions = subscriptions(world, tenant).await?;
        let enabled = |of: &&Value| of["status"] == "enabled" && of["webhook"] == "enabled";
        let count = subscriptions.iter().filter(enabled).count();
        Ok((count == wanted)
            .then_some(())
            .ok_or_else(|| format!("{subscriptions:#?}")))
    })
    .await
}

/// The whole way of a browser: Microsoft's page, which accepts at once, and the deployed callback, without a key.
pub(super) async fn a_consent_link_leads_back_to_a_page(
    world: &World,
    tenant: Uuid,
) -> Outcome<()> {
    let key = world.key().await?;
    let consents = format!("{}v1/consents", world.stack.url());
    let post = world.client.post(&consents).bearer_auth(key);
    let (status, link) = answer(post.json(&json!({"name": "Contoso"}))).await?;
    ensure(status == 201, || {
        format!("a consent link answers {status}: {link}")
    })?;
    let link: Value = serde_json::from_str(&link)?;
    let page = world
        .client
        .get(link["url"].as_str().unwrap_or_default())
        .send()
        .await?;
    let (status, address) = (page.status(), page.url().path().to_owned());
    let policy = page.headers().contains_key("content-security-policy");
    let text = page.text().await?;
    let named = text.contains(&tenant.to_string()) && text.contains("is registered");
    ensure(
        status == 200 && address == "/consent/callback" && policy && named,
        || format!("the browser ends at {address} with {status}: {text}"),
    )?;
    let id = link["consent_id"].as_str().unwrap_or_default();
    let get = world.client.get(format!("{consents}/{id}"));
    let (_, consent) = answer(get.bearer_auth(key)).await?;
    let consent: Value = serde_json::from_str(&consent)?;
    ensure(consent["state"] == "registered", || {
        format!("the consent link says {consent}")
    })
}
