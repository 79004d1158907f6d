//! A small scripted server for these tests: it answers what a test tells it to and remembers what was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use jiff::Timestamp;
use office365::{
    BreakerLimits, Client, ClientConfig, Cloud, ContentListing, ContentType, Credential, Endpoints,
    Error, QuotaLimits, RetryLimits, TenantId,
};
use uuid::Uuid;

/// The tenant of every test that needs only one.
pub(crate) const TENANT: &str = "41463f53-8812-40f4-890f-865bf6e35190";
pub(crate) const CLIENT_ID: &str = "8c8e0c2b-7a3c-4b7b-9a0e-1f3c5a7e9b11";
pub(crate) const PUBLISHER_ID: &str = "5f0e7d2a-1c3b-4d5e-8f60-718293a4b5c6";
pub(crate) const SECRET: &str = "fixture~secret.value";

/// Requests taken by one test; more means that a loop has run away.
const REQUESTS_MAX: usize = 20_000;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

type Script = dyn Fn(&Seen, usize) -> Response + Send + Sync;

struct Inner {
    seen: Mutex<Vec<Seen>>,
    tokens: Mutex<VecDeque<Response>>,
    script: Box<Script>,
}

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Server {
    inner: Arc<Inner>,
    pub(crate) base: String,
}

impl Server {
    /// Starts a server that answers the n-th API request (from 0) with `script`.
    pub(crate) async fn start(
        script: impl Fn(&Seen, usize) -> Response + Send + Sync + 'static,
    ) -> Self {
        let inner = Arc::new(Inner {
            seen: Mutex::default(),
            tokens: Mutex::default(),
            script: Box::new(script),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inner, base }
    }

    /// Answers the next token requests with these, in order; afterwards good tokens again.
    pub(crate) fn script_tokens(&self, answers: impl IntoIterator<Item = Response>) {
        self.inner.tokens.lock().unwrap().extend(answers);
    }

    /// Settings of a client of this server: hardly a wait between attempts, no limits, and a clock that stands still.
    pub(crate) fn config(&self) -> ClientConfig {
        let credential = Credential::Secret(SECRET.into());
        let now: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
        ClientConfig {
            endpoints: Endpoints::overridden(Some(&self.base), Some(&self.base)).unwrap(),
            retry: RetryLimits {
                delay_base: Duration::from_millis(1),
                ..RetryLimits::default()
            },
            quota: QuotaLimits::unlimited(),
            breaker: BreakerLimits::off(),
            clock: Arc::new(move || now),
            random: Arc::new(|| 42),
            ..ClientConfig::new(uuid(CLIENT_ID), credential, uuid(PUBLISHER_ID))
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.config()).unwrap()
    }

    /// All requests to the API.
    pub(crate) fn calls(&self) -> Vec<Seen> {
        self.requests(|seen| !is_token(seen))
    }

    /// All requests for tokens.
    pub(crate) fn token_calls(&self) -> Vec<Seen> {
        self.requests(is_token)
    }

    fn requests(&self, keep: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let seen = self.inner.seen.lock().unwrap();
        seen.iter().filter(|seen| keep(seen)).cloned().collect()
    }
}

fn is_token(seen: &Seen) -> bool {
    seen.path.ends_with("/oauth2/v2.0/token")
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        authorization: parts
            .headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned()),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let (calls, tokens) = {
        let mut all = inner.seen.lock().unwrap();
        assert!(
            all.len() < REQUESTS_MAX,
            "a client repeats requests without end"
        );
        all.push(seen.clone());
        let tokens = all.iter().filter(|seen| is_token(seen)).count();
        (all.len() - tokens, tokens)
    };
    if !is_token(&seen) {
        return (inner.script)(&seen, calls - 1);
    }
    match inner.tokens.lock().unwrap().pop_front() {
        Some(scripted) => scripted,
        None => token(&["ActivityFeed.Read", "ActivityFeed.ReadDlp"], tokens),
    }
}

/// A token answer; `serial` makes tokens differ.
pub(crate) fn token(roles: &[&str], serial: usize) -> Response {
    let claims = serde_json::json!({
        "tid": TENANT, "aud": "https://manage.office.com", "roles": roles, "serial": serial,
    });
    let payload = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    json(
        200,
        &format!(
            r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"eyJhbGciOiJub25lIn0.{payload}.c2ln"}}"#
        ),
    )
}

pub(crate) fn json(status: u16, body: &str) -> Response {
    reply(
        status,
        &[("content-type", "application/json; charset=utf-8")],
        body,
    )
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

/// The API's error body.
pub(crate) fn refuse(status: u16, code: &str, message: &str) -> Response {
    json(
        status,
        &serde_json::json!({"error": {"code": code, "message": message}}).to_string(),
    )
}

/// Entra's error body.
pub(crate) fn refuse_token(status: u16, error: &str, description: &str) -> Response {
    json(
        status,
        &serde_json::json!({"error": error, "error_description": description}).to_string(),
    )
}

/// All pages of a listing, or the first error.
pub(crate) async fn pages(
    client: &Client,
    content_type: ContentType,
    start: Timestamp,
    end: Timestamp,
) -> Result<Vec<ContentListing>, Error> {
    let mut pages = client.content_pages(tenant(), Cloud::Enterprise, content_type, start, end);
    let mut all = Vec::new();
    while let Some(page) = pages.next().await? {
        all.push(page);
    }
    Ok(all)
}

pub(crate) fn tenant() -> TenantId {
    TENANT.parse().unwrap()
}

pub(crate) fn uuid(text: &str) -> Uuid {
    text.parse().unwrap()
}
