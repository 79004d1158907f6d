//! The validation call of a start.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use uuid::Uuid;

use crate::content_type::ContentType;
use crate::operation::Operation;
use crate::world::{RequestSeen, SharedState};

/// Whose webhook is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscriber {
    pub(crate) tenant: Uuid,
    pub(crate) content_type: ContentType,
}

/// Asks the webhook whether it is there. The answer's body is not looked at.
///
/// # Errors
/// The reason, as AF20021 gives it.
pub(crate) async fn validate(
    shared: &SharedState,
    subscriber: Subscriber,
    address: &str,
    auth_id: Option<&str>,
) -> Result<(), &'static str> {
    let begins = |scheme: &str| {
        address
            .get(..scheme.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    };
    let allowed = begins("https://") || (shared.config.allow_http_webhooks && begins("http://"));
    if !allowed {
        return Err("The address must begin with HTTPS.");
    }
    let status = ask(shared, address, auth_id).await;
    shared.journal().request(RequestSeen {
        at: shared.now(),
        operation: Operation::Validation,
        method: "POST".to_owned(),
        target: address.to_owned(),
        tenant: Some(subscriber.tenant),
        token_tenant: None,
        content_type: Some(subscriber.content_type),
        publisher: None,
        status,
    });
    if status == 200 {
        return Ok(());
    }
    tracing::info!(address, status, "the webhook was not validated");
    Err("The endpoint did not return HTTP 200.")
}

/// The status of the answer, 0 when there is none.
async fn ask(shared: &SharedState, address: &str, auth_id: Option<&str>) -> u16 {
    let code = Uuid::new_v4().to_string();
    let timeout = Duration::from_secs(shared.config.behaviour.validation_timeout_seconds);
    let mut request = shared
        .webhook_client
        .post(address)
        .timeout(timeout)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header("Webhook-ValidationCode", &code)
        .body(serde_json::json!({ "validationCode": code }).to_string());
    if let Some(auth_id) = auth_id {
        request = request.header("Webhook-AuthID", auth_id);
    }
    match request.send().await {
        Ok(answer) => answer.status().as_u16(),
        Err(error) => {
            tracing::info!(address, %error, "the webhook did not answer its validation");
            0
        }
    }
}
