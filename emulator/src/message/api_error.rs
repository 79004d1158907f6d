//! Errors as the API spells them.

use serde_json::json;

use super::response::{Response, json};

/// An error: HTTP status, code such as `AF20022`, and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    pub(crate) fn response(&self) -> Response {
        json(
            self.status,
            &json!({ "error": { "code": self.code, "message": self.message } }),
        )
    }
}
