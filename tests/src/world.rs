//! A whole installation stepped by hand: an emulated Microsoft, embedded DynamoDB and SQS, a lake in a folder, and the
//! pipeline's four verbs, called by the test and by nobody else. Time is the emulator's clock and moves when told to.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use bytes::Bytes;
use emulator::Emulator;
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use local::api::{self, Api};
use local::audit::{self, RecordName};
use local::backends::{self, Backends, Storage, TABLE};
use normalize::RawData;
use office365::{AllowedHosts, ContentType, Endpoints, TenantId};
use pipeline::clock::Clock;
use pipeline::credential::AppCredential;
use pipeline::fetch::{self, Delivery, Fetcher};
use pipeline::lake::Lake;
use pipeline::ledger::Ledger;
use pipeline::microsoft::Microsoft;
use pipeline::queue::Queue;
use pipeline::receive::{self, Receiver};
use pipeline::reconcile::{self, Reconciler, Report, Sweep};
use pipeline::register::{self, Registrar};
use pipeline::secrets::Secret;
use pipeline::settings::RecordDedupe;
use pipeline::subscribe::Webhooks;
use pipeline::webhook::{NOTIFICATIONS_PATH, auth_id};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::Outcome;
use crate::flaky::Flaky;

/// The operator's key.
pub const API_KEY: &str = "an-api-key-for-tests-only";

/// The webhook's master key.
const WEBHOOK_KEY: &str = "a-webhook-key-for-tests-only-32-bytes-long";

/// Time for one batch: far more than it takes, so that leases end only when a test moves the clock.
const BATCH_WITHIN: Duration = Duration::from_secs(60);

/// Bound of every wait for a condition.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Rounds of work after which a queue that is not empty counts as stuck.
const ROUNDS_MAX: usize = 2_000;

/// The installation.
pub struct World {
    /// Microsoft.
    pub emulator: Emulator,
    /// Ledger operations, for looking things up.
    pub ledger: Ledger,
    /// Faults between the pipeline and DynamoDB.
    pub flaky_dynamodb: Flaky,
    /// Faults between the pipeline and SQS.
    pub flaky_sqs: Flaky,
    /// `receive::handle`'s argument.
    pub receiver: Arc<Receiver>,
    fetcher: Arc<Fetcher>,
    registrar: Arc<Registrar>,
    reconciler: Reconciler,
    backends: Backends,
    folder: TempDir,
    _server: oneshot::Sender<()>,
}

impl World {
    /// Starts an installation with an emulator so configured (plain-http webhooks are allowed in any case).
    ///
    /// # Errors
    /// A server does not start.
    pub async fn start(config: emulator::Config) -> Outcome<Self> {
        Self::with_dedupe(config, RecordDedupe::Record).await
    }

    /// As [`World::start`], with an emulator that takes https webhooks only, as Microsoft does.
    ///
    /// # Errors
    /// A server does not start.
    pub async fn start_strict(config: emulator::Config) -> Outcome<Self> {
        Self::assemble(config, RecordDedupe::Record).await
    }

    /// As [`World::start`], with another treatment of records that come twice.
    ///
    /// # Errors
    /// A server does not start.
    pub async fn with_dedupe(config: emulator::Config, dedupe: RecordDedupe) -> Outcome<Self> {
        let config = emulator::Config {
            allow_http_webhooks: true,
            ..config
        };
        Self::assemble(config, dedupe).await
    }

