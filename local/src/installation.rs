//! An installation: the whole pipeline in this process, with its ledger, lake and keys in a folder.

pub mod data_dir;
mod detection;
pub mod front;
pub mod resume;
pub mod sweeps;
pub mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use office365::{AllowedHosts, Endpoints};
use pipeline::api::{Access, Api, Fleet};
use pipeline::aws::AwsError;
use pipeline::aws::secrets::Secret;
use pipeline::detect::{Announcer, Detector, Ruleset};
use pipeline::detections::Detections;
use pipeline::fetch::{self, Fetcher};
use pipeline::lake::key::RAW;
use pipeline::lake::{Lake, OpenError};
use pipeline::ledger::Ledger;
use pipeline::microsoft::Microsoft;
use pipeline::microsoft::credential::AppCredential;
use pipeline::notify::{Notifier, NotifierError};
use pipeline::queue::{Queue, SweepQueue};
use pipeline::receive::Receiver;
use pipeline::reconcile::{Dispatcher, Periods, Sweeper};
use pipeline::settings::EventSettings;
use pipeline::subscription::Webhooks;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use self::data_dir::{DataDir, DataDirError};
use self::detection::Detection;
pub use self::detection::DetectionError;
use self::front::Front;
use self::resume::ResumeError;
use self::worker::MessageSource;
use crate::backends::{
    self, Announcements, Backends, BackendsError, DETECTIONS_TABLE, Storage, TABLE,
};
use crate::wall_clock;

/// The file of the operator's key in the data folder.
pub const API_KEY: &str = "api-key";

/// The file of the webhook's master key in the data folder.
pub const WEBHOOK_KEY: &str = "webhook-key";

/// A received message is hidden for this much longer than its batch may take.
const VISIBILITY_MARGIN: Duration = Duration::from_secs(30);

/// Time for the work under way at a stop. What is not finished then is done again after the next start.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// How Microsoft reaches the webhook.
#[derive(Clone, Debug)]
pub enum WebhookBase {
    /// Not at all: the sweep alone finds content.
    None,
    /// At the address that the API listens on.
    Listener,
    /// At this public address, which leads to the API's.
    Public(Url),
}

/// What an installation is started with.
#[derive(Debug)]
pub struct Config {
    /// Address of the API and the webhook.
    pub listen: SocketAddr,
    /// How Microsoft reaches the webhook.
    pub webhook: WebhookBase,
    /// Id of the app registration.
    pub client_id: Uuid,
    /// Secret of the app registration.
    pub client_secret: SecretString,
    /// Tenant id of whoever runs this.
    pub publisher_id: Uuid,
    /// Microsoft's servers, or others in their place.
    pub endpoints: Endpoints,
    /// Bearer key of the API; `None` for the one in the data folder.
    pub api_key: Option<SecretString>,
    /// Master key of the webhook; `None` for the one in the data folder.
    pub webhook_key: Option<SecretString>,
    /// The fetcher's settings.
    pub events: EventSettings,
    /// Where findings are sent, with the key that signs them; `None` for nowhere.
    pub findings_webhook: Option<(Url, SecretString)>,
    /// Time between two sweeps of a tenant.
    pub sweep_every: Duration,
    /// Time for one batch of ten blobs. After a crash, its blobs are fetched again when the time is over.
    pub batch_within: Duration,
}

