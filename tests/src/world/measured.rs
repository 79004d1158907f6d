//! An installation whose use of AWS is counted, with the budget of requests that processes share on AWS, and whose time is the
//! emulator's in every part.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use emulator::Emulator;
use pipeline::aws::batch::Delivery;
use pipeline::clock::Clock;
use pipeline::fetch;
use pipeline::ledger::Ledger;
use pipeline::ledger::budget::REQUESTS_PER_MINUTE;
use pipeline::microsoft::Microsoft;
use pipeline::settings::EventSettings;
use tokio::time::Instant;

use super::{BATCH_WITHIN, World};
use crate::Outcome;
use crate::meter::Meter;

impl World {
    /// Starts an installation whose calls `meter` counts.
    ///
    /// # Errors
    /// A server fails to start.
    pub async fn measured(config: emulator::Config, meter: &Meter) -> Outcome<Self> {
        let config = emulator::Config {
            allow_http_webhooks: true,
            ..config
        };
        Self::assemble(config, EventSettings::default(), Some(meter)).await
    }

    /// Takes up to `messages_max` messages, fetches them and deletes them, as Lambda does with a batch. Returns how many there
    /// were, and how long the fetcher took.
    ///
    /// # Errors
    /// SQS does not answer, or a message fails.
    pub async fn fetch_batch(&self, messages_max: i32) -> Outcome<(usize, Duration)> {
        let (sqs, url) = (&self.backends.sqs, &self.backends.queue_url);
        let receive = sqs.receive_message().queue_url(url);
        let received = receive.max_number_of_messages(messages_max).send().await?;
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok((0, Duration::ZERO));
        }
        let deliveries = messages.iter().map(|message| Delivery {
            message_id: message.message_id.clone().unwrap_or_default(),
            body: message.body.clone().unwrap_or_default(),
        });
        let (clock, began) = (Clock::starting_at(self.now()), Instant::now());
        let deadline = began + BATCH_WITHIN;
        let failed = fetch::batch(&self.fetcher, deliveries.collect(), clock, deadline).await;
        let took = began.elapsed();
        if !failed.is_empty() {
            return Err(format!("{} messages failed", failed.len()).into());
        }
        let entries = messages.iter().enumerate().map(|(number, message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(message.receipt_handle().unwrap_or_default())
                .build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let delete = sqs.delete_message_batch().queue_url(url);
        delete.set_entries(Some(entries)).send().await?;
        Ok((messages.len(), took))
    }
}

/// Microsoft's API as the Lambdas see it.
pub(super) fn microsoft(emulator: &Emulator, ledger: &Ledger) -> Outcome<Microsoft> {
    let clock = emulator.clock().clone();
    Ok(super::microsoft(emulator)?
        .shared_by(ledger.clone(), REQUESTS_PER_MINUTE)
        .on_clock(Arc::new(move || clock.now())))
}
