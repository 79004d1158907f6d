//! A client of the operator's API of a running installation.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

/// Time for one call: the API answers within 27 s.
const CALL_WITHIN: Duration = Duration::from_secs(30);

/// Longest answer read, in bytes. A list of thousands of tenants has a few MiB.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There was no answer.
    #[error("no answer from {url}: {why}")]
    NoAnswer {
        /// The address called.
        url: String,
        /// The cause.
        why: String,
    },
    /// The API answered with an error.
    #[error("{url} answered {status}: {detail}")]
    Refused {
        /// The address called.
        url: String,
        /// The answer's status.
        status: StatusCode,
        /// The answer's `detail`: what to do.
        detail: String,
    },
}

/// Calls the API at `base`, which ends in a slash, with a `path` such as `v1/tenants`. Returns the JSON of the answer, `null` if it
/// has none.
///
/// # Errors
/// See [`CallError`].
pub async fn call(
    base: &Url,
    key: &SecretString,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, CallError> {
    let url = format!("{base}{path}");
    let no_answer = |why: String| CallError::NoAnswer {
        url: url.clone(),
        why,
    };
    let (status, answer) = timeout(CALL_WITHIN, exchange(base, key, method, path, body))
        .await
        .map_err(|_| no_answer(format!("nothing within {CALL_WITHIN:?}")))?
        .map_err(|error| no_answer(error.to_string()))?;
    let answer = serde_json::from_slice(&answer).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(answer);
    }
    Err(CallError::Refused {
        url: url.clone(),
        status,
        detail: answer["detail"]
            .as_str()
            .unwrap_or("no reason given")
            .to_owned(),
    })
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(
    base: &Url,
    key: &SecretString,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(StatusCode, Bytes), AnyError> {
    let authority = base.authority();
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let body = body.map(ToString::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(format!("/{path}"))
        .header(HOST, authority)
        .header(AUTHORIZATION, format!("Bearer {}", key.expose_secret()))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await?
        .to_bytes();
    connection.abort();
    Ok((status, answer))
}