    async fn assemble(config: emulator::Config, dedupe: RecordDedupe) -> Outcome<Self> {
        let emulator = Emulator::start(config).await?;
        let backends = backends::start(Storage::Memory, BATCH_WITHIN).await?;
        let folder = TempDir::new()?;
        let (flaky_dynamodb, flaky_sqs) = (Flaky::default(), Flaky::default());
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(
            backends
                .dynamodb
                .config()
                .to_builder()
                .http_client(flaky_dynamodb.clone())
                .build(),
        );
        let sqs = aws_sdk_sqs::Client::from_conf(
            backends
                .sqs
                .config()
                .to_builder()
                .http_client(flaky_sqs.clone())
                .build(),
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base_url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let ledger = Ledger::new(dynamodb, TABLE.to_owned());
        let queue = Queue::new(sqs, backends.queue_url.clone(), false);
        let microsoft = || -> Outcome<Microsoft> {
            Ok(Microsoft::new(
                emulator.client_id(),
                Uuid::from_u128(7),
                Endpoints::overridden(
                    Some(emulator.login_url().as_str()),
                    Some(emulator.manage_url().as_str()),
                )?,
                AppCredential::ClientSecret(Secret::fixed(emulator.client_secret().into(), None)),
            ))
        };
        let webhooks = || Webhooks {
            base_url: Some(base_url.clone()),
            key: Secret::fixed(WEBHOOK_KEY.into(), None),
        };
        let receiver = Arc::new(Receiver {
            client_id: emulator.client_id(),
            webhook_key: Secret::fixed(WEBHOOK_KEY.into(), None),
            hosts: AllowedHosts::of_any_cloud(microsoft()?.endpoints()),
            queue: queue.clone(),
        });
        let registrar = Arc::new(Registrar {
            ledger: ledger.clone(),
            microsoft: microsoft()?,
            webhooks: webhooks(),
            api_key: Secret::fixed(API_KEY.into(), None),
        });
        let (server, stopped) = oneshot::channel::<()>();
        let api = Api {
            receiver: Arc::clone(&receiver),
            registrar: Arc::clone(&registrar),
        };
        tokio::spawn(api::serve(listener, api, async move {
            let _ = stopped.await;
        }));
        let lake_url = Url::from_directory_path(folder.path()).map_err(|()| "no lake address")?;
        Ok(Self {
            fetcher: Arc::new(Fetcher::new(
                ledger.clone(),
                queue.clone(),
                Lake::open(&lake_url)?,
                microsoft()?,
                dedupe,
                RawData::Unmapped,
            )),
            reconciler: Reconciler {
                ledger: ledger.clone(),
                queue,
                microsoft: microsoft()?,
                webhooks: webhooks(),
            },
            emulator,
            ledger,
            flaky_dynamodb,
            flaky_sqs,
            receiver,
            registrar,
            backends,
            folder,
            _server: server,
        })
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.emulator.clock().now()
    }

    /// Moves the present, here and at Microsoft.
    pub fn pass(&self, span: Duration) {
        self.emulator.clock().advance(span);
    }

    /// The first tenant of the emulator.
    #[must_use]
    pub fn tenant(&self) -> Uuid {
        self.emulator.tenants()[0]
    }

    /// A call of the operator's API, with its key: status and JSON (null when the body is empty).
    pub async fn operate(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.operate_raw(method, path, Some(API_KEY), body).await
    }

    /// A call of the operator's API as it may come from anywhere.
    pub async fn operate_raw(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: String,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Bytes::from(body)).unwrap_or_default();
        let response = register::handle(&self.registrar, request, self.now()).await;
        let json = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status(), json)
    }

    /// Registers the first tenant for these types.
    ///
    /// # Errors
    /// The API says no.
    pub async fn register(&self, types: &[ContentType]) -> Outcome<Value> {
        let types: Vec<&str> = types.iter().map(|of| of.as_str()).collect();
        let body = json!({"tenant_id": self.tenant(), "name": "Contoso", "content_types": types});
        let (status, answer) = self.operate(Method::POST, "/v1/tenants", body).await;
        if status.is_success() {
            Ok(answer)
        } else {
            Err(format!("{status}: {answer}").into())
        }
    }

    /// How the API shows the first tenant's subscription to `content_type`.
    pub async fn subscription(&self, content_type: ContentType) -> Value {
        let path = format!("/v1/tenants/{}", self.tenant());
        let (_, answer) = self.operate(Method::GET, &path, Value::Null).await;
        let all = answer["subscriptions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.into_iter()
            .find(|one| one["content_type"] == content_type.as_str())
            .unwrap_or(Value::Null)
    }

    /// The genuine `Webhook-AuthID` of a tenant's subscription.
    #[must_use]
    pub fn auth_id(&self, tenant: Uuid, content_type: ContentType) -> String {
        let key: SecretString = WEBHOOK_KEY.into();
        let id = tenant.to_string().parse::<TenantId>();
        id.map(|tenant| {
            auth_id(&key, tenant, content_type)
                .expose_secret()
                .to_owned()
        })
        .unwrap_or_default()
    }

    /// Posts to the first tenant's webhook for `content_type`, as Microsoft would.
    pub async fn notify(
        &self,
        content_type: ContentType,
        auth: &str,
        body: impl Into<Bytes>,
    ) -> StatusCode {
        let path = format!("{NOTIFICATIONS_PATH}/{}/{content_type}", self.tenant());
        self.post(&path, Some(auth), body).await
    }

    /// Posts anything anywhere on the receiver.
    pub async fn post(&self, path: &str, auth: Option<&str>, body: impl Into<Bytes>) -> StatusCode {
        let mut request = Request::builder().method(Method::POST).uri(path);
        if let Some(auth) = auth {
            request = request.header("Webhook-AuthID", auth);
        }
        let request = request.body(body.into()).unwrap_or_default();
        let response = receive::handle(&self.receiver, request, self.now()).await;
        assert!(response.body().is_empty(), "the receiver reflects nothing");
        response.status()
    }

    /// A record of the first tenant with the Id number `n`.
    #[must_use]
    pub fn record(&self, n: u32) -> Value {
        json!({
            "Id": format!("a0000000-0000-4000-8000-{n:012}"),
            "OrganizationId": self.tenant(),
            "CreationTime": "2026-03-01T10:00:00",
            "Operation": "Set-Mailbox",
            "RecordType": 1,
            "UserId": "alex@contoso.example",
            "Workload": "Exchange",
        })
    }

    /// A genuine notification item for a blob that is not there.
    #[must_use]
    pub fn item(&self, content_type: ContentType, content_id: &str) -> Value {
        let (tenant, base) = (self.tenant(), self.emulator.manage_url());
        let now = self.now();
        json!({
            "tenantId": tenant,
            "clientId": self.emulator.client_id(),
            "contentType": content_type.as_str(),
            "contentId": content_id,
            "contentUri": format!("{base}api/v1.0/{tenant}/activity/feed/audit/{content_id}"),
            "contentCreated": now.to_string(),
            "contentExpiration": (now + Duration::from_secs(7 * 24 * 3600)).to_string(),
        })
    }

    /// Runs the reconciler once.
    ///
    /// # Errors
    /// It could not be run at all.
    pub async fn reconcile(&self, sweep: Sweep) -> Outcome<Report> {
        let clock = Clock::starting_at(self.now());
        Ok(reconcile::run(&self.reconciler, sweep, clock, Instant::now() + WAIT_MAX).await?)
    }

    /// Messages in the queue: visible, in flight and delayed.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn queued(&self) -> Outcome<usize> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let output = self
            .backends
            .sqs
            .get_queue_attributes()
            .queue_url(&self.backends.queue_url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await?;
        let counts = output.attributes.unwrap_or_default();
        Ok(counts
            .values()
            .filter_map(|count| count.parse::<usize>().ok())
            .sum())
    }

    /// Takes at most ten messages, has them fetched, deletes what succeeded. Returns how many were taken and the failed.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn work(&self) -> Outcome<(usize, Vec<String>)> {
        let received = self
            .backends
            .sqs
            .receive_message()
            .queue_url(&self.backends.queue_url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .send()
            .await?;
        let messages = received.messages.unwrap_or_default();
        let deliveries = messages.iter().map(|message| Delivery {
            message_id: message.message_id.clone().unwrap_or_default(),
            body: message.body.clone().unwrap_or_default(),
        });
        let clock = Clock::starting_at(self.now());
        let failed = fetch::batch(
            &self.fetcher,
            deliveries.collect(),
            clock,
            Instant::now() + BATCH_WITHIN,
        )
        .await;
        for message in &messages {
            if !failed.contains(&message.message_id.clone().unwrap_or_default()) {
                self.backends
                    .sqs
                    .delete_message()
                    .queue_url(&self.backends.queue_url)
                    .set_receipt_handle(message.receipt_handle.clone())
                    .send()
                    .await?;
            }
        }
        Ok((messages.len(), failed))
    }

    /// Works until the queue is empty; retries that were arranged for some seconds later included.
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

    /// Works until everything published is in the lake, time passing meanwhile: leases end, messages become visible again
    /// and the sweep enqueues what is overdue.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn work_until_delivered(&self) -> Outcome<()> {
        for _ in 0..ROUNDS_MAX {
            let (taken, _) = self.work().await?;
            let (_, _, lost) = self.audit()?;
            if lost == 0 {
                return Ok(());
            }
            if taken == 0 {
                self.pass(Duration::from_secs(3600));
                self.reconcile(Sweep::Day).await?;
            }
        }
        Err("not everything is delivered".into())
    }

    /// Throws away what is in the queue, as an outage beyond its retention would.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn empty_the_queue(&self) -> Outcome<()> {
        self.backends
            .sqs
            .purge_queue()
            .queue_url(&self.backends.queue_url)
            .send()
            .await?;
        Ok(())
    }

    /// Puts a text into the queue that nobody of ours wrote.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn put_into_the_queue(&self, body: &str) -> Outcome<()> {
        self.backends
            .sqs
            .send_message()
            .queue_url(&self.backends.queue_url)
            .message_body(body)
            .send()
            .await?;
        Ok(())
    }

    /// Waits until the emulator has published all it will and has no announcement left to make.
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
        let audit = audit::read(self.folder.path())?;
        let published = self.emulator.published_ids();
        let lost = published
            .iter()
            .filter(|(tenant, id)| !audit.has(&RecordName::new(&tenant.to_string(), id)))
            .count();
        Ok((audit.written(), audit.duplicates(), lost))
    }

    /// The attributes of a blob's ledger item, texts and numbers as text; none when there is no such item.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn blob(&self, content_id: &str) -> Outcome<HashMap<String, String>> {
        let output = self
            .backends
            .dynamodb
            .get_item()
            .table_name(TABLE)
            .key(
                "pk",
                AttributeValue::S(format!("blob#{}#{content_id}", self.tenant())),
            )
            .key("sk", AttributeValue::S("blob".to_owned()))
            .send()
            .await?;
        let item = output.item.unwrap_or_default().into_iter();
        Ok(item
            .filter_map(|(name, value)| match value {
                AttributeValue::S(text) | AttributeValue::N(text) => Some((name, text)),
                _ => None,
            })
            .collect())
    }

    /// The lake's folder.
    #[must_use]
    pub fn lake(&self) -> &Path {
        self.folder.path()
    }
}
