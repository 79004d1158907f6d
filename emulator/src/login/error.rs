//! Errors as the login host spells them.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::message::{Response, json};

/// Most of a tenant's name that a refusal quotes: a domain has up to 253 characters.
const TENANT_CHARS_MAX: usize = 253;

/// An AADSTS error: HTTP status, OAuth error, number and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoginError {
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) number: u32,
    pub(crate) text: String,
}

/// There is no such tenant.
pub(crate) fn unknown_tenant(error: &'static str, tenant: &str) -> LoginError {
    let tenant: String = tenant.chars().take(TENANT_CHARS_MAX).collect();
    LoginError::new(
        400,
        error,
        90_002,
        format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. \
             Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
        ),
    )
}

impl LoginError {
    pub(crate) fn new(
        status: u16,
        error: &'static str,
        number: u32,
        text: impl Into<String>,
    ) -> Self {
        Self {
            status,
            error,
            number,
            text: text.into(),
        }
    }

    pub(crate) fn response(&self, now: Timestamp) -> Response {
        let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
        let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
            self.number, self.text
        );
        json(
            self.status,
            &json!({
                "error": self.error,
                "error_description": description,
                "error_codes": [self.number],
                "timestamp": timestamp,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.number),
            }),
        )
    }
}
