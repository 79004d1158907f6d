//! What the tests use: an emulator with a collector, a webhook receiver, an identity provider.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use emulator::{Config, ContentType, Emulator};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

/// Longest wait for what happens in the background.
const PATIENCE: Duration = Duration::from_secs(20);

/// The company that wrote the collector.
pub(crate) const PUBLISHER: &str = "46b472a7-c68e-4adf-8ade-3db49497518e";

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The error code of the feed.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Status and code, for short assertions.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

/// An emulator, its first tenant, and a collector for it.
pub(crate) struct World {
    pub(crate) microsoft: Emulator,
    pub(crate) tenant: Uuid,
    pub(crate) token: String,
    pub(crate) client: reqwest::Client,
}

impl World {
    /// Nothing is published unless the test says so.
    pub(crate) fn config() -> Config {
        Config {
            blobs_per_tenant: 0,
            allow_http_webhooks: true,
            ..Config::default()
        }
    }

    pub(crate) async fn new(config: Config) -> Self {
        let microsoft = Emulator::start(config).await.expect("the emulator starts");
        let tenant = microsoft.tenants()[0];
        let client = reqwest::Client::builder()
            .no_proxy()
            .no_gzip()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let mut world = Self {
            microsoft,
            tenant,
            token: String::new(),
            client,
        };
        world.token = world.fresh_token(tenant).await;
        world
    }

    pub(crate) async fn fresh_token(&self, tenant: Uuid) -> String {
        let secret = self.microsoft.client_secret().to_owned();
        let answer = self
            .ask_token(
                &tenant.to_string(),
                "v2.0/token",
                &[
                    ("client_secret", &secret),
                    ("scope", "https://manage.office.com/.default"),
                ],
            )
            .await;
        answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// Posts to a token endpoint; grant type and client id are filled in unless given.
    pub(crate) async fn ask_token(
        &self,
        tenant: &str,
        endpoint: &str,
        form: &[(&str, &str)],
    ) -> Seen {
        let client_id = self.microsoft.client_id().to_string();
        let mut all = form.to_vec();
        for (name, value) in [
            ("grant_type", "client_credentials"),
            ("client_id", client_id.as_str()),
        ] {
            if !all.iter().any(|(of, _)| *of == name) {
                all.push((name, value));
            }
        }
        let url = format!("{}{tenant}/oauth2/{endpoint}", self.microsoft.login_url());
        self.send(self.client.post(url).form(&all)).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Seen {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Seen {
            status,
            headers,
            body: answer.bytes().await.expect("a whole body"),
        }
    }

    /// The address of an operation of the feed, with PublisherIdentifier.
    pub(crate) fn feed(&self, operation: &str) -> String {
        let mark = if operation.contains('?') { '&' } else { '?' };
        format!(
            "{}api/v1.0/{}/activity/feed/{operation}{mark}PublisherIdentifier={PUBLISHER}",
            self.microsoft.manage_url(),
            self.tenant
        )
    }

    pub(crate) async fn get_url(&self, url: &str) -> Seen {
        self.send(self.client.get(url).bearer_auth(&self.token))
            .await
    }

    pub(crate) async fn get(&self, operation: &str) -> Seen {
        self.get_url(&self.feed(operation)).await
    }

    pub(crate) async fn post(&self, operation: &str, body: impl Into<reqwest::Body>) -> Seen {
        self.send(
            self.client
                .post(self.feed(operation))
                .bearer_auth(&self.token)
                .body(body),
        )
        .await
    }

    pub(crate) async fn start(&self, content_type: ContentType) -> Seen {
        self.post(
            &format!("subscriptions/start?contentType={content_type}"),
            "",
        )
        .await
    }

    pub(crate) async fn start_with_webhook(
        &self,
        content_type: ContentType,
        address: &str,
    ) -> Seen {
        let body = json!({ "webhook": { "address": address, "authId": "o365activityapinotification", "expiration": "" } });
        self.post(
            &format!("subscriptions/start?contentType={content_type}"),
            body.to_string(),
        )
        .await
    }

    pub(crate) async fn stop(&self, content_type: ContentType) -> Seen {
        self.post(
            &format!("subscriptions/stop?contentType={content_type}"),
            "",
        )
        .await
    }

    pub(crate) async fn content(&self, content_type: ContentType) -> Seen {
        self.get(&format!("subscriptions/content?contentType={content_type}"))
            .await
    }

    /// The ids of the blobs that the default listing shows.
    pub(crate) async fn content_ids(&self, content_type: ContentType) -> Vec<String> {
        let listed = self.content(content_type).await;
        let items = listed.json();
        items
            .as_array()
            .expect("an array")
            .iter()
            .map(|item| item["contentId"].as_str().expect("an id").to_owned())
            .collect()
    }

    pub(crate) async fn blob(&self, content_id: &str) -> Seen {
        self.get(&format!("audit/{content_id}")).await
    }

    /// The answer as it is on the wire, head and body.
    pub(crate) async fn raw_get(&self, operation: &str) -> String {
        self.try_raw_get(operation).await.expect("an answer")
    }

    pub(crate) async fn try_raw_get(&self, operation: &str) -> std::io::Result<String> {
        let mut stream = tokio::net::TcpStream::connect(self.microsoft.address()).await?;
        let url: url::Url = self.feed(operation).parse().expect("a URL");
        let (target, token) = (&url[url::Position::BeforePath..], &self.token);
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: emulator\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    /// Publishes one record by hand in the first tenant.
    pub(crate) fn publish(&self, content_type: ContentType, record_id: &str) -> String {
        self.microsoft
            .publish(self.tenant, content_type, vec![json!({ "Id": record_id })])
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.microsoft.clock().advance(Duration::from_secs(seconds));
    }
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A call that the receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("text"))
    }
}

/// Serves every request of a free port with `answer`.
async fn serve<F, A>(answer: F) -> std::net::SocketAddr
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|request| {
                    let answered = answer(request);
                    async move { Ok::<_, std::convert::Infallible>(answered.await) }
                });
                // A client that goes away is none of the test's business.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