/// The installation does not start.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// The address is taken, or not this machine's.
    #[error(
        "cannot listen on {address}: {cause}; choose another port with --port, or 0 for a free one"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        cause: io::Error,
    },
    /// DynamoDB or SQS does not start.
    #[error(transparent)]
    Backends(#[from] BackendsError),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The lake's folder cannot be used.
    #[error("the lake cannot be opened: {0}")]
    Lake(#[from] OpenError),
    /// The lake's folder has no URL.
    #[error("the lake's folder {0} cannot be written as a file:// address")]
    LakePath(String),
    /// The webhook for findings cannot be used.
    #[error("the webhook for findings cannot be used: {0}")]
    FindingsWebhook(#[from] NotifierError),
    /// The raw copies that the last run did not look at cannot be announced.
    #[error(transparent)]
    Detection(#[from] DetectionError),
    /// The blobs that the last run left open cannot be enqueued.
    #[error("the blobs that the last run left open cannot be enqueued: {0}")]
    Resume(#[from] ResumeError),
}

/// A running installation.
pub struct Installation {
    /// Address of the API and the webhook, with a slash at the end.
    pub url: Url,
    /// The address that Microsoft calls; `None` without a webhook.
    pub webhook_url: Option<Url>,
    /// Bearer key of the API.
    pub api_key: SecretString,
    /// Master key of the webhook.
    pub webhook_key: SecretString,
    /// Blobs that an earlier run left open and that were enqueued again.
    pub resumed: usize,
    /// DynamoDB and SQS.
    pub backends: Arc<Backends>,
    /// The ledger in that DynamoDB.
    pub ledger: Ledger,
    /// The folder with ledger, lake and keys, locked.
    pub data: DataDir,
    /// Until the sweeps begin.
    sweeping: Option<Sweeping>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Starts back ends, API and worker in the folder `data`. Sweeps start with [`Installation::begin_sweeps`].
///
/// # Errors
/// See [`InstallationError`].
pub async fn start(data: DataDir, config: Config) -> Result<Installation, InstallationError> {
    let lake_url = Url::from_directory_path(data.lake())
        .map_err(|()| InstallationError::LakePath(data.lake().display().to_string()))?;
    let lake = Lake::open(&lake_url)?;
    let key = |given: &Option<SecretString>, file| match given {
        Some(key) => Ok(key.clone()),
        None => data.key(file),
    };
    let api_key = key(&config.api_key, API_KEY)?;
    let webhook_key = key(&config.webhook_key, WEBHOOK_KEY)?;
    let (listener, url) = listen(config.listen).await?;
    let webhook_url = match &config.webhook {
        WebhookBase::None => None,
        WebhookBase::Listener => Some(url.clone()),
        WebhookBase::Public(address) => Some(address.clone()),
    };
    let backends = backends::start(
        Storage::File(data.ledger()),
        config.batch_within + VISIBILITY_MARGIN,
    )
    .await?;
    let components = Components {
        ledger: Ledger::new(backends.dynamodb.clone(), TABLE.to_owned()),
        detections: Detections::new(backends.dynamodb.clone(), DETECTIONS_TABLE.to_owned()),
        // The embedded SQS refuses a message group on a standard queue.
        queue: Queue::new(backends.sqs.clone(), backends.queue_url.clone(), false),
        source: MessageSource {
            client: backends.sqs.clone(),
            queue_url: backends.queue_url.clone(),
        },
        lake,
        webhook_url: webhook_url.clone(),
        // Without an address of its own for Microsoft's calls, a browser on this machine reaches the listener.
        public_url: webhook_url.clone().unwrap_or_else(|| url.clone()),
        api_key: api_key.clone(),
        webhook_key: webhook_key.clone(),
    };
    let resumed = resume::run(&components.ledger, &components.queue, wall_clock::now()).await?;
    let backends = Arc::new(backends);
    let stop = CancellationToken::new();
    let detection = components.detection(&config, &backends, &data)?;
    detection.resume().await?;
    let (ledger, source) = (components.ledger.clone(), components.source.clone());
    let announced = detection.announcements.clone();
    let (front, sweeping, fetcher) = components.assemble(&config, &backends, announced)?;
    let mut tasks = JoinSet::new();
    detection.start(&mut tasks, &stop);
    tasks.spawn(sweeps::expire(Arc::clone(&backends), stop.clone()));
    tasks.spawn(front::serve(
        listener,
        front,
        stop.clone().cancelled_owned(),
    ));
    tasks.spawn(fetching(source, fetcher, config.batch_within, stop.clone()));
    Ok(Installation {
        url,
        webhook_url,
        api_key,
        webhook_key,
        resumed,
        backends,
        ledger,
        data,
        sweeping: Some(sweeping),
        stop,
        tasks,
    })
}

/// Fetches blobs until `stop`.
async fn fetching(
    source: MessageSource,
    fetcher: Fetcher,
    within: Duration,
    stop: CancellationToken,
) {
    let fetcher = Arc::new(fetcher);
    worker::run(source, stop, move |deliveries| {
        let fetcher = Arc::clone(&fetcher);
        async move {
            let (clock, deadline) = (wall_clock::clock(), Instant::now() + within);
            fetch::batch(&fetcher, deliveries, clock, deadline).await
        }
    })
    .await;
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, Url), InstallationError> {
    let failed = |cause| InstallationError::Listen { address, cause };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let url = Url::parse(&format!("http://{bound}/"))
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    Ok((listener, url))
}

/// What the sweeps need.
struct Sweeping {
    dispatcher: Dispatcher,
    sweeper: Arc<Sweeper>,
    source: MessageSource,
    period: Duration,
}

/// What the functions share.
struct Components {
    ledger: Ledger,
    detections: Detections,
    queue: Queue,
    source: MessageSource,
    lake: Lake,
    webhook_url: Option<Url>,
    /// Where browsers reach the API.
    public_url: Url,
    api_key: SecretString,
    webhook_key: SecretString,
}

impl Components {
    fn microsoft(config: &Config) -> Microsoft {
        Microsoft::new(
            config.client_id,
            config.publisher_id,
            config.endpoints.clone(),
            AppCredential::ClientSecret(Secret::fixed(config.client_secret.clone(), None)),
        )
    }

    fn webhooks(&self) -> Webhooks {
        Webhooks {
            base_url: self.webhook_url.clone(),
            key: Secret::fixed(self.webhook_key.clone(), None),
        }
    }

    /// Detector and notifier.
    fn detection(
        &self,
        config: &Config,
        backends: &Backends,
        data: &DataDir,
    ) -> Result<Detection, InstallationError> {
        let (client, options) = (backends.sqs.clone(), &config.events.options);
        let mut announcer = Announcer::default();
        let mut notifier = None;
        if let Some((url, secret)) = &config.findings_webhook {
            let source = MessageSource {
                client: client.clone(),
                queue_url: backends.findings_queue_url.clone(),
            };
            announcer = announcer.with_webhook(client.clone(), source.queue_url.clone());
            let secret = Secret::fixed(secret.clone(), None);
            notifier = Some((Arc::new(Notifier::new(url.clone(), secret)?), source));
        }
        let detector = Detector {
            lake: self.lake.clone(),
            detections: self.detections.clone(),
            ruleset: Ruleset::default(),
            announcer,
            schema: options.schema,
            version: options.version,
        };
        Ok(Detection {
            detector: Arc::new(detector),
            announcements: Announcements {
                client,
                queue_url: backends.detect_queue_url.clone(),
                folder: RAW,
            },
            notifier,
            root: data.root().to_owned(),
            lake: data.lake().to_owned(),
        })
    }

    fn assemble(
        self,
        config: &Config,
        backends: &Backends,
        announced: Announcements,
    ) -> Result<(Front, Sweeping, Fetcher), InstallationError> {
        // One for all: Microsoft counts a tenant's requests in all.
        let microsoft = Self::microsoft(config);
        let receiver = Receiver {
            client_id: config.client_id,
            webhook_key: Secret::fixed(self.webhook_key.clone(), None),
            hosts: AllowedHosts::of_any_cloud(&config.endpoints),
            queue: self.queue.clone(),
        };
        let api = Api {
            ledger: self.ledger.clone(),
            detections: self.detections.clone(),
            detects: true,
            lake: self.lake.clone(),
            lake_table: "events".to_owned(),
            queue: self.queue.clone(),
            microsoft: microsoft.clone(),
            webhooks: self.webhooks(),
            public_url: Some(self.public_url.clone()),
            api_key: Secret::fixed(self.api_key.clone(), None),
            fleet: Fleet::default(),
            access: Access::default(),
        };
        let front = Front {
            receiver: Arc::new(receiver),
            api: Arc::new(api),
        };
        let sweeping = self.sweeping(config, microsoft.clone(), backends);
        let fetcher = Fetcher::new(
            self.ledger,
            self.queue,
            self.lake.through(|store| announced.of(store))?,
            microsoft,
            config.events.clone(),
        );
        Ok((front, sweeping, fetcher))
    }

    fn sweeping(&self, config: &Config, microsoft: Microsoft, backends: &Backends) -> Sweeping {
        let periods = Periods::every(config.sweep_every);
        let queue_url = backends.sweep_queue_url.clone();
        Sweeping {
            dispatcher: Dispatcher {
                ledger: self.ledger.clone(),
                sweeps: SweepQueue::new(backends.sqs.clone(), queue_url.clone()),
                periods,
            },
            sweeper: Arc::new(Sweeper::new(
                self.ledger.clone(),
                self.queue.clone(),
                self.lake.clone(),
                microsoft,
                self.webhooks(),
                periods,
            )),
            source: MessageSource {
                client: backends.sqs.clone(),
                queue_url,
            },
            period: config.sweep_every,
        }
    }
}

impl Installation {
    /// Starts to sweep: at once, and then at the configured interval.
    pub fn begin_sweeps(&mut self) {
        if let Some(sweeping) = self.sweeping.take() {
            let Sweeping {
                dispatcher,
                sweeper,
                source,
                period,
            } = sweeping;
            self.tasks
                .spawn(sweeps::dispatch(dispatcher, period, self.stop.clone()));
            self.tasks
                .spawn(sweeps::sweep(source, sweeper, self.stop.clone()));
        }
    }

    /// Whether the detector has looked at all raw copies that were announced.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn has_looked_at_all(&self) -> Result<bool, AwsError> {
        detection::is_empty(&MessageSource {
            client: self.backends.sqs.clone(),
            queue_url: self.backends.detect_queue_url.clone(),
        })
        .await
    }

    /// Takes no more work, waits up to 20 s for the work under way and stops the back ends. Returns whether all of it was
    /// finished.
    pub async fn stop(mut self) -> bool {
        self.stop.cancel();
        let finished = tokio::time::timeout(STOP_WITHIN, async {
            while self.tasks.join_next().await.is_some() {}
        })
        .await
        .is_ok();
        self.tasks.shutdown().await;
        if let Ok(backends) = Arc::try_unwrap(self.backends) {
            backends.stop().await;
        }
        finished
    }
}
