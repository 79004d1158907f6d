//! HTTP answers: JSON, empty ones, and errors as RFC 9457 problem details.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Where the kinds of problems are explained: a page of the installation itself, made from docs/ERRORS.md. Each kind has a
/// heading of its own there.
pub const ERRORS_PATH: &str = "/docs/errors";

/// An error answer. The type is the address of its explanation, [`ERRORS_PATH`]`#kind`, and stays as it is, so programs may
/// compare it; title and detail are for people and say what to do.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    extra: Map<String, Value>,
}

/// An error, as RFC 9457 describes it. Some kinds have members of their own besides.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// The kind: the address of its explanation, for programs to compare.
    #[schema(examples("/docs/errors#not-registered"))]
    r#type: String,
    title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What to do.
    detail: String,
    #[serde(flatten)]
    #[schema(ignore)]
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
        let body = ProblemBody {
            r#type: format!("{ERRORS_PATH}#{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: self.detail,
            extra: self.extra,
        };
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
    json_bytes(status, text)
}

/// The same, of JSON that is written already.
#[must_use]
pub fn json_bytes(status: StatusCode, text: Vec<u8>) -> Response<Bytes> {
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
