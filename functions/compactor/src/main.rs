//! Lambda: on a schedule, writes the events of past hours into Parquet files. The event may say how far to look back, at every
//! hour: `{"look_back_days": 30}`.

use std::time::SystemTime;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use pipeline::compact::{self, Event};
use pipeline::{logging, metrics, settings, wiring};
use tokio::time::Instant;

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "a main reads the clock, and hands it on"
)]
async fn main() -> Result<(), Error> {
    logging::init_json(settings::environment("LOG_LEVEL").as_deref());
    let metrics = metrics::init(settings::environment("DEPLOYMENT"));
    let settings = settings::compactor(settings::environment)?;
    let compactor = &wiring::compactor(settings)?;
    run(service_fn(move |event: LambdaEvent<Event>| async move {
        let left = event.context.deadline().duration_since(SystemTime::now());
        let deadline = Instant::now() + left.unwrap_or_default();
        let run = event.payload.run(Timestamp::now(), deadline);
        let report = compact::run(compactor, run).await;
        metrics.flush();
        Ok::<_, Error>(report?)
    }))
    .await
}
