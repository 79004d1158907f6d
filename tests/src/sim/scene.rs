//! Scenes: what is told by name and step by step, in the same house and before the same oracle as what a seed decides.
//!
//! The runtime's clock is not the machine's: it moves with the scene's, and a little while the product works. Waits between two
//! attempts, breakers and quotas go by it, and cost next to no time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use emulator::{Consent, ContentType, Fault};
use http::{Method, StatusCode};
use jiff::Timestamp;
use office365::TenantId;
use pipeline::certificate::{Certificate, certificates};
use pipeline::ledger::loss::Loss;
use serde_json::{Value, json};
use uuid::Uuid;

use super::house::House;
use super::oracle::{self, TYPES, in_lake};
use super::plan::{Plan, Step};
use super::records::Blob;
use super::run::Run;
use super::secrets::Secrets;
use super::sqs::{CONTENT_QUEUE, DETECT_QUEUE, SWEEP_QUEUE};
use super::watch::{self, losses};
use crate::Outcome;

/// The seed of every scene: it decides in which order messages come, and nothing that is told.
const SEED: u64 = 1;

/// Between two looks at what was listed, in ticks: such a look asks the ledger for every hour that was published in.
const LISTED_EVERY: usize = 24;

/// While the product works, the runtime's clock moves by this step, ...
const STEP: Duration = Duration::from_millis(10);

/// ... each time after so many turns, which take about a thousandth of a second. A wait of a second is over after a tenth of one; and
/// an answer on the loopback, which takes far less, never comes later than anybody waits for it, as it would were the clock to move
/// whenever nobody is at work.
const STEP_TURNS: usize = 400;

/// How fast a scene goes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Each time after so long all functions have their turn.
    pub tick: Duration,
    /// Each time after so long every tenant gets a blob of each type.
    pub publish_every: Duration,
    /// Records of each blob.
    pub records: usize,
}

/// A house, and what happens to it.
pub struct Scene {
    run: Run,
    /// How fast it goes from now on.
    pub pace: Pace,
    /// Whether fetchers and detectors work.
    pub fetches: bool,
    ticks: usize,
    published_at: Option<Timestamp>,
    wrong: Vec<String>,
}

