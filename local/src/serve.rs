//! Starts and stops the whole pipeline in this process.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use office365::{AllowedHosts, Endpoints};
use pipeline::aws::secrets::Secret;
use pipeline::fetch::Fetcher;
use pipeline::lake::{Lake, OpenError};
use pipeline::ledger::Ledger;
use pipeline::microsoft::Microsoft;
use pipeline::microsoft::credential::AppCredential;
use pipeline::queue::Queue;
use pipeline::receive::Receiver;
use pipeline::reconcile::Reconciler;
use pipeline::register::Registrar;
use pipeline::settings::EventSettings;
use pipeline::subscription::Webhooks;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::api::{self, Api};
use crate::backends::{self, Backends, BackendsError, Storage, TABLE};
use crate::data_dir::{DataDir, DataDirError};
use crate::resume::{self, ResumeError};
use crate::worker::Source;
use crate::{sweeps, wall_clock, worker};

/// The file of the operator's key in the data folder.
pub const API_KEY: &str = "api-key";

/// The file of the webhook's master key in the data folder.
pub const WEBHOOK_KEY: &str = "webhook-key";

/// A received message is hidden for this much longer than its batch may take.
const VISIBILITY_MARGIN: Duration = Duration::from_secs(30);

/// Time for what is under way when it stops. What is not finished by then comes again at the next start.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// How the webhook is reached.
#[derive(Clone, Debug)]
pub enum WebhookBase {
    /// Not at all: the sweep delivers.
    None,
    /// At the address it listens on.
    Listener,
    /// At this address, which leads here.
    Public(Url),
}

/// What to start.
#[derive(Debug)]
pub struct Options {
    /// The API's and the webhook's address.
    pub listen: SocketAddr,
    /// How Microsoft reaches the webhook.
    pub webhook: WebhookBase,
    /// The app registration's id.
    pub client_id: Uuid,
    /// The app registration's secret.
    pub client_secret: SecretString,
    /// Tenant GUID of whoever runs this.
    pub publisher_id: Uuid,
    /// Microsoft's servers, or others in their place.
    pub endpoints: Endpoints,
    /// The operator's key; `None` for the one in the data folder.
    pub api_key: Option<SecretString>,
    /// The webhook's master key; `None` for the one in the data folder.
    pub webhook_key: Option<SecretString>,
    /// How events are written.
    pub events: EventSettings,
    /// Time for one batch of ten blobs. What a killed process was at is taken up again after it.
    pub batch_within: Duration,
}

