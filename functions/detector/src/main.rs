//! Lambda: takes announcements of new raw copies from SQS and looks for threats in their records.

use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use pipeline::aws::batch::{BatchResponse, SqsEvent};
use pipeline::clock::Clock;
use pipeline::detect::batch;
use pipeline::{aws, logging, metrics, settings, wiring};
use tokio::time::Instant;

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "a main reads the clock, and hands it on"
)]
async fn main() -> Result<(), Error> {
    logging::init_json(settings::environment("LOG_LEVEL").as_deref());
    let metrics = metrics::init(settings::environment("DEPLOYMENT"));
    let settings = settings::detector(settings::environment)?;
    let config = aws::config(settings::environment);
    let detector = &Arc::new(wiring::detector(settings, &config)?);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let left = event.context.deadline().duration_since(SystemTime::now());
        let deadline = Instant::now() + left.unwrap_or_default();
        let clock = Clock::starting_at(Timestamp::now());
        let failed = batch(detector, event.payload.deliveries(), clock, deadline).await;
        metrics.flush();
        Ok::<_, Error>(BatchResponse::of(failed))
    }))
    .await
}
