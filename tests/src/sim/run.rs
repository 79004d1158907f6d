//! A run: a storm decided by the seed, then calm weather, until everything is at rest. Then the oracle.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use emulator::{Consent, TenantState};
use futures::future::join_all;
use http::{Method, StatusCode};
use pipeline::aws::batch::Delivery;
use pipeline::clock::Clock;
use pipeline::queue::SweepMessage;
use pipeline::{detect, fetch, reconcile};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::crash::{Crash, Ended};
use super::dice::Dice;
use super::house::{House, Process};
use super::oracle;
use super::plan::{self, Plan, Step};
use super::records::{EXCEPTED_USER, Records};
use super::sqs::{CONTENT_QUEUE, DETECT_QUEUE, SWEEP_QUEUE, Sqs};
use super::watch::{self, Watch};
use super::weather::Weather;
use crate::Outcome;

/// Time of a batch, of the real clock: far more than it takes, so that only deaths cut work short.
const BATCH_WITHIN: Duration = Duration::from_secs(120);

/// Longest wait for the emulator's own work, of the real clock.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Rounds of calm weather after which a run counts as restless: three days at an hour each. What was given up wrongly is taken up
/// again after one.
const ROUNDS_MAX: usize = 72;

/// How long an exception holds that is made: all of a run.
const EXCEPTED_FOR: Duration = Duration::from_secs(60 * 24 * 3_600);

/// Rounds in a row in which nothing happens, after which everything is at rest.
const QUIET_ROUNDS: usize = 3;

/// Time that passes where nobody fetches: more than a message may wait before the sweep looks after it.
const IDLE_ROUND: Duration = Duration::from_secs(45 * 60);

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(3_600);

/// Batches of one round, at most.
const BATCHES_MAX: usize = 400;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Told {
    /// What happened, step by step.
    pub log: String,
    /// How often each fault was dealt.
    pub dealt: std::collections::BTreeMap<String, u64>,
    /// What the oracle has against it; nothing, if all is well.
    pub faults: Vec<String>,
}

struct Run {
    seed: u64,
    /// Processes until now.
    born: usize,
    plan: Plan,
    dice: Dice,
    house: House,
    processes: Vec<Process>,
    records: Records,
    watch: Watch,
    /// What was wrong on the way.
    faults: Vec<String>,
    log: String,
}

/// Runs a seed.
///
/// # Errors
/// The run itself breaks down. What is wrong with the product is told.
pub async fn run(seed: u64) -> Outcome<Told> {
    let plan = Plan::of(seed);
    let clock = plan.emulator.clock.clone();
    let weather = Weather::new(seed, plan.weather.clone());
    let sqs = Sqs::new(clock, Dice::of(seed, "sqs"), plan.again);
    let house = House::build(plan.emulator.clone(), sqs, weather).await?;
    let mut run = Run {
        seed,
        born: 0,
        dice: Dice::of(seed, "steps"),
        records: Records::new(house.emulator.tenants(), plan.mix),
        watch: Watch::default(),
        faults: Vec::new(),
        processes: Vec::new(),
        log: String::new(),
        house,
        plan,
    };
    run.register().await?;
    run.house.emulator.set_notify(!run.plan.silent);
    for _ in 0..run.plan.processes {
        let process = run.process()?;
        run.processes.push(process);
    }
    for number in 0..run.plan.steps {
        run.plan.idle &= number < run.plan.steps / 2;
        let step = run.plan.step(&run.dice);
        run.take(step).await?;
        // One fault brings others with it.
        if !run.faults.is_empty() {
            break;
        }
    }
    if run.faults.is_empty() {
        run.faults = watch::certified(&run.house, &run.records).await?;
    }
    let mut faults = std::mem::take(&mut run.faults);
    if faults.is_empty() {
        run.rest().await?;
        faults = oracle::faults(&run.house, &run.records, &run.plan).await?;
    }
    Ok(Told {
        dealt: run.house.weather.dealt(),
        log: run.log,
        faults,
    })
}

impl Run {
    /// Every tenant is registered before the storm.
    async fn register(&mut self) -> Outcome<()> {
        for tenant in self.house.emulator.tenants() {
            let types = ["Audit.Exchange", "Audit.AzureActiveDirectory"];
            let body = json!({"tenant_id": tenant, "content_types": types});
            let (status, answer) = self.house.operate(Method::POST, "/v1/tenants", body).await;
            if status != StatusCode::CREATED {
                return Err(format!("a tenant is not registered: {answer}").into());
            }
        }
        if self.plan.excepts {
            let until = self.house.now() + EXCEPTED_FOR;
            let body = json!({"user": EXCEPTED_USER, "reason": "known", "until": until});
            let (status, answer) = self
                .house
                .operate(Method::POST, "/v1/exceptions", body)
                .await;
            if status != StatusCode::CREATED {
                return Err(format!("an exception is not made: {answer}").into());
            }
        }
        self.announced().await
    }