/// It does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, or not ours.
    #[error(
        "cannot listen on {address}: {cause}; choose another port with --port, or 0 for a free one"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// DynamoDB or SQS.
    #[error(transparent)]
    Backends(#[from] BackendsError),
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The lake's folder.
    #[error("the lake cannot be opened: {0}")]
    Lake(#[from] OpenError),
    /// The lake's folder has no URL.
    #[error("the lake's folder {0} cannot be written as a file:// address")]
    LakePath(String),
    /// What was open at the end of the last run.
    #[error("what the last run left open cannot be taken up: {0}")]
    Resume(#[from] ResumeError),
}

/// The running pipeline.
pub struct Serving {
    /// Where API and webhook answer, with a slash at the end.
    pub url: Url,
    /// The address Microsoft calls, if any.
    pub webhook_url: Option<Url>,
    /// The operator's key.
    pub api_key: SecretString,
    /// The webhook's master key.
    pub webhook_key: SecretString,
    /// Blobs of an earlier run that were taken up again.
    pub resumed: usize,
    /// The back ends.
    pub backends: Arc<Backends>,
    /// The ledger.
    pub ledger: Ledger,
    /// The folder it lives in, locked.
    pub data: DataDir,
    reconciler: Arc<Reconciler>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Starts in the folder `data`: back ends, API and worker. Sweeps begin with [`Serving::begin_sweeps`].
///
/// # Errors
/// See [`ServeError`].
pub async fn start(data: DataDir, options: Options) -> Result<Serving, ServeError> {
    let lake_url = Url::from_directory_path(data.lake())
        .map_err(|()| ServeError::LakePath(data.lake().display().to_string()))?;
    let lake = Lake::open(&lake_url)?;
    let key = |given: &Option<SecretString>, file| match given {
        Some(key) => Ok(key.clone()),
        None => data.key(file),
    };
    let api_key = key(&options.api_key, API_KEY)?;
    let webhook_key = key(&options.webhook_key, WEBHOOK_KEY)?;
    let (listener, url) = listen(options.listen).await?;
    let webhook_url = match &options.webhook {
        WebhookBase::None => None,
        WebhookBase::Listener => Some(url.clone()),
        WebhookBase::Public(address) => Some(address.clone()),
    };
    let backends = backends::start(
        Storage::File(data.ledger()),
        options.batch_within + VISIBILITY_MARGIN,
    )
    .await?;
    let parts = Parts {
        ledger: Ledger::new(backends.dynamodb.clone(), TABLE.to_owned()),
        // The embedded SQS refuses a message group on a standard queue.
        queue: Queue::new(backends.sqs.clone(), backends.queue_url.clone(), false),
        source: Source {
            client: backends.sqs.clone(),
            queue_url: backends.queue_url.clone(),
        },
        lake,
        webhook_url: webhook_url.clone(),
        api_key: api_key.clone(),
        webhook_key: webhook_key.clone(),
    };
    let resumed = resume::run(&parts.ledger, &parts.queue, wall_clock::now()).await?;
    let backends = Arc::new(backends);
    let stop = CancellationToken::new();
    let (ledger, source) = (parts.ledger.clone(), parts.source.clone());
    let (api, reconciler, fetcher) = parts.assemble(&options);
    let mut tasks = JoinSet::new();
    tasks.spawn(sweeps::expire(Arc::clone(&backends), stop.clone()));
    tasks.spawn(api::serve(listener, api, stop.clone().cancelled_owned()));
    tasks.spawn(worker::run(
        source,
        Arc::new(fetcher),
        options.batch_within,
        stop.clone(),
    ));
    Ok(Serving {
        url,
        webhook_url,
        api_key,
        webhook_key,
        resumed,
        backends,
        ledger,
        data,
        reconciler: Arc::new(reconciler),
        stop,
        tasks,
    })
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, Url), ServeError> {
    let failed = |cause| ServeError::Listen { address, cause };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let url = Url::parse(&format!("http://{bound}/"))
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    Ok((listener, url))
}

/// What the four verbs are made of.
struct Parts {
    ledger: Ledger,
    queue: Queue,
    source: Source,
    lake: Lake,
    webhook_url: Option<Url>,
    api_key: SecretString,
    webhook_key: SecretString,
}

impl Parts {
    fn microsoft(options: &Options) -> Microsoft {
        Microsoft::new(
            options.client_id,
            options.publisher_id,
            options.endpoints.clone(),
            AppCredential::ClientSecret(Secret::fixed(options.client_secret.clone(), None)),
        )
    }

    fn webhooks(&self) -> Webhooks {
        Webhooks {
            base_url: self.webhook_url.clone(),
            key: Secret::fixed(self.webhook_key.clone(), None),
        }
    }

    fn assemble(self, options: &Options) -> (Api, Reconciler, Fetcher) {
        let receiver = Receiver {
            client_id: options.client_id,
            webhook_key: Secret::fixed(self.webhook_key.clone(), None),
            hosts: AllowedHosts::of_any_cloud(&options.endpoints),
            queue: self.queue.clone(),
        };
        let registrar = Registrar {
            ledger: self.ledger.clone(),
            microsoft: Self::microsoft(options),
            webhooks: self.webhooks(),
            api_key: Secret::fixed(self.api_key.clone(), None),
        };
        let api = Api {
            receiver: Arc::new(receiver),
            registrar: Arc::new(registrar),
        };
        let reconciler = Reconciler {
            ledger: self.ledger.clone(),
            queue: self.queue.clone(),
            microsoft: Self::microsoft(options),
            webhooks: self.webhooks(),
        };
        let fetcher = Fetcher::new(
            self.ledger,
            self.queue,
            self.lake,
            Self::microsoft(options),
            options.events.clone(),
        );
        (api, reconciler, fetcher)
    }
}

impl Serving {
    /// Begins to sweep, at once and then `every` so often.
    pub fn begin_sweeps(&mut self, every: Duration) {
        let reconciler = Arc::clone(&self.reconciler);
        self.tasks
            .spawn(sweeps::run(reconciler, every, self.stop.clone()));
    }

    /// Stops taking work, finishes what is under way (within 20 s), stops the back ends. `true` when everything was
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
