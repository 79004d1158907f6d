//! A client of the operator's API of a running installation, here or on AWS.

use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::{Host, Url};

/// Time for one call: the API answers within 27 s.
const CALL_WITHIN: Duration = Duration::from_secs(30);

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

/// Calls the API at `base`, which ends in a slash, with a `path` such as `v1/tenants`, a query included. Returns the JSON of
/// the answer, `null` if it has none.
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
    let exchanged = exchange(base, &url, key, method, body).await;
    let (status, answer) = exchanged.map_err(|error| CallError::NoAnswer {
        url: url.clone(),
        why: causes(&error),
    })?;
    if status.is_success() {
        return Ok(answer);
    }
    Err(CallError::Refused {
        url,
        status,
        detail: answer["detail"]
            .as_str()
            .unwrap_or("no reason given")
            .to_owned(),
    })
}

async fn exchange(
    base: &Url,
    url: &str,
    key: &SecretString,
    method: Method,
    body: Option<&Value>,
) -> Result<(StatusCode, Value), reqwest::Error> {
    // Never followed elsewhere: the key goes to the address that was given, and to no other.
    let builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .timeout(CALL_WITHIN);
    let client = match base.host() {
        Some(Host::Ipv4(ip)) if ip.is_loopback() => builder.no_proxy(),
        _ => builder,
    };
    let mut request = client
        .build()?
        .request(method, url)
        .bearer_auth(key.expose_secret());
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await?;
    let status = response.status();
    let text = response.bytes().await?;
    Ok((status, serde_json::from_slice(&text).unwrap_or(Value::Null)))
}

/// The error with what is behind it: the library's own text stops at "error sending request".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
