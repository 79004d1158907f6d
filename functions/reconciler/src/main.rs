//! Lambda: looks after the tenants. A schedule has it dispatch the sweeps that are due (`{"dispatch": "sweeps"}`), and the sweep
//! queue has it run them.

use std::time::SystemTime;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use pipeline::clock::Clock;
use pipeline::reconcile::{self, Event};
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
    let settings = settings::reconciler(settings::environment)?;
    let reconciler = &wiring::reconciler(settings, &aws::config(settings::environment))?;
    run(service_fn(move |event: LambdaEvent<Event>| async move {
        let left = event.context.deadline().duration_since(SystemTime::now());
        let deadline = Instant::now() + left.unwrap_or_default();
        let clock = Clock::starting_at(Timestamp::now());
        let answer = reconcile::handle(reconciler, event.payload, clock, deadline).await;
        metrics.flush();
        Ok::<_, Error>(answer?)
    }))
    .await
}
