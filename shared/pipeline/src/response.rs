//! HTTP answers: JSON, empty ones, and errors as RFC 9457 problem details.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// An error answer. The type is a stable name below `urn:ualstream:problem:`, for programs; title and detail are for
/// people and say what to do.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    extra: Map<String, Value>,
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            extra: Map::new(),
        }
    }

    /// Adds a member of its own to the answer.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// The answer.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let mut body = json!({
            "type": format!("urn:ualstream:problem:{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Value::Object(members) = &mut body {
            members.extend(self.extra);
        }
        let mut response = json_response(self.status, &body);
        response.headers_mut().insert(
            CONTENT_TYPE,
            http::HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}

/// A JSON answer that no cache keeps.
#[must_use]
pub fn json_response(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    let Ok(mut text) = serde_json::to_vec(body) else {
        unreachable!("an answer has string keys and plain values only")
    };
    text.push(b'\n');
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    headers.insert(CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

/// An answer without a body.
#[must_use]
pub fn empty_response(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