    /// A new process, which may be one that dies.
    fn process(&mut self) -> Outcome<Process> {
        self.born += 1;
        let fate = Crash::likely(self.seed, self.born, self.plan.deaths);
        self.house.process(fate)
    }

    async fn take(&mut self, step: Step) -> Outcome<()> {
        let told = match &step {
            Step::Pass(span) => {
                self.house.emulator.clock().advance(*span);
                String::new()
            }
            Step::Publish(tenant, of, sizes) => {
                for size in sizes {
                    let (emulator, of) = (&self.house.emulator, (*tenant, *of));
                    self.records.publish(emulator, of, *size, &self.dice);
                }
                String::new()
            }
            Step::Fetch if self.plan.idle => self.rounds(1, IDLE_ROUND).await?,
            Step::Fetch => self.fetch().await?,
            Step::Dispatch => self.dispatch().await?,
            Step::Sweep => self.sweep().await?,
            Step::Detect => self.detect().await?,
            Step::Restart => {
                let place = self.dice.below(self.processes.len());
                self.processes[place] = self.process()?;
                String::new()
            }
            Step::Microsoft(fault) => {
                let fault = plan::some(fault.clone(), &self.dice);
                self.house.emulator.fault(fault);
                String::new()
            }
            Step::MicrosoftWell => {
                self.count_microsoft();
                self.house.emulator.clear_faults();
                String::new()
            }
            Step::Down(service) => {
                self.house.weather.set_down(vec![service]);
                String::new()
            }
            Step::Up => {
                self.house.weather.set_down(Vec::new());
                String::new()
            }
            Step::Consent(tenant, consent) => {
                self.consent(*tenant, *consent);
                String::new()
            }
            Step::Notify(on) => {
                self.house.emulator.set_notify(*on);
                String::new()
            }
            Step::Replay(tenant) => self.replay(*tenant).await,
            Step::Rounds(rounds, span, down) => {
                self.house.weather.set_down(down.iter().copied().collect());
                let told = self.rounds(*rounds, *span).await?;
                self.house.weather.set_down(Vec::new());
                told
            }
        };
        self.announced().await?;
        self.faults = self.watch.look(&self.house, &self.records, &step).await?;
        let now = self.house.now();
        writeln!(self.log, "{now} {step:?} {told}")?;
        Ok(())
    }

    /// Lets time go by with everybody at work, but for the fetchers where they are idle.
    async fn rounds(&mut self, rounds: usize, span: Duration) -> Outcome<String> {
        let mut told = String::new();
        for _ in 0..rounds {
            self.house.emulator.clock().advance(span);
            self.announced().await?;
            write!(told, "{} ", self.dispatch().await?)?;
            told.push_str(&self.sweep().await?);
            if !self.plan.idle {
                told.push_str(&self.fetch().await?);
                told.push_str(&self.detect().await?);
            }
        }
        Ok(told)
    }

    /// Asks for a replay of all that there is.
    async fn replay(&self, tenant: usize) -> String {
        let Some(id) = self.house.emulator.tenants().get(tenant).copied() else {
            return String::new();
        };
        let path = format!("/v1/tenants/{id}/replays");
        let body = json!({"from": self.house.begun});
        let (status, _) = self.house.operate(Method::POST, &path, body).await;
        status.to_string()
    }

    fn consent(&mut self, tenant: usize, consent: Consent) {
        let Some(id) = self.house.emulator.tenants().get(tenant).copied() else {
            return;
        };
        let state = TenantState {
            consent: Some(consent),
            ..TenantState::default()
        };
        self.watch.consent(id, consent);
        self.house.emulator.set_tenant(id, &state);
    }

    /// The faults of Microsoft's that were dealt until now.
    fn count_microsoft(&self) {
        for (fault, times) in self.house.emulator.faults() {
            let kind = serde_json::to_value(&fault.kind).unwrap_or_default();
            let kind = kind["kind"].as_str().unwrap_or_default().to_owned();
            for _ in 0..times {
                self.house.weather.deal(format!("microsoft: {kind}"));
            }
        }
    }

