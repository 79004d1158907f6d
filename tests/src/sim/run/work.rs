//! The processes of a run at work, and the calm after the storm.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use emulator::Consent;
use futures::future::join_all;
use http::{Method, StatusCode};
use jiff::Timestamp;
use pipeline::aws::batch::Delivery;
use pipeline::clock::Clock;
use pipeline::compact::{self, LOOK_BACK_DAYS, Looks};
use pipeline::queue::SweepMessage;
use pipeline::{detect, fetch, reconcile};
use serde_json::Value;
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

/// Time of a compactor's run, of the runtime's clock: it begins nothing within three minutes of its end.
const COMPACT_WITHIN: Duration = Duration::from_secs(900);

/// Longest wait for the emulator's own work, of the runtime's clock.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Turns of the runtime after which what was written to the loopback is read at its other end. Each looks at the sockets; a few would
/// do.
const SENT_TURNS: usize = 64;

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

    /// Waits until Microsoft has sent what it is to send now, and answered what it was asked.
    pub(in crate::sim) async fn announced(&self) -> Outcome<()> {
        for _ in 0..SENT_TURNS {
            tokio::task::yield_now().await;
        }
        let (emulator, until) = (&self.house.emulator, Instant::now() + WAIT_MAX);
        while emulator.announcements_due() + emulator.requests_open() > 0 {
            if Instant::now() > until {
                return Err("the emulator does not come to rest".into());
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Lets time pass, once Microsoft has answered what it was asked: a start that a process sent before it died must not come hours
    /// later.
    pub(in crate::sim) async fn pass(&self, span: Duration) -> Outcome<()> {
        self.announced().await?;
        self.house.emulator.clock().advance(span);
        self.announced().await
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
                self.replace(place)?;
                "died"
            }
        };
        Ok(told.to_owned())
    }

    /// Each process compacts the hours that are over at this time.
    pub(in crate::sim) async fn compact(
        &mut self,
        now: Timestamp,
        looks: Looks,
    ) -> Outcome<String> {
        let run = compact::Run {
            now,
            look_back_days: LOOK_BACK_DAYS,
            looks,
            deadline: Instant::now() + COMPACT_WITHIN,
        };
        let ended = self.together(|process| {
            let compactor = Arc::clone(&process.compactor);
            async move { compact::run(&compactor, run).await }
        });
        let mut told = String::new();
        for ended in ended.await? {
            match ended {
                Ended::Done(Ok(report)) => write!(told, "{} ", report.events)?,
                Ended::Done(Err(_)) => told.push_str("failed "),
                Ended::Dead => told.push_str("died "),
            }
        }
        Ok(told)
    }

    /// Calls the operator's API in some process; none when that dies at it.
    pub(in crate::sim) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Outcome<Option<StatusCode>> {
        let place = self.asked.below(self.processes.len());
        let process = &self.processes[place];
        let answer = self.house.operate_through(&process.api, method, path, body);
        match process.crash.run(answer).await {
            Ended::Done((status, _)) => Ok(Some(status)),
            Ended::Dead => {
                self.replace(place)?;
                Ok(None)
            }
        }
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
        let mut taken: Vec<Vec<String>> = Vec::new();
        let ended = self.together(|process| {
            let deliveries = sqs.receive(queue);
            taken.push(deliveries.iter().map(|of| of.message_id.clone()).collect());
            work(process, deliveries)
        });
        let ended = ended.await?;
        let mut told = String::new();
        for (ids, ended) in taken.into_iter().zip(ended) {
            match ended {
                Ended::Done(failed) => {
                    let (taken, failed_count) = (ids.len(), failed.len());
                    for id in ids.iter().filter(|id| !failed.contains(id)) {
                        self.house.sqs.delete(queue, id);
                    }
                    write!(told, "{taken}-{failed_count} ")?;
                }
                Ended::Dead => write!(told, "{}-dead ", ids.len())?,
            }
        }
        Ok(told)
    }

    /// Gives each process something to do, all at once, and replaces those that die at it.
    async fn together<T, F>(&mut self, work: impl FnMut(&Process) -> F) -> Outcome<Vec<Ended<T>>>
    where
        F: Future<Output = T>,
    {
        let works: Vec<F> = self.processes.iter().map(work).collect();
        let works = self.processes.iter().zip(works);
        let works = works.map(|(process, work)| process.crash.run(work));
        let ended = join_all(works).await;
        for (place, ended) in ended.iter().enumerate() {
            if matches!(ended, Ended::Dead) {
                self.replace(place)?;
            }
        }
        Ok(ended)
    }

    /// A process has died, and another one takes its place.
    fn replace(&mut self, place: usize) -> Outcome<()> {
        self.house.weather.deal("a process dies");
        self.processes[place] = self.process()?;
        Ok(())
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
            self.pass(ROUND).await?;
            self.dispatch().await?;
            self.drain(SWEEP_QUEUE).await?;
            self.drain(CONTENT_QUEUE).await?;
            self.drain(DETECT_QUEUE).await?;
            let rest = oracle::unfinished(&self.house).await?;
            quiet = if rest.is_none() { quiet + 1 } else { 0 };
            if quiet == QUIET_ROUNDS {
                let now = self.house.now();
                writeln!(self.log, "{now} at rest after {round} rounds")?;
                if self.plan.compacts {
                    let told = self.compact(now + 2 * ROUND, Looks::All).await?;
                    writeln!(self.log, "{now} compacted {told}")?;
                }
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
