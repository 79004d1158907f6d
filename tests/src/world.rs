//! A whole installation, run step by step: an emulated Microsoft, embedded DynamoDB and SQS, a lake in a folder, and
//! the pipeline's verbs, which only the test calls. The time is the emulator's clock, which only moves when the
//! test says so.

mod attempts;
mod broken;
mod calls;
mod detecting;
mod items;
mod measured;
mod outages;
mod parts;
mod sweeps;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use emulator::Emulator;
use jiff::Timestamp;
use local::backends::{self, Backends, Storage, TABLE};
use local::installation::front::{self, Front};
use local::verify::{self, RecordKey};
use office365::{AllowedHosts, ContentType};
use pipeline::api::Api;
use pipeline::aws::batch::Delivery;
use pipeline::aws::secrets::Secret;
use pipeline::clock::Clock;
use pipeline::detect::Detector;
use pipeline::fetch::{self, Fetcher};
use pipeline::lake::Lake;
use pipeline::ledger::Ledger;
use pipeline::microsoft::Microsoft;
use pipeline::microsoft::credential::AppCredential;
use pipeline::queue::{Queue, SweepQueue};
use pipeline::receive::Receiver;
use pipeline::reconcile::{Dispatcher, Periods, Sweeper};
use pipeline::settings::EventSettings;
use pipeline::subscription::Webhooks;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use self::parts::{microsoft_by, operators_api};
use crate::Outcome;
use crate::flaky::Flaky;
use crate::meter::Meter;

/// The operator's API key.
pub const API_KEY: &str = "an-api-key-for-tests-only";

/// The master key of the webhook.
const WEBHOOK_KEY: &str = "a-webhook-key-for-tests-only-32-bytes-long";

/// Time for one batch: far more than it takes, so that leases only end when a test moves the clock.
const BATCH_WITHIN: Duration = Duration::from_secs(60);

/// Longest wait for a condition.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The times of sweeps as they are deployed, but for what passes in real time.
const PERIODS: Periods = Periods {
    stalled: Duration::from_secs(5),
    ..Periods::DEPLOYED
};

/// Rounds of work after which a queue that is not empty counts as stuck.
const ROUNDS_MAX: usize = 2_000;

/// The content type that most tests subscribe to.
pub const EXCHANGE: ContentType = ContentType::AuditExchange;

/// Settings of an emulator with one tenant, and 20 blobs of up to 20 records in [`EXCHANGE`].
#[must_use]
pub fn exchange() -> emulator::Config {
    emulator::Config {
        content_types: vec![emulator::ContentType::Exchange],
        blobs_per_tenant: 20,
        records_per_blob: 1..=20,
        ..emulator::Config::default()
    }
}

/// Settings of an emulator that only publishes what the test publishes.
#[must_use]
pub fn quiet() -> emulator::Config {
    emulator::Config {
        blobs_per_tenant: 0,
        ..exchange()
    }
}

/// The installation.
pub struct World {
    /// The emulated Microsoft.
    pub emulator: Emulator,
    /// The ledger, for checks.
    pub ledger: Ledger,
    /// Faults between the pipeline and DynamoDB.
    pub flaky_dynamodb: Flaky,
    /// Faults between the pipeline and SQS.
    pub flaky_sqs: Flaky,
    /// The argument of `receive::handle`.
    pub receiver: Arc<Receiver>,
    fetcher: Arc<Fetcher>,
    api: Arc<Api>,
    dispatcher: Dispatcher,
    sweeper: Arc<Sweeper>,
    detector: Arc<Detector>,
    backends: Backends,
    folder: TempDir,
    /// The address of the API and the webhook, with a slash at the end.
    pub url: Url,
    _server: Option<oneshot::Sender<()>>,
}

impl World {
    /// Starts an installation with this emulator. Plain http webhooks are always allowed.
    ///
    /// # Errors
    /// A server fails to start.
    pub async fn start(config: emulator::Config) -> Outcome<Self> {
        Self::with_settings(config, EventSettings::default()).await
    }