/// An OpenID provider with a discovery document and keys.
pub(crate) struct Provider {
    pub(crate) issuer: String,
}

impl Provider {
    pub(crate) async fn new(keys: Value) -> Self {
        let address = serve(move |request: Request<Incoming>| {
            let host = request.headers()["host"]
                .to_str()
                .expect("a host")
                .to_owned();
            let body = match request.uri().path() {
                "/.well-known/openid-configuration" => {
                    json!({ "issuer": format!("http://{host}"), "jwks_uri": format!("http://{host}/keys") })
                }
                _ => keys.clone(),
            };
            async move { Response::new(Full::from(body.to_string())) }
        })
        .await;
        Self {
            issuer: format!("http://{address}"),
        }
    }
}

/// A webhook that keeps what it got. It answers with the statuses it was given, then with 200.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    calls: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    always: Arc<Mutex<Option<u16>>>,
    pub(crate) address: String,
}

impl Receiver {
    pub(crate) async fn new() -> Self {
        let mut receiver = Self::default();
        let serving = receiver.clone();
        let address = serve(move |request| serving.clone().take(request)).await;
        receiver.address = format!("http://{address}/hook");
        receiver
    }

    async fn take(self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let status = self.answers.lock().expect("not poisoned").pop_front();
        let status = status
            .or(*self.always.lock().expect("not poisoned"))
            .unwrap_or(200);
        self.calls.lock().expect("not poisoned").push(Got {
            headers: parts.headers,
            body,
        });
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        answer
    }

    /// The statuses of the next answers.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.answers.lock().expect("not poisoned").extend(statuses);
    }

    /// The status of every answer from now on.
    pub(crate) fn always(&self, status: u16) {
        *self.always.lock().expect("not poisoned") = Some(status);
    }

    pub(crate) fn calls(&self) -> Vec<Got> {
        self.calls.lock().expect("not poisoned").clone()
    }

    /// The calls that were notifications.
    pub(crate) fn notifications(&self) -> Vec<Got> {
        self.calls()
            .into_iter()
            .filter(|got| got.header("webhook-validationcode").is_none())
            .collect()
    }

    /// The content ids announced so far, in order.
    pub(crate) fn announced(&self) -> Vec<String> {
        let items = self
            .notifications()
            .into_iter()
            .flat_map(|got| got.json().as_array().cloned().unwrap_or_default());
        items
            .map(|item| item["contentId"].as_str().expect("an id").to_owned())
            .collect()
    }
}
