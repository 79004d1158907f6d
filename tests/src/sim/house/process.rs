//! The product's functions in one process, each of which dies with it.

use std::sync::Arc;

use normalize::{OcsfVersion, Schema};
use object_store::ObjectStore;
use pipeline::api::Api;
use pipeline::compact::Compactor;
use pipeline::detect::{Announcer, Detector, Ruleset};
use pipeline::detections::Detections;
use pipeline::fetch::Fetcher;
use pipeline::lake::{Destination, Lake};
use pipeline::ledger::Ledger;
use pipeline::queue::SweepQueue;
use pipeline::reconcile::{Dispatcher, Sweeper};
use pipeline::settings::EventSettings;

use super::clients::{
    api, dynamodb_client, lake, microsoft, queue, queue_url, sqs_client, webhooks,
};
use super::{DETECTIONS_TABLE, House, PERIODS, TABLE};
use crate::Outcome;
use crate::sim::bucket::Bucket;
use crate::sim::crash::Crash;
use crate::sim::sqs::SWEEP_QUEUE;

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
    /// The compactor.
    pub compactor: Arc<Compactor>,
    /// The operator's API.
    pub api: Arc<Api>,
}

impl House {
    /// A new process of each function, which dies as its fate says.
    ///
    /// # Errors
    /// A part cannot be put together.
    pub fn process(&self, crash: Crash) -> Outcome<Process> {
        let client = |service| match service {
            "sqs" => self.weather.client("sqs", self.sqs.clone(), crash.clone()),
            _ => self
                .weather
                .client("dynamodb", self.dynamodb.clone(), crash.clone()),
        };
        let dynamodb = dynamodb_client(client("dynamodb"));
        let ledger = Ledger::new(dynamodb.clone(), TABLE.to_owned());
        let detections = Detections::new(dynamodb, DETECTIONS_TABLE.to_owned());
        let lake = self.lake_of(&crash)?;
        let queue = || queue(client("sqs"));
        let microsoft = || microsoft(&self.emulator, &self.secret, self.ahead);
        Ok(Process {
            fetcher: Arc::new(Fetcher::new(
                ledger.clone(),
                queue(),
                lake.clone(),
                microsoft()?,
                EventSettings::default(),
            )),
            dispatcher: Dispatcher {
                ledger: ledger.clone(),
                sweeps: SweepQueue::new(sqs_client(client("sqs")), queue_url(SWEEP_QUEUE)),
                periods: PERIODS,
            },
            sweeper: Arc::new(Sweeper::new(
                ledger.clone(),
                queue(),
                lake.clone(),
                microsoft()?,
                webhooks(&self.url),
                PERIODS,
            )),
            detector: Arc::new(Detector {
                lake: lake.clone(),
                detections: detections.clone(),
                ruleset: Ruleset::default(),
                announcer: Announcer::default(),
                schema: Schema::Ocsf,
                version: OcsfVersion::default(),
            }),
            compactor: Arc::new(Compactor {
                lake: lake.clone(),
                destination: destination()?,
            }),
            api: Arc::new(api(
                (ledger, detections, lake),
                queue(),
                microsoft()?,
                &self.url,
            )),
            crash,
        })
    }

    /// The lake as a process sees it.
    fn lake_of(&self, crash: &Crash) -> Outcome<Lake> {
        let bucket = |store| -> Arc<dyn ObjectStore> {
            drop(store);
            Arc::new(Bucket {
                store: Arc::clone(&self.store),
                weather: self.weather.clone(),
                crash: crash.clone(),
                sqs: self.sqs.clone(),
            })
        };
        Ok(lake(&self.folder)?.through(bucket)?)
    }
}

/// Where the compactor's files are said to be.
fn destination() -> Outcome<Destination> {
    Ok(Destination {
        region: "local".parse()?,
        account_id: "000000000000".parse()?,
    })
}
