//! The installation of a run: the product's own functions over stores in this process, an emulated Microsoft, and a front door on
//! the loopback that Microsoft's notifications come to.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use bytes::Bytes;
use emulator::{Clock, Emulator};
use http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use normalize::{OcsfVersion, Schema};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use office365::{AllowedHosts, Endpoints};
use pipeline::api::{Access, Api, Fleet, Origin};
use pipeline::aws::secrets::Secret;
use pipeline::detect::{Announcer, Detector, Ruleset};
use pipeline::detections::Detections;
use pipeline::fetch::Fetcher;
use pipeline::lake::Lake;
use pipeline::ledger::Ledger;
use pipeline::microsoft::Microsoft;
use pipeline::microsoft::credential::AppCredential;
use pipeline::queue::{Queue, SweepQueue};
use pipeline::receive::{self, BODY_BYTES_MAX, Receiver};
use pipeline::reconcile::{Dispatcher, Periods, Sweeper};
use pipeline::settings::EventSettings;
use pipeline::subscription::Webhooks;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;
use uuid::Uuid;

use super::bucket::Bucket;
use super::crash::Crash;
use super::dynamodb::{DynamoDb, Item};
use super::sqs::{CONTENT_QUEUE, SWEEP_QUEUE, Sqs};
use super::weather::Weather;
use crate::Outcome;

const REGION: &str = "eu-central-1";

const TABLE: &str = "ualstream";

const DETECTIONS_TABLE: &str = "ualstream-detections";

/// Secrets that must turn up nowhere but where they are used.
pub const CANARIES: [&str; 2] = [
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
    _server: oneshot::Sender<()>,
}

