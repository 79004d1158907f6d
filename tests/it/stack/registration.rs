//! A tenant is registered through the deployed API.

use emulator::ContentType;
use pipeline::logging::message;
use serde_json::{Value, json};
use tests::Outcome;
use uuid::Uuid;

use super::{World, answer, ensure, subscriptions, wait_until};

pub(super) async fn register(world: &World, request: &Value) -> Outcome<()> {
    let post = world
        .client
        .post(format!("{}v1/tenants", world.stack.url()))
        .bearer_auth(world.stack.api_key().await?)
        .json(request);
    let (status, body) = answer(post).await?;
    ensure(status.is_success(), || {
        format!("registering answers {status}: {body}")
    })
}

pub(super) async fn tenant_is_registered_and_its_webhooks_are_validated(
    world: &World,
    tenant: Uuid,
) -> Outcome<()> {
    let types = ContentType::ALL.map(ContentType::name);
    let request = json!({"tenant_id": tenant, "cloud": "enterprise", "name": "Contoso", "content_types": types});
    register(world, &request).await?;
    wait_until(
        "every subscription is enabled, each with its webhook",
        async || {
            let subscriptions = subscriptions(world, tenant).await?;
            let enabled = |of: &&Value| of["status"] == "enabled" && of["webhook"] == "enabled";
            let count = subscriptions.iter().filter(enabled).count();
            Ok((count == types.len())
                .then_some(())
                .ok_or_else(|| format!("{subscriptions:#?}")))
        },
    )
    .await?;
    let log = world.stack.log("receiver").await?;
    let validated = log.matches(message::WEBHOOK_VALIDATED).count();
    ensure(validated == types.len(), || {
        format!(
            "the receiver answered {validated} validation calls, not {}",
            types.len()
        )
    })
}
