//! The installation of a run: the product's own functions over stores in this process, an emulated Microsoft, and a front door on
//! the loopback that Microsoft's notifications come to.

mod clients;
mod process;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use bytes::Bytes;
use emulator::Emulator;
use http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use office365::{AllowedHosts, ContentType, TenantId};
use pipeline::api::{Api, Origin};
use pipeline::aws::secrets::Secret;
use pipeline::detections::Detections;
use pipeline::ledger::Ledger;
use pipeline::receive::{self, BODY_BYTES_MAX, Receiver};
use pipeline::reconcile::Periods;
use pipeline::restore::{Restored, Wanted};
use pipeline::subscription::webhook::auth_id;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;

use self::clients::{dynamodb_client, lake, microsoft, queue, shown};
pub use self::process::Process;
use super::crash::Crash;
use super::dynamodb::{DynamoDb, Item};
use super::oracle::TYPES;
use super::secrets::Secrets;
use super::sqs::Sqs;
use super::weather::Weather;
use crate::Outcome;

const TABLE: &str = "ualstream";

const DETECTIONS_TABLE: &str = "ualstream-detections";

/// Keys that must turn up nowhere but where they are used.
const CANARIES: [&str; 2] = [
    "a-webhook-key-that-must-not-be-seen",
    "an-api-key-that-must-not-be-seen",
];

/// The times of sweeps as they are deployed, but for what passes in real time.
const PERIODS: Periods = Periods {
    stalled: Duration::from_secs(30),
    ..Periods::DEPLOYED
};

/// What outlives every process.
pub struct House {
    /// The emulated Microsoft.
    pub emulator: Emulator,
    /// The queues.
    pub sqs: Sqs,
    /// What goes wrong with AWS.
    pub weather: Weather,
    /// The ledger, for the oracle: nothing goes wrong with its calls.
    pub ledger: Ledger,
    /// Findings, for the oracle.
    pub detections: Detections,
    /// The operator's API; nothing goes wrong with its calls.
    pub api: Api,
    /// When the run began.
    pub begun: Timestamp,
    /// The lake's folder.
    pub folder: TempDir,
    /// How far the product's clock is ahead of Microsoft's and AWS's; none where its tokens go by this machine's clock.
    ahead: Option<SignedDuration>,
    /// The secret of the app registration, as processes find it that start from now on.
    secret: String,
    dynamodb: DynamoDb,
    store: Arc<dyn ObjectStore>,
    url: Url,
    receiver: Arc<Receiver>,
    _server: oneshot::Sender<()>,
}

