//! Lambda: takes announcements of new objects from SQS and sends their events to a Firehose stream.

use std::sync::Arc;
use std::time::SystemTime;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use pipeline::aws::batch::{BatchResponse, SqsEvent};
use pipeline::forward::batch;
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
    let settings = settings::forwarder(settings::environment)?;
    let forwarder = &Arc::new(wiring::forwarder(
        settings,
        &aws::config(settings::environment),
    )?);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let left = event.context.deadline().duration_since(SystemTime::now());
        let deadline = Instant::now() + left.unwrap_or_default();
        let failed = batch(forwarder, event.payload.deliveries(), deadline).await;
        metrics.flush();
        Ok::<_, Error>(BatchResponse::of(failed))
    }))
    .await
}
