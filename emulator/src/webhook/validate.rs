//! The validation call of a start.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use uuid::Uuid;

use crate::shared::Shared;

/// Asks the webhook whether it is there. The answer's body is not looked at.
///
/// # Errors
/// The reason, as AF20021 gives it.
pub(crate) async fn validate(
    shared: &Shared,
    address: &str,
    auth_id: Option<&str>,
) -> Result<(), &'static str> {
    let https = address
        .get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let http = shared.config.allow_http_webhooks
        && address
            .get(..7)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    if !https && !http {
        return Err("The address must begin with HTTPS.");
    }
    let code = Uuid::new_v4().to_string();
    let mut request = shared
        .webhook_client
        .post(address)
        .timeout(Duration::from_secs(
            shared.config.rules.validation_timeout_seconds,
        ))
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header("Webhook-ValidationCode", &code)
        .body(serde_json::json!({ "validationCode": code }).to_string());
    if let Some(auth_id) = auth_id {
        request = request.header("Webhook-AuthID", auth_id);
    }
    match request.send().await {
        Ok(answer) if answer.status() == 200 => Ok(()),
        Ok(answer) => {
            tracing::info!(
                address,
                status = answer.status().as_u16(),
                "the webhook refused its validation"
            );
            Err("The endpoint did not return HTTP 200.")
        }
        Err(error) => {
            tracing::info!(address, %error, "the webhook did not answer its validation");
            Err("The endpoint did not return HTTP 200.")
        }
    }
}
