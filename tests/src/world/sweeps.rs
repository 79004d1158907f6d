//! Sweeps, as the schedule and the sweep queue bring them about.

use std::time::Duration;

use aws_sdk_sqs::types::Message;
use local::installation::resume;
use office365::TenantId;
use pipeline::aws::batch::Delivery;
use pipeline::clock::Clock;
use pipeline::ledger::sweep::SweepState;
use pipeline::queue::SweepMessage;
use pipeline::reconcile::{self, Dispatched, Report};
use tokio::time::Instant;

use super::{WAIT_MAX, World};
use crate::Outcome;

/// Batches of messages taken in one go, at most: the dispatcher sends one message a tenant.
const BATCHES_MAX: usize = 100;

/// No sweep takes place at the moment that the one before began.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);

impl World {
    /// Runs the dispatcher once.
    ///
    /// # Errors
    /// The ledger or the queue does not answer.
    pub async fn dispatch(&self) -> Outcome<Dispatched> {
        let clock = Clock::starting_at(self.now());
        Ok(reconcile::dispatch(&self.dispatcher, clock, Instant::now() + WAIT_MAX).await?)
    }

    /// Dispatches the sweeps that are due, and runs them one after the other. Returns what they did together.
    ///
    /// # Errors
    /// The ledger or a queue does not answer.
    pub async fn sweep_due(&self) -> Outcome<Report> {
        self.pass(BETWEEN_SWEEPS);
        self.dispatch().await?;
        let mut report = Report::default();
        for message in self.sweep_messages().await? {
            report.add(self.sweep_for(&message).await?);
        }
        Ok(report)
    }

    /// The same for all tenants of the emulator, due or not.
    ///
    /// # Errors
    /// The ledger or a queue does not answer.
    pub async fn sweep(&self) -> Outcome<Report> {
        for tenant in self.emulator.tenants() {
            let tenant: TenantId = tenant.to_string().parse()?;
            self.ledger.sweep_soon(tenant, self.now()).await?;
        }
        self.sweep_due().await
    }

    /// Runs the sweep that a message asks for.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn sweep_for(&self, message: &SweepMessage) -> Outcome<Report> {
        let (clock, deadline) = (Clock::starting_at(self.now()), Instant::now() + WAIT_MAX);
        Ok(reconcile::sweep(&self.sweeper, message, clock, deadline).await?)
    }

    /// Runs a batch of sweeps at once.
    pub async fn sweep_batch(&self, deliveries: Vec<Delivery>) -> Report {
        let (clock, deadline) = (Clock::starting_at(self.now()), Instant::now() + WAIT_MAX);
        reconcile::batch(&self.sweeper, deliveries, clock, deadline).await
    }

    /// Does what local mode does after a restart, where the queue is empty. Returns how many blobs were enqueued.
    ///
    /// # Errors
    /// The ledger or the queue does not answer.
    pub async fn resume(&self) -> Outcome<usize> {
        let queue = super::queue(&self.backends, &self.flaky_sqs);
        Ok(resume::run(&self.ledger, &queue, self.now()).await?)
    }

    /// Takes all messages out of the sweep queue.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn sweep_messages(&self) -> Outcome<Vec<SweepMessage>> {
        let mut all = Vec::new();
        let (sqs, url) = (&self.backends.sqs, &self.backends.sweep_queue_url);
        for _ in 0..BATCHES_MAX {
            let received = sqs.receive_message().queue_url(url);
            let received = received.max_number_of_messages(10).send().await?;
            let messages: Vec<Message> = received.messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            for message in messages {
                all.push(serde_json::from_str(message.body().unwrap_or_default())?);
                let delete = sqs.delete_message().queue_url(url);
                let delete = delete.set_receipt_handle(message.receipt_handle);
                delete.send().await?;
            }
        }
        Ok(all)
    }

    /// How far the first tenant is swept.
    ///
    /// # Errors
    /// The ledger does not answer, or knows nothing of it.
    pub async fn swept(&self) -> Outcome<SweepState> {
        let tenant = self.tenant().to_string().parse()?;
        let state = self.ledger.sweep_state(tenant).await?;
        Ok(state.ok_or("the tenant is not swept")?)
    }
}