/// A process of each function, with what it remembers.
pub struct Process {
    /// When it dies.
    pub crash: Crash,
    /// The fetcher.
    pub fetcher: Arc<Fetcher>,
    /// The dispatcher.
    pub dispatcher: Dispatcher,
    /// The sweeper.
    pub sweeper: Arc<Sweeper>,
    /// The detector.
    pub detector: Arc<Detector>,
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
        let calm = |inner: &DynamoDb| {
            Weather::new(0, Vec::new()).client("dynamodb", inner.clone(), Crash::never())
        };
        let client = dynamodb_client(calm(&dynamodb));
        pipeline::ledger::create_table(&client, TABLE).await?;
        pipeline::detections::create_table(&client, DETECTIONS_TABLE).await?;
        let folder = TempDir::new()?;
        let store: Arc<dyn ObjectStore> =
            Arc::new(LocalFileSystem::new_with_prefix(folder.path())?);
        let ledger = Ledger::new(client.clone(), TABLE.to_owned());
        let detections = Detections::new(client, DETECTIONS_TABLE.to_owned());
        let queue = |crash| queue(&sqs, &weather, crash);
        let secret = emulator.client_secret().to_owned();
        let microsoft = microsoft(&emulator, &secret, ahead)?;
        let api = Api {
            ledger: ledger.clone(),
            detections: detections.clone(),
            detects: true,
            lake: lake(&folder)?,
            lake_table: "events".to_owned(),
            queue: queue(Crash::never()),
            microsoft: microsoft.clone(),
            webhooks: webhooks(&url),
            public_url: Some(url.clone()),
            api_key: Secret::fixed(CANARIES[1].into(), None),
            fleet: Fleet::default(),
            access: Access::default(),
        };
        let receiver = Arc::new(Receiver {
            client_id: emulator.client_id(),
            webhook_key: Secret::fixed(CANARIES[0].into(), None),
            hosts: AllowedHosts::of_any_cloud(microsoft.endpoints()),
            queue: queue(Crash::never()),
        });
        let clock = emulator.clock().clone();
        let server = serve(listener, receiver, move || shown(&clock, ahead));
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
            _server: server,
        })
    }

    /// A new process of each function, which dies as its fate says.
    ///
    /// # Errors
    /// A part cannot be put together.
    pub fn process(&self, crash: Crash) -> Outcome<Process> {
        let client = self
            .weather
            .client("dynamodb", self.dynamodb.clone(), crash.clone());
        let client = dynamodb_client(client);
        let ledger = Ledger::new(client.clone(), TABLE.to_owned());
        let bucket = |store| -> Arc<dyn ObjectStore> {
            drop(store);
            Arc::new(Bucket {
                store: Arc::clone(&self.store),
                weather: self.weather.clone(),
                crash: crash.clone(),
                sqs: self.sqs.clone(),
            })
        };
        let lake = lake(&self.folder)?.through(bucket)?;
        let queue = || queue(&self.sqs, &self.weather, crash.clone());
        let sqs = sqs_client(self.weather.client("sqs", self.sqs.clone(), crash.clone()));
        Ok(Process {
            fetcher: Arc::new(Fetcher::new(
                ledger.clone(),
                queue(),
                lake.clone(),
                microsoft(&self.emulator, &self.secret, self.ahead)?,
                EventSettings::default(),
            )),
            dispatcher: Dispatcher {
                ledger: ledger.clone(),
                sweeps: SweepQueue::new(sqs, queue_url(SWEEP_QUEUE)),
                periods: PERIODS,
            },
            sweeper: Arc::new(Sweeper::new(
                ledger,
                queue(),
                lake.clone(),
                microsoft(&self.emulator, &self.secret, self.ahead)?,
                webhooks(&self.url),
                PERIODS,
            )),
            detector: Arc::new(Detector {
                lake,
                detections: Detections::new(client, DETECTIONS_TABLE.to_owned()),
                ruleset: Ruleset::default(),
                announcer: Announcer::default(),
                schema: Schema::Ocsf,
                version: OcsfVersion::default(),
            }),
            crash,
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
        let calm = Weather::new(0, Vec::new());
        let client = calm.client("dynamodb", self.dynamodb.clone(), Crash::never());
        pipeline::ledger::create_table(&dynamodb_client(client), TABLE).await?;
        self.dynamodb.put_all(TABLE, items)
    }

    /// Calls the operator's API with its key.
    pub async fn operate(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
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
        let answer = pipeline::api::handle(&self.api, request, &origin, clock).await;
        let json = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status(), json)
    }
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

/// What the product's clock shows.
fn shown(clock: &Clock, ahead: Option<SignedDuration>) -> Timestamp {
    clock.now() + ahead.unwrap_or_default()
}

fn microsoft(
    emulator: &Emulator,
    secret: &str,
    ahead: Option<SignedDuration>,
) -> Outcome<Microsoft> {
    let (login, manage) = (emulator.login_url(), emulator.manage_url());
    let endpoints = Endpoints::overridden(Some(login.as_str()), Some(manage.as_str()))?;
    let microsoft = Microsoft::new(
        emulator.client_id(),
        Uuid::from_u128(7),
        endpoints,
        AppCredential::ClientSecret(Secret::fixed(secret.into(), None)),
    );
    let clock = emulator.clock().clone();
    Ok(match ahead {
        None => microsoft,
        Some(_) => microsoft.on_clock(Arc::new(move || shown(&clock, ahead))),
    })
}

fn webhooks(base_url: &Url) -> Webhooks {
    Webhooks {
        base_url: Some(base_url.clone()),
        key: Secret::fixed(CANARIES[0].into(), None),
    }
}

fn lake(folder: &TempDir) -> Outcome<Lake> {
    let url = Url::from_directory_path(folder.path()).map_err(|()| "no lake address")?;
    Ok(Lake::open(&url)?)
}

fn queue(sqs: &Sqs, weather: &Weather, crash: Crash) -> Queue {
    let client = sqs_client(weather.client("sqs", sqs.clone(), crash));
    Queue::new(client, queue_url(CONTENT_QUEUE), true)
}

fn queue_url(name: &str) -> String {
    format!("http://sqs.simulation/{name}")
}

/// As the product configures it, but for waits, which would be of real time.
fn dynamodb_client(http: SharedHttpClient) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials())
            .retry_config(retries())
            .endpoint_url("http://dynamodb.simulation")
            .http_client(http)
            .build(),
    )
}

fn sqs_client(http: SharedHttpClient) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::from_conf(
        aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials())
            .retry_config(retries())
            .endpoint_url("http://sqs.simulation")
            .http_client(http)
            .build(),
    )
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_initial_backoff(Duration::ZERO)
        .with_max_backoff(Duration::ZERO)
}

fn credentials() -> Credentials {
    Credentials::new("simulation", "simulation", None, None, "simulation")
}
