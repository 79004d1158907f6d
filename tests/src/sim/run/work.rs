//! The processes of a run at work, and the calm after the storm.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use emulator::Consent;
use futures::future::join_all;
use pipeline::aws::batch::Delivery;
use pipeline::clock::Clock;
use pipeline::queue::SweepMessage;
use pipeline::{detect, fetch, reconcile};
use tokio::time::Instant;
use uuid::Uuid;

use super::Run;
use crate::Outcome;
use crate::sim::crash::{Crash, Ended};
use crate::sim::house::Process;
use crate::sim::oracle;
use crate::sim::sqs::{CONTENT_QUEUE, DETECT_QUEUE, SWEEP_QUEUE};

/// Time of a batch, of the runtime's clock: far more than it takes, so that only deaths cut work short.
const BATCH_WITHIN: Duration = Duration::from_secs(120);

/// Longest wait for the emulator's own work, of the runtime's clock.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Rounds of calm weather after which a run counts as restless: three days at an hour each. What was given up wrongly is taken up
/// again after one.
const ROUNDS_MAX: usize = 72;

/// Rounds in a row in which nothing happens, after which everything is at rest.
const QUIET_ROUNDS: usize = 3;

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(3_600);

/// Batches of one round, at most.
const BATCHES_MAX: usize = 400;

impl Run {
    /// A new process, which may be one that dies.
    pub(in crate::sim) fn process(&mut self) -> Outcome<Process> {
        self.born += 1;
        let fate = Crash::likely(self.seed, self.born, self.plan.deaths);
        self.house.process(fate)
    }

    /// Waits until Microsoft has sent what it is to send now.
    pub(in crate::sim) async fn announced(&self) -> Outcome<()> {
        let until = Instant::now() + WAIT_MAX;
        while self.house.emulator.announcements_due() > 0 {
            if Instant::now() > until {
                return Err("the emulator does not come to rest".into());
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Every process is replaced by one that remembers nothing.
    pub(in crate::sim) fn restart(&mut self) -> Outcome<()> {
        for place in 0..self.processes.len() {
            self.processes[place] = self.process()?;
        }
        Ok(())
    }

    /// Each process fetches a batch, all at once.
    pub(in crate::sim) async fn fetch(&mut self) -> Outcome<String> {
        let clock = Clock::stopped_at(self.house.by_our_clock());
        self.work(CONTENT_QUEUE, |process, deliveries| {
            let (fetcher, deadline) = (Arc::clone(&process.fetcher), Instant::now() + BATCH_WITHIN);
            async move { fetch::batch(&fetcher, deliveries, clock, deadline).await }
        })
        .await
    }

    pub(in crate::sim) async fn detect(&mut self) -> Outcome<String> {
        let clock = Clock::stopped_at(self.house.by_our_clock());
        self.work(DETECT_QUEUE, |process, deliveries| {
            let detector = Arc::clone(&process.detector);
            let deadline = Instant::now() + BATCH_WITHIN;
            async move { detect::batch(&detector, deliveries, clock, deadline).await }
        })
        .await
    }

    pub(in crate::sim) async fn sweep(&mut self) -> Outcome<String> {
        let clock = Clock::stopped_at(self.house.by_our_clock());
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

    pub(in crate::sim) async fn dispatch(&mut self) -> Outcome<String> {
        let place = self.dice.below(self.processes.len());
        let clock = Clock::stopped_at(self.house.by_our_clock());
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
    pub(in crate::sim) async fn rest(&mut self) -> Outcome<()> {
        self.count_microsoft();
        self.house.weather.calm();
        self.house.emulator.clear_faults();
        self.house.emulator.set_notify(true);
        let tenants: Vec<Uuid> = self.house.emulator.tenants();
        for tenant in 0..tenants.len() {
            self.consent(tenant, Consent::Granted);
        }
        self.plan.deaths = 0.0;
        self.restart()?;
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

    pub(in crate::sim) async fn drain(&mut self, queue: &'static str) -> Outcome<()> {
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
