//! The dispatcher and twenty sweepers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use futures::future::try_join_all;
use local::backends::{TABLE, dynamodb_client, sqs_client};
use office365::{Endpoints, TenantId};
use pipeline::aws::batch::Delivery;
use pipeline::aws::secrets::Secret;
use pipeline::clock::Clock;
use pipeline::lake::Lake;
use pipeline::ledger::Ledger;
use pipeline::ledger::budget::REQUESTS_PER_MINUTE;
use pipeline::ledger::key::SHARDS;
use pipeline::microsoft::Microsoft as Api;
use pipeline::microsoft::credential::AppCredential;
use pipeline::queue::{Queue, SweepQueue};
use pipeline::reconcile::{self, Dispatcher, Periods, Report, Sweeper, TENANTS_IN_FLIGHT_MAX};
use pipeline::subscription::Webhooks;
use tempfile::TempDir;
use tests::Outcome;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::microsoft::Microsoft;
use super::stores::Stores;

/// Sweepers at once: the template's default.
const SWEEPERS: usize = 20;

/// The function's timeout in template.yaml.
const TIMEOUT: Duration = Duration::from_secs(90);

/// What one process has on AWS.
struct Process {
    sweeper: Arc<Sweeper>,
    sqs: aws_sdk_sqs::Client,
}

/// Everything but Microsoft and the stores.
pub(crate) struct Installation {
    pub(crate) ledger: Ledger,
    pub(crate) clock: emulator::Clock,
    dispatcher: Dispatcher,
    processes: Vec<Process>,
    sweep_queue: String,
    _lake: TempDir,
}

/// What a round came to.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) dispatched: usize,
    pub(crate) dispatching: Duration,
    /// From the dispatcher's start until the queue was empty and every sweep had ended.
    pub(crate) took: Duration,
    /// The same until the last of those that neither hang nor fail was swept.
    pub(crate) healthy_took: Duration,
    pub(crate) report: Report,
}

impl Installation {
    /// Connects to both.
    pub(crate) fn new(microsoft: &Microsoft, stores: &Stores) -> Outcome<Self> {
        let (at, clock) = (&stores.at, emulator::Clock::system());
        let ledger = || Ledger::new(dynamodb_client(&at.dynamodb), TABLE.to_owned());
        let lake = TempDir::new()?;
        let lake_url = Url::from_directory_path(lake.path()).map_err(|()| "no lake address")?;
        let process = |_| {
            let (ledger, sqs) = (ledger(), sqs_client(&at.sqs));
            let sweeper = Sweeper::new(
                ledger.clone(),
                Queue::new(sqs.clone(), at.queue.clone(), false),
                Lake::open(&lake_url)?,
                api(microsoft, &clock)?.shared_by(ledger, REQUESTS_PER_MINUTE),
                Webhooks {
                    base_url: None,
                    key: Secret::fixed(String::new().into(), None),
                },
                Periods::DEPLOYED,
            );
            Outcome::Ok(Process {
                sweeper: Arc::new(sweeper),
                sqs,
            })
        };
        Ok(Self {
            ledger: ledger(),
            dispatcher: Dispatcher {
                ledger: ledger(),
                sweeps: SweepQueue::new(sqs_client(&at.sqs), at.sweep_queue.clone()),
                periods: Periods::DEPLOYED,
            },
            processes: (0..SWEEPERS).map(process).collect::<Result<_, _>>()?,
            sweep_queue: at.sweep_queue.clone(),
            clock,
            _lake: lake,
        })
    }

    /// Dispatches who is due and sweeps until the queue is empty. `troubled` are those that hang or fail.
    pub(crate) async fn round(&self, troubled: &[TenantId]) -> Outcome<Round> {
        let (began_at, began) = (self.clock.now(), Instant::now());
        let clock = Clock::starting_at(began_at);
        let dispatched = reconcile::dispatch(&self.dispatcher, clock, began + TIMEOUT).await?;
        let dispatching = began.elapsed();
        let all = self.processes.iter().map(|process| self.work(process));
        let mut report = Report::default();
        for part in try_join_all(all).await? {
            report.add(part);
        }
        let took = began.elapsed();
        let troubled: HashSet<_> = troubled.iter().collect();
        let mut last = began_at;
        for shard in SHARDS {
            let mut found = Vec::new();
            self.ledger.sweeps(shard, &mut found).await?;
            for swept in found {
                if !troubled.contains(&swept.tenant_id) {
                    last = last.max(swept.state?.done_at.unwrap_or(last));
                }
            }
        }
        Ok(Round {
            dispatched: dispatched.dispatched,
            dispatching,
            took,
            healthy_took: Duration::try_from(last.duration_since(began_at))?,
            report,
        })
    }

    /// One sweeper: ten messages after ten, as Lambda hands them over, until there are none.
    async fn work(&self, process: &Process) -> Outcome<Report> {
        let mut report = Report::default();
        loop {
            let receive = process.sqs.receive_message().queue_url(&self.sweep_queue);
            let most = i32::try_from(TENANTS_IN_FLIGHT_MAX)?;
            let received = receive.max_number_of_messages(most).send().await?;
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(report);
            }
            let deliveries = messages.iter().map(|message| Delivery {
                message_id: message.message_id.clone().unwrap_or_default(),
                body: message.body.clone().unwrap_or_default(),
            });
            let clock = Clock::starting_at(self.clock.now());
            let deadline = Instant::now() + TIMEOUT;
            let part =
                reconcile::batch(&process.sweeper, deliveries.collect(), clock, deadline).await;
            report.add(part);
            let entries = messages.iter().enumerate().map(|(number, message)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(message.receipt_handle().unwrap_or_default())
                    .build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>()?;
            let delete = process.sqs.delete_message_batch();
            let delete = delete.queue_url(&self.sweep_queue);
            delete.set_entries(Some(entries)).send().await?;
        }
    }
}

/// Microsoft's API as one process sees it.
fn api(microsoft: &Microsoft, clock: &emulator::Clock) -> Outcome<Api> {
    let (access, clock) = (&microsoft.access, clock.clone());
    let url = access.url.as_str();
    let secret = Secret::fixed(access.client_secret.as_str().into(), None);
    Ok(Api::new(
        access.client_id,
        Uuid::from_u128(7),
        Endpoints::overridden(Some(url), Some(url))?,
        AppCredential::ClientSecret(secret),
    )
    .on_clock(Arc::new(move || clock.now())))
}
