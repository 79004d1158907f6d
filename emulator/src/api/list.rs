//! The listing of subscriptions.

use serde_json::{Value, json};

use super::access::Access;
use super::errors;
use crate::message::{ApiError, Request, Response, json};
use crate::publish::format_time;
use crate::world::Webhook;

/// `GET /subscriptions/list`
pub(crate) fn list(request: &Request, access: &Access) -> Result<Response, ApiError> {
    let shared = &request.shared;
    let now = shared.now();
    let world = shared.world();
    let Some(tenant) = world.tenants.get(&access.tenant) else {
        return Err(errors::unknown_tenant(
            &shared.config.behaviour,
            &access.tenant.to_string(),
        ));
    };
    let subscriptions: Vec<Value> = tenant
        .subscriptions
        .iter()
        .filter(|((client_id, _), subscription)| {
            *client_id == access.client_id && subscription.was_ever_enabled() && !subscription.is_stuck(now)
        })
        .map(|(_, subscription)| {
            let shown = subscription.webhook.as_ref().filter(|webhook| webhook.shown_from <= now);
            let webhook = shown.map(|webhook| {
                json!({
                    "authId": webhook.auth_id.as_deref().unwrap_or_default(),
                    "address": webhook.address,
                    "expiration": webhook.expiration.map(format_time).unwrap_or_default(),
                    "status": webhook.status(now),
                })
            });
            let status = if subscription.is_enabled() { "enabled" } else { "disabled" };
            if shared.config.behaviour.omit_subscription_status {
                json!({ "contentType": subscription.spelling, "webhook": webhook })
            } else {
                json!({ "contentType": subscription.spelling, "status": status, "webhook": webhook })
            }
        })
        .collect();
    Ok(json(200, &subscriptions))
}

/// The webhook as a start echoes it: other order, and null for what was not given.
pub(crate) fn started_webhook(webhook: &Webhook) -> Value {
    json!({
        "status": "enabled",
        "address": webhook.address,
        "authId": webhook.auth_id,
        "expiration": webhook.expiration.map(format_time),
    })
}