    /// The same as [`World::start`], with an emulator that only accepts https webhooks, as Microsoft does.
    ///
    /// # Errors
    /// A server fails to start.
    pub async fn start_strict(config: emulator::Config) -> Outcome<Self> {
        Self::assemble(config, EventSettings::default(), None).await
    }

    /// The same as [`World::start`], with other settings of the fetcher.
    ///
    /// # Errors
    /// A server fails to start.
    pub async fn with_settings(config: emulator::Config, events: EventSettings) -> Outcome<Self> {
        let config = emulator::Config {
            allow_http_webhooks: true,
            ..config
        };
        Self::assemble(config, events, None).await
    }

    async fn assemble(
        config: emulator::Config,
        events: EventSettings,
        meter: Option<&Meter>,
    ) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base_url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let emulator = Emulator::start(config).await?;
        emulator.register_redirect(base_url.join("consent/callback")?);
        let backends = backends::start(Storage::Memory, BATCH_WITHIN).await?;
        let folder = TempDir::new()?;
        let flaky = || meter.map_or_else(Flaky::default, |meter| Flaky::over(meter.client()));
        let (flaky_dynamodb, flaky_sqs) = (flaky(), flaky());
        let ledger = ledger(&backends, &flaky_dynamodb);
        let queue = queue(&backends, &flaky_sqs);
        let microsoft = || match meter {
            None => microsoft(&emulator),
            Some(_) => measured::microsoft(&emulator, &ledger),
        };
        let webhooks = || webhooks(&base_url);
        let receiver = Arc::new(Receiver {
            client_id: emulator.client_id(),
            webhook_key: Secret::fixed(WEBHOOK_KEY.into(), None),
            hosts: AllowedHosts::of_any_cloud(microsoft()?.endpoints()),
            queue: queue.clone(),
        });
        let detections = detecting::detections(&backends, &flaky_dynamodb);
        let api = operators_api(
            (&ledger, detections.clone()),
            &queue,
            lake(folder.path())?,
            microsoft()?,
            webhooks(),
        );
        let server = serve(listener, Arc::clone(&receiver), Arc::clone(&api));
        Ok(Self {
            detector: detecting::detector(
                &backends,
                (detections, &flaky_sqs),
                lake(folder.path())?,
                &events,
            ),
            fetcher: fetcher(
                &ledger,
                &backends,
                (&queue, folder.path()),
                microsoft()?,
                events,
            )?,
            dispatcher: dispatcher(&ledger, &backends, &flaky_sqs),
            sweeper: Arc::new(Sweeper::new(
                ledger.clone(),
                queue,
                lake(folder.path())?,
                microsoft()?,
                webhooks(),
                PERIODS,
            )),
            emulator,
            ledger,
            flaky_dynamodb,
            flaky_sqs,
            receiver,
            api,
            backends,
            folder,
            url: base_url,
            _server: Some(server),
        })
    }

    /// Replaces the fetcher by one with other settings, as a deployment does.
    ///
    /// # Errors
    /// The lake cannot be opened.
    pub fn redeploy_fetcher(&mut self, events: EventSettings) -> Outcome<()> {
        let queue = queue(&self.backends, &self.flaky_sqs);
        self.fetcher = fetcher(
            &self.ledger,
            &self.backends,
            (&queue, self.folder.path()),
            microsoft(&self.emulator)?,
            events,
        )?;
        Ok(())
    }

    /// Replaces the sweeper by one whose sweeps end after this time, of the real clock.
    ///
    /// # Errors
    /// The lake cannot be opened.
    pub fn redeploy_sweeper(&mut self, slot: Duration) -> Outcome<()> {
        self.sweeper = Arc::new(Sweeper::new(
            self.ledger.clone(),
            queue(&self.backends, &self.flaky_sqs),
            lake(self.folder.path())?,
            microsoft(&self.emulator)?,
            webhooks(&self.url),
            Periods { slot, ..PERIODS },
        ));
        Ok(())
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.emulator.clock().now()
    }

    /// Advances the time, here and at Microsoft.
    pub fn pass(&self, span: Duration) {
        self.emulator.clock().advance(span);
    }

    /// The emulator's first tenant.
    #[must_use]
    pub fn tenant(&self) -> Uuid {
        self.emulator.tenants()[0]
    }

    /// The number of messages in the queue: visible, in flight and delayed.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn queued(&self) -> Outcome<usize> {
        self.waiting(&self.backends.queue_url).await
    }

    async fn waiting(&self, queue_url: &str) -> Outcome<usize> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let output = self
            .backends
            .sqs
            .get_queue_attributes()
            .queue_url(queue_url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await?;
        let counts = output.attributes.unwrap_or_default();
        Ok(counts
            .values()
            .filter_map(|count| count.parse::<usize>().ok())
            .sum())
    }

    /// Takes up to ten messages, fetches them, and deletes those that succeeded. Returns how many were taken, and which
    /// failed.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn work(&self) -> Outcome<(usize, Vec<String>)> {
        let clock = Clock::starting_at(self.now());
        let deadline = Instant::now() + BATCH_WITHIN;
        let work = |deliveries| fetch::batch(&self.fetcher, deliveries, clock, deadline);
        self.take(&self.backends.queue_url, work).await
    }

    /// Takes up to ten messages of a queue, has them worked at, and deletes those that succeeded.
    async fn take<F>(
        &self,
        queue_url: &str,
        work: impl FnOnce(Vec<Delivery>) -> F,
    ) -> Outcome<(usize, Vec<String>)>
    where
        F: Future<Output = Vec<String>>,
    {
        let sqs = &self.backends.sqs;
        let received = sqs
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .send()
            .await?;
        let messages = received.messages.unwrap_or_default();
        let deliveries = messages.iter().map(|message| Delivery {
            message_id: message.message_id.clone().unwrap_or_default(),
            body: message.body.clone().unwrap_or_default(),
        });
        let failed = work(deliveries.collect()).await;
        for message in &messages {
            if !failed.contains(&message.message_id.clone().unwrap_or_default()) {
                sqs.delete_message()
                    .queue_url(queue_url)
                    .set_receipt_handle(message.receipt_handle.clone())
                    .send()
                    .await?;
            }
        }
        Ok((messages.len(), failed))
    }

    /// Works until the queue is empty, including retries that are scheduled for a few seconds later.
    ///
    /// # Errors
    /// It does not become empty.
    pub async fn work_until_empty(&self) -> Outcome<()> {
        for _ in 0..ROUNDS_MAX {
            self.work().await?;
            if self.queued().await? == 0 {
                return Ok(());
            }
        }
        Err("the queue does not become empty".into())
    }

    /// Works until everything published is in the lake. Time passes meanwhile: leases end, messages become visible
    /// again, and the sweep enqueues what is overdue.
    ///
    /// # Errors
    /// It does not happen within the bounds.
    pub async fn work_until_delivered(&self) -> Outcome<()> {
        for _ in 0..ROUNDS_MAX {
            let (taken, _) = self.work().await?;
            let (_, _, lost) = self.audit()?;
            if lost == 0 {
                return Ok(());
            }
            if taken == 0 {
                self.pass(Duration::from_secs(3600));
                self.sweep().await?;
            }
        }
        Err("not everything is delivered".into())
    }

    /// Waits until the emulator has published and announced everything.
    ///
    /// # Errors
    /// It takes more than a minute.
    pub async fn all_announced(&self) -> Outcome<()> {
        let until = Instant::now() + WAIT_MAX;
        while !(self.emulator.published().finished && self.emulator.announcements_waiting() == 0) {
            if Instant::now() > until {
                return Err("the emulator does not come to rest".into());
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Compares the lake with what was published: `(written, duplicates, lost)`.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub fn audit(&self) -> Outcome<(usize, u64, usize)> {
        let records = verify::read(self.folder.path())?;
        let published = self.emulator.published_ids();
        let lost = published
            .iter()
            .filter(|(tenant, id)| !records.has(&RecordKey::new(&tenant.to_string(), id)))
            .count();
        Ok((records.written(), records.duplicates(), lost))
    }

    /// Checks that everything published is in the lake exactly once.
    ///
    /// # Errors
    /// The lake cannot be read.
    ///
    /// # Panics
    /// If it is not.
    pub fn assert_delivered(&self) -> Outcome<()> {
        let published = self.emulator.published();
        assert!(published.finished && published.records > 0, "{published:?}");
        let expected = usize::try_from(published.records)?;
        let found = self.audit()?;
        assert_eq!(found, (expected, 0, 0), "written, duplicates, lost");
        Ok(())
    }

    /// The folder of the lake.
    #[must_use]
    pub fn lake(&self) -> &Path {
        self.folder.path()
    }
}

fn fetcher(
    ledger: &Ledger,
    backends: &Backends,
    (queue, lake): (&Queue, &Path),
    microsoft: Microsoft,
    events: EventSettings,
) -> Outcome<Arc<Fetcher>> {
    let announced = detecting::announcements(backends);
    Ok(Arc::new(Fetcher::new(
        ledger.clone(),
        queue.clone(),
        self::lake(lake)?.through(|store| announced.of(store))?,
        microsoft,
        events,
    )))
}

fn dispatcher(ledger: &Ledger, backends: &Backends, flaky: &Flaky) -> Dispatcher {
    Dispatcher {
        ledger: ledger.clone(),
        sweeps: SweepQueue::new(sqs(backends, flaky), backends.sweep_queue_url.clone()),
        periods: PERIODS,
    }
}

/// Receiver and API, until what is returned is dropped.
fn serve(listener: TcpListener, receiver: Arc<Receiver>, api: Arc<Api>) -> oneshot::Sender<()> {
    let (server, stopped) = oneshot::channel::<()>();
    let front = Front { receiver, api };
    tokio::spawn(front::serve(listener, front, async move {
        let _ = stopped.await;
    }));
    server
}

fn webhooks(base_url: &Url) -> Webhooks {
    Webhooks {
        base_url: Some(base_url.clone()),
        key: Secret::fixed(WEBHOOK_KEY.into(), None),
    }
}

fn lake(folder: &Path) -> Outcome<Lake> {
    let url = Url::from_directory_path(folder).map_err(|()| "no lake address")?;
    Ok(Lake::open(&url)?)
}

fn ledger(backends: &Backends, flaky: &Flaky) -> Ledger {
    Ledger::new(dynamodb(backends, flaky), TABLE.to_owned())
}

fn dynamodb(backends: &Backends, flaky: &Flaky) -> aws_sdk_dynamodb::Client {
    let config = backends.dynamodb.config().to_builder();
    aws_sdk_dynamodb::Client::from_conf(config.http_client(flaky.clone()).build())
}

fn queue(backends: &Backends, flaky: &Flaky) -> Queue {
    Queue::new(sqs(backends, flaky), backends.queue_url.clone(), false)
}

fn sqs(backends: &Backends, flaky: &Flaky) -> aws_sdk_sqs::Client {
    let config = backends.sqs.config().to_builder();
    aws_sdk_sqs::Client::from_conf(config.http_client(flaky.clone()).build())
}

fn microsoft(emulator: &Emulator) -> Outcome<Microsoft> {
    let secret = Secret::fixed(emulator.client_secret().into(), None);
    microsoft_by(emulator, AppCredential::ClientSecret(secret))
}
