//! A tenant as the API shows it.

use serde_json::{Value, json};

use crate::store::ledger::registry::Registered;

/// The tenant and its subscriptions:
///
/// ```json
/// {"tenant_id": "…", "name": "…", "cloud": "enterprise", "state": "active", "created_at": "…",
///  "subscriptions": [{"content_type": "Audit.Exchange", "status": "enabled", "webhook": "enabled",
///    "last_notification_at": "…", "last_content_at": "…", "last_error": null, "last_error_at": null,
///    "last_loss": null, "last_loss_at": null, "listed_until": "…", "observed_at": "…"}]}
/// ```
///
/// `status` is `enabled`, `disabled` or `pending`; `webhook` is `enabled`, `disabled`, `expired` or `none`; times are
/// RFC 3339, null when there is none. `listed_until` is the sweep's watermark: everything Microsoft made available before
/// it was compared with the ledger.
pub(super) fn view(registered: &Registered) -> Value {
    let tenant = &registered.tenant;
    let subscriptions: Vec<Value> = registered
        .subscriptions
        .iter()
        .map(|(content_type, subscription)| {
            let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string());
            json!({
                "content_type": content_type.as_str(),
                "status": subscription.status,
                "webhook": subscription.webhook.as_deref().unwrap_or("none"),
                "last_notification_at": time(subscription.last_notification_at),
                "last_content_at": time(subscription.last_content_at),
                "last_error": subscription.last_error,
                "last_error_at": time(subscription.last_error_at),
                "observed_at": time(subscription.observed_at),
            })
        })
        .collect();
    json!({
        "tenant_id": tenant.tenant_id.to_string(),
        "name": tenant.name,
        "cloud": tenant.cloud.to_string(),
        "state": tenant.state.as_str(),
        "created_at": tenant.created_at.to_string(),
        "subscriptions": subscriptions,
    })
}
