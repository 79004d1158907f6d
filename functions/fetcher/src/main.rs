//! Lambda: content descriptors from SQS in, raw copies and OCSF events in the lake.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use pipeline::clock::Clock;
use pipeline::fetch::{Delivery, batch};
use pipeline::{aws, context, logging, settings};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The part of an SQS event that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SqsEvent {
    records: Vec<SqsMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsMessage {
    message_id: String,
    body: String,
}

/// `ReportBatchItemFailures`: an empty list is success.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchResponse {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    logging::init_json(settings::environment("LOG_LEVEL").as_deref());
    let settings = settings::fetcher(settings::environment)?;
    let fetcher = &Arc::new(context::fetcher(settings, &aws::from_environment().await)?);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let deadline = Instant::now() + time_left(event.context.deadline());
        let deliveries = event.payload.records.into_iter().map(|message| Delivery {
            message_id: message.message_id,
            body: message.body,
        });
        let clock = Clock::starting_at(Timestamp::now());
        let failed = batch(fetcher, deliveries.collect(), clock, deadline).await;
        let batch_item_failures = failed
            .into_iter()
            .map(|item_identifier| ItemFailure { item_identifier })
            .collect();
        Ok::<_, Error>(BatchResponse {
            batch_item_failures,
        })
    }))
    .await
}

fn time_left(deadline: SystemTime) -> Duration {
    deadline
        .duration_since(SystemTime::now())
        .unwrap_or_default()
}