/// Moves the runtime's clock, until the runtime ends.
async fn keep_moving() {
    loop {
        for _ in 0..STEP_TURNS {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(STEP).await;
    }
}

impl Scene {
    /// A house as the plan has it, with its tenants registered.
    ///
    /// # Errors
    /// A part does not start.
    ///
    /// # Panics
    /// The runtime has several threads, or another scene.
    pub async fn begin(plan: Plan, pace: Pace) -> Outcome<Self> {
        tokio::time::pause();
        tokio::spawn(keep_moving());
        Ok(Self {
            run: Run::begin(SEED, plan, Secrets::default()).await?,
            pace,
            fetches: true,
            ticks: 0,
            published_at: None,
            wrong: Vec::new(),
        })
    }

    /// The house.
    #[must_use]
    pub fn house(&self) -> &House {
        &self.run.house
    }

    /// The tenant of this number.
    #[must_use]
    pub fn tenant(&self, number: usize) -> Uuid {
        self.run.house.emulator.tenants()[number]
    }

    /// Something goes wrong at Microsoft from now on.
    ///
    /// # Errors
    /// So much goes wrong already that the emulator takes no more.
    pub fn goes_wrong(&self, fault: impl Into<Fault>) -> Outcome<()> {
        match self.run.house.emulator.fault(fault) {
            true => Ok(()),
            false => Err("too many faults at once".into()),
        }
    }

    /// Nothing goes wrong any more at Microsoft's and AWS's.
    pub fn is_well(&self) {
        self.run.house.emulator.clear_faults();
        self.run.house.weather.set_down(Vec::new());
    }

    /// A tenant's administrator takes the consent back, or gives it again.
    pub fn consent(&mut self, number: usize, consent: Consent) {
        self.run.consent(number, consent);
    }

    /// Another secret of the app registration is put where processes find it, and all start anew.
    ///
    /// # Errors
    /// A part cannot be put together.
    pub fn deploy_secret(&mut self, secret: &str) -> Outcome<()> {
        self.run.house.store_secret(secret);
        self.run.restart()
    }

    /// Every process is replaced by one that remembers nothing.
    ///
    /// # Errors
    /// A part cannot be put together.
    pub fn restart(&mut self) -> Outcome<()> {
        self.run.restart()
    }

    /// Publishes a blob for a tenant.
    pub fn publish(&mut self, tenant: usize, of: ContentType) {
        let Run {
            records,
            house,
            dice,
            ..
        } = &mut self.run;
        records.publish(&house.emulator, (tenant, of), self.pace.records, dice);
    }

    /// Time passes with everybody at work, and Microsoft publishes.
    ///
    /// # Errors
    /// A part of the house breaks down.
    pub async fn live(&mut self, span: Duration) -> Outcome<()> {
        self.pass(span, true).await
    }

    /// Time passes with everybody at work, and nothing new at Microsoft.
    ///
    /// # Errors
    /// As [`Self::live`].
    pub async fn wait(&mut self, span: Duration) -> Outcome<()> {
        self.pass(span, false).await
    }

    async fn pass(&mut self, span: Duration, publishes: bool) -> Outcome<()> {
        let until = self.run.house.now() + span;
        while self.run.house.now() < until {
            self.run.house.emulator.clock().advance(self.pace.tick);
            tokio::time::advance(self.pace.tick).await;
            let now = self.run.house.now();
            let is_time = |at: Timestamp| at + self.pace.publish_every <= now;
            if publishes && self.published_at.is_none_or(is_time) {
                self.published_at = Some(now);
                for tenant in 0..self.run.plan.emulator.tenants {
                    for of in self.run.plan.emulator.content_types.clone() {
                        self.publish(tenant, of);
                    }
                }
            }
            self.turn().await?;
        }
        Ok(())
    }

    /// Every function has its turn, and the watch looks.
    async fn turn(&mut self) -> Outcome<()> {
        self.run.announced().await?;
        self.run.dispatch().await?;
        self.run.drain(SWEEP_QUEUE).await?;
        if self.fetches {
            self.run.drain(CONTENT_QUEUE).await?;
            self.run.drain(DETECT_QUEUE).await?;
        }
        self.ticks += 1;
        let step = match self.ticks % LISTED_EVERY {
            0 => Step::Sweep,
            // Any other step in which the product is at work.
            _ => Step::Fetch,
        };
        let Run {
            watch,
            house,
            records,
            ..
        } = &mut self.run;
        let found = watch.look(house, records, &step).await?;
        self.wrong.extend(found);
        Ok(())
    }

    /// Registers every tenant, as an operator does it.
    ///
    /// # Errors
    /// The API refuses.
    pub async fn register(&self) -> Outcome<()> {
        for tenant in self.run.house.emulator.tenants() {
            let types = TYPES.map(|of| of.to_string());
            let body = json!({"tenant_id": tenant, "content_types": types});
            let asked = self.run.house.operate(Method::POST, "/v1/tenants", body);
            let (status, answer) = asked.await;
            if status != StatusCode::CREATED && status != StatusCode::OK {
                return Err(format!("not registered: {answer}").into());
            }
        }
        Ok(())
    }

    /// What the operator's API says of a tenant.
    pub async fn view(&self, number: usize) -> Value {
        let path = format!("/v1/tenants/{}", self.tenant(number));
        let asked = self.run.house.operate(Method::GET, &path, Value::Null);
        asked.await.1
    }

    /// The blobs that were made available, each with whether all of its records are in the lake.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub fn blobs(&self) -> Outcome<Vec<(&Blob, bool)>> {
        let seen = in_lake(&self.run.house)?;
        let blobs = self.run.records.available_blobs(&self.run.house.emulator);
        let is_there =
            |blob: &Blob| (blob.ids.iter()).all(|id| seen.contains_key(&(blob.tenant, id.clone())));
        Ok(blobs.into_iter().map(|of| (of, is_there(of))).collect())
    }

    /// How many blobs are missing in the lake of those that were made available.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub fn missing(&self) -> Outcome<usize> {
        let missing = self.blobs()?.into_iter().filter(|(_, there)| !there);
        Ok(missing.count())
    }

    /// Records that are in the lake more than once.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub fn twice(&self) -> Outcome<BTreeSet<(Uuid, String)>> {
        let seen = in_lake(&self.run.house)?.into_iter();
        let twice = seen.filter(|(_, times)| *times > 1);
        Ok(twice.map(|(key, _)| key).collect())
    }

    /// In how many blobs each record is, by tenant and id.
    #[must_use]
    pub fn copies(&self) -> BTreeMap<(Uuid, String), usize> {
        let mut copies = BTreeMap::new();
        for blob in self.run.records.blobs() {
            for id in &blob.ids {
                *copies.entry((blob.tenant, id.clone())).or_default() += 1;
            }
        }
        copies
    }

    /// The losses of all tenants that are open.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn losses(&self) -> Outcome<Vec<Loss>> {
        let mut all = Vec::new();
        for tenant in oracle::tenants(&self.run.house)? {
            let found = losses(&self.run.house, tenant).await?.into_iter();
            all.extend(found.filter(Loss::is_open));
        }
        Ok(all)
    }

    /// The certificates of a tenant since the begin.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn certificates(&self, number: usize) -> Outcome<Vec<Certificate>> {
        let house = &self.run.house;
        let tenant: TenantId = self.tenant(number).to_string().parse()?;
        let period = (house.begun, house.now());
        Ok(certificates(&house.ledger, tenant, &TYPES, period, house.now()).await?)
    }

    /// Everything heals and comes to rest; then the oracle.
    ///
    /// # Errors
    /// Something is wrong, now or on the way.
    pub async fn ends_well(mut self) -> Outcome<()> {
        let Run { house, records, .. } = &self.run;
        let mut wrong = watch::certified(house, records).await?;
        wrong.append(&mut self.wrong);
        self.run.rest().await?;
        let Run {
            house,
            records,
            plan,
            ..
        } = &self.run;
        wrong.extend(oracle::faults(house, records, plan).await?);
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong.join("\n").into()),
        }
    }
}