    /// Waits until Microsoft has sent what it is to send now.
    async fn announced(&self) -> Outcome<()> {
        let until = Instant::now() + WAIT_MAX;
        while self.house.emulator.announcements_due() > 0 {
            if Instant::now() > until {
                return Err("the emulator does not come to rest".into());
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Each process fetches a batch, all at once.
    async fn fetch(&mut self) -> Outcome<String> {
        let clock = Clock::stopped_at(self.house.now());
        self.work(CONTENT_QUEUE, |process, deliveries| {
            let (fetcher, deadline) = (Arc::clone(&process.fetcher), Instant::now() + BATCH_WITHIN);
            async move { fetch::batch(&fetcher, deliveries, clock, deadline).await }
        })
        .await
    }

    async fn detect(&mut self) -> Outcome<String> {
        let clock = Clock::stopped_at(self.house.now());
        self.work(DETECT_QUEUE, |process, deliveries| {
            let detector = Arc::clone(&process.detector);
            let deadline = Instant::now() + BATCH_WITHIN;
            async move { detect::batch(&detector, deliveries, clock, deadline).await }
        })
        .await
    }

    async fn sweep(&mut self) -> Outcome<String> {
        let clock = Clock::stopped_at(self.house.now());
        self.work(SWEEP_QUEUE, |process, deliveries| {
            let (sweeper, deadline) = (Arc::clone(&process.sweeper), Instant::now() + BATCH_WITHIN);
            async move {
                // A sweep that failed is noted in the ledger, and comes when it is due again.
                for delivery in deliveries {
                    let Ok(message) = serde_json::from_str::<SweepMessage>(&delivery.body) else {
                        return vec![delivery.message_id];
                    };
                    let _told = reconcile::sweep(&sweeper, &message, clock, deadline).await;
                }
                Vec::new()
            }
        })
        .await
    }

    async fn dispatch(&mut self) -> Outcome<String> {
        let place = self.dice.below(self.processes.len());
        let clock = Clock::stopped_at(self.house.now());
        let process = &self.processes[place];
        let work = reconcile::dispatch(&process.dispatcher, clock, Instant::now() + BATCH_WITHIN);
        let told = match process.crash.run(work).await {
            Ended::Done(Ok(_)) => "done",
            Ended::Done(Err(_)) => "failed",
            Ended::Dead => {
                self.processes[place] = self.process()?;
                "died"
            }
        };
        Ok(told.to_owned())
    }

    /// Gives each process a batch of a queue. Messages of one that dies come again.
    async fn work<F>(
        &mut self,
        queue: &'static str,
        work: impl Fn(&Process, Vec<Delivery>) -> F,
    ) -> Outcome<String>
    where
        F: Future<Output = Vec<String>>,
    {
        let sqs = self.house.sqs.clone();
        let batches = self.processes.iter().map(|process| {
            let deliveries = sqs.receive(queue);
            let ids: Vec<String> = deliveries.iter().map(|of| of.message_id.clone()).collect();
            let work = work(process, deliveries);
            async move { (ids, process.crash.run(work).await) }
        });
        let batches: Vec<_> = batches.collect();
        let ended = join_all(batches).await;
        let mut told = String::new();
        for (place, (ids, ended)) in ended.into_iter().enumerate() {
            match ended {
                Ended::Done(failed) => {
                    let (taken, failed_count) = (ids.len(), failed.len());
                    for id in ids.iter().filter(|id| !failed.contains(id)) {
                        self.house.sqs.delete(queue, id);
                    }
                    write!(told, "{taken}-{failed_count} ")?;
                }
                Ended::Dead => {
                    self.house.weather.deal("a process dies");
                    self.processes[place] = self.process()?;
                    write!(told, "{}-dead ", ids.len())?;
                }
            }
        }
        Ok(told)
    }

    /// Everything heals; then time passes, until nothing happens any more.
    async fn rest(&mut self) -> Outcome<()> {
        self.count_microsoft();
        self.house.weather.calm();
        self.house.emulator.clear_faults();
        self.house.emulator.set_notify(true);
        let tenants: Vec<Uuid> = self.house.emulator.tenants();
        for tenant in 0..tenants.len() {
            self.consent(tenant, Consent::Granted);
        }
        self.plan.deaths = 0.0;
        for place in 0..self.processes.len() {
            self.processes[place] = self.process()?;
        }
        let letters = self.house.sqs.redrive();
        writeln!(
            self.log,
            "{} calm, {letters} dead letters put back",
            self.house.now()
        )?;
        let mut quiet = 0;
        for round in 0..ROUNDS_MAX {
            self.house.emulator.clock().advance(ROUND);
            self.announced().await?;
            self.dispatch().await?;
            self.drain(SWEEP_QUEUE).await?;
            self.drain(CONTENT_QUEUE).await?;
            self.drain(DETECT_QUEUE).await?;
            let rest = oracle::unfinished(&self.house).await?;
            quiet = if rest.is_none() { quiet + 1 } else { 0 };
            if quiet == QUIET_ROUNDS {
                writeln!(
                    self.log,
                    "{} at rest after {round} rounds",
                    self.house.now()
                )?;
                return Ok(());
            }
        }
        writeln!(self.log, "{} not at rest", self.house.now())?;
        Ok(())
    }

    async fn drain(&mut self, queue: &'static str) -> Outcome<()> {
        for _ in 0..BATCHES_MAX {
            let told = match queue {
                SWEEP_QUEUE => self.sweep().await?,
                DETECT_QUEUE => self.detect().await?,
                _ => self.fetch().await?,
            };
            // Nobody had anything to take.
            if told.split_whitespace().all(|of| of == "0-0") {
                return Ok(());
            }
        }
        Err(format!("the queue {queue} does not become empty").into())
    }
}