impl House {
    /// Builds one. Notifications come through the weather, too. The product's clock is so far `ahead` of the others; without that it
    /// goes as they do, and its tokens by this machine's.
    ///
    /// # Errors
    /// A part does not start.
    pub async fn build(
        config: emulator::Config,
        sqs: Sqs,
        weather: Weather,
        ahead: Option<SignedDuration>,
    ) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let emulator = Emulator::start(config).await?;
        let dynamodb = DynamoDb::memory()?;
        let client = calm_client(&dynamodb);
        pipeline::ledger::create_table(&client, TABLE).await?;
        pipeline::detections::create_table(&client, DETECTIONS_TABLE).await?;
        let folder = TempDir::new()?;
        let store: Arc<dyn ObjectStore> =
            Arc::new(LocalFileSystem::new_with_prefix(folder.path())?);
        let ledger = Ledger::new(client.clone(), TABLE.to_owned());
        let detections = Detections::new(client, DETECTIONS_TABLE.to_owned());
        let calm_queue = || queue(weather.client("sqs", sqs.clone(), Crash::never()));
        let secret = emulator.client_secret().to_owned();
        weather.secrets().add(canaries(&emulator)?);
        let microsoft = microsoft(&emulator, &secret, ahead)?;
        let hosts = AllowedHosts::of_any_cloud(microsoft.endpoints());
        let stores = (ledger.clone(), detections.clone(), lake(&folder)?);
        let api = clients::api(stores, calm_queue(), microsoft, &url);
        let receiver = Arc::new(Receiver {
            client_id: emulator.client_id(),
            webhook_key: Secret::fixed(CANARIES[0].into(), None),
            hosts,
            queue: calm_queue(),
        });
        let clock = emulator.clock().clone();
        let server = serve(listener, Arc::clone(&receiver), move || {
            shown(&clock, ahead)
        });
        Ok(Self {
            begun: emulator.clock().now(),
            ahead,
            secret,
            emulator,
            sqs,
            weather,
            ledger,
            detections,
            api,
            folder,
            dynamodb,
            store,
            url,
            receiver,
            _server: server,
        })
    }

    /// The time of the run: Microsoft's and AWS's.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.emulator.clock().now()
    }

    /// The time by the clock of the product.
    #[must_use]
    pub fn by_our_clock(&self) -> Timestamp {
        shown(self.emulator.clock(), self.ahead)
    }

    /// Puts another secret of the app registration where processes find it when they start.
    pub fn store_secret(&mut self, secret: &str) {
        secret.clone_into(&mut self.secret);
    }

    /// The items of the ledger's table, as a copy of it holds them.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn copy_of_ledger(&self) -> Outcome<Vec<Item>> {
        self.dynamodb.items(TABLE)
    }

    /// Puts another table with these items in the place of the ledger's.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn replace_ledger(&self, items: Vec<Item>) -> Outcome<()> {
        self.dynamodb.drop_table(TABLE)?;
        pipeline::ledger::create_table(&calm_client(&self.dynamodb), TABLE).await?;
        self.dynamodb.put_all(TABLE, items)
    }

    /// Tells the ledger which blob each record of the lake belongs to, as an operator does after a loss.
    ///
    /// # Errors
    /// The lake or the database do not answer.
    pub async fn restore(&self) -> Outcome<Restored> {
        let (stores, now) = ((&self.ledger, &lake(&self.folder)?), self.by_our_clock());
        Ok(pipeline::restore::run(stores, Wanted::default(), now, |_| ()).await?)
    }

    /// Calls the operator's API with its key. Nothing goes wrong with it.
    pub async fn operate(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        self.operate_through(&self.api, method, path, body).await
    }

    /// The same, with the API of a process.
    pub async fn operate_through(
        &self,
        api: &Api,
        method: Method,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let body = match body {
            Value::Null => Bytes::new(),
            body => Bytes::from(body.to_string()),
        };
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {}", CANARIES[1]));
        let origin = Origin {
            source: None,
            claims: None,
        };
        let request = request.body(body).unwrap_or_default();
        let clock = pipeline::clock::Clock::stopped_at(self.by_our_clock());
        let answer = pipeline::api::handle(api, request, &origin, clock).await;
        self.weather
            .secrets()
            .look("an answer of the API", answer.body());
        let json = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status(), json)
    }

    /// Posts a notification to the webhook of a subscription, with its own authId or without one: what somebody does who knows it,
    /// or does not.
    pub async fn post(
        &self,
        (tenant, of): (TenantId, ContentType),
        knows_auth_id: bool,
        body: &Value,
    ) -> StatusCode {
        let path = format!("/v1/notifications/{tenant}/{of}");
        let mut request = Request::builder().method(Method::POST).uri(path);
        if knows_auth_id {
            let auth_id = auth_id(&CANARIES[0].into(), tenant, of);
            request = request.header("Webhook-AuthID", auth_id.expose_secret());
        }
        let request = request.body(Bytes::from(body.to_string()));
        let request = request.unwrap_or_default();
        let answer = receive::handle(&self.receiver, request, self.by_our_clock());
        answer.await.status()
    }
}

/// What nobody may see of a house: its keys, the secret of its app registration, and the authId of each webhook.
fn canaries(emulator: &Emulator) -> Outcome<Vec<String>> {
    let mut canaries = CANARIES.map(str::to_owned).to_vec();
    canaries.push(emulator.client_secret().to_owned());
    for tenant in emulator.tenants() {
        for of in TYPES {
            let auth_id = auth_id(&CANARIES[0].into(), tenant.to_string().parse()?, of);
            canaries.push(auth_id.expose_secret().to_owned());
        }
    }
    Ok(canaries)
}

/// A client whose calls nothing befalls and nobody looks into: for what is not the product's.
fn calm_client(dynamodb: &DynamoDb) -> Client {
    let calm = Weather::new(0, Vec::new(), Secrets::default());
    dynamodb_client(calm.client("dynamodb", dynamodb.clone(), Crash::never()))
}

/// Answers Microsoft's calls, by the time of the run, until what is returned is dropped.
fn serve(
    listener: TcpListener,
    receiver: Arc<Receiver>,
    clock: impl Fn() -> Timestamp + Clone + Send + Sync + 'static,
) -> oneshot::Sender<()> {
    let answer = move |request: axum::extract::Request| {
        let (receiver, clock) = (Arc::clone(&receiver), clock.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
            let request = Request::from_parts(parts, body.unwrap_or_default());
            let answer = receive::handle(&receiver, request, clock()).await;
            answer.map(axum::body::Body::from)
        }
    };
    let (server, stopped) = oneshot::channel::<()>();
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(async move {
            let _ = stopped.await;
        });
        let _ended = served.await;
    });
    server
}
