//! What a tenant costs that publishes nothing, and what an installation costs that has none.

use std::time::Duration;

use emulator::Clock;
use http::Method;
use office365::ContentType;
use pipeline::aws::batch::Delivery;
use serde_json::{Value, json};
use tests::meter::Meter;
use tests::world::World;
use tests::{Outcome, lake};
use tokio::time::Instant;

use super::bill::{Bill, Used};
use super::content::{LATENCY, microsoft_calls, start};

/// Tenants of the second run. What they use more than the one of the first run is what 20 tenants use.
const TENANTS: usize = 21;

/// Days before the day that is counted: the first listing, and all that begins with the first final day, is over.
const DAYS_BEFORE: u32 = 9;

/// The dispatcher's schedule, in minutes.
const MINUTES_OF_DAY: u32 = 24 * 60;
const MINUTE: Duration = Duration::from_secs(60);

/// The period of an idle tenant, in minutes: enough on the days before.
const QUIET_MINUTES: u32 = 15;

const DAYS_OF_MONTH: f64 = 30.0;

/// The memory of the reconciler in template.yaml, in GB of Lambda's bill.
const RECONCILER_GB: f64 = 0.5;

/// Messages of one invocation.
const BATCH: usize = 10;

/// Costs of a month.
pub(crate) struct Idle {
    pub(crate) tenant: Bill,
    pub(crate) installation: Bill,
}

/// Sweeps idle tenants for a day, in the periods of the deployment.
pub(crate) async fn measure() -> Outcome<Idle> {
    let (one, many) = (month(1).await?, month(TENANTS).await?);
    let tenant = many.less(&one, 1.0 / (TENANTS - 1) as f64);
    let installation = one.less(&tenant, 1.0);
    Ok(Idle {
        tenant,
        installation,
    })
}

async fn month(tenants: usize) -> Outcome<Bill> {
    let meter = Meter::default();
    let config = emulator::Config {
        tenants,
        blobs_per_tenant: 0,
        clock: Clock::stopped_at(start()),
        ..emulator::Config::default()
    };
    let world = World::measured(config, &meter).await?;
    for tenant in world.emulator.tenants() {
        let types = ContentType::ALL.map(|of| of.as_str());
        let body = json!({"tenant_id": tenant, "name": "Contoso", "content_types": types});
        let (status, answer): (_, Value) = world.operate(Method::POST, "/v1/tenants", body).await;
        if !status.is_success() {
            return Err(format!("{status}: {answer}").into());
        }
    }
    for _ in 0..DAYS_BEFORE * MINUTES_OF_DAY / QUIET_MINUTES {
        world.pass(MINUTE * QUIET_MINUTES);
        run(&world, &mut Used::default()).await?;
    }
    world.emulator.fault(LATENCY);
    let _before = meter.take();
    let calls_before = microsoft_calls(&world);
    let objects_before = lake::files(world.lake())?.len();
    let mut used = Used::default();
    for _ in 0..MINUTES_OF_DAY {
        world.pass(MINUTE);
        run(&world, &mut used).await?;
    }
    used.readings = meter.take();
    used.microsoft_calls = (microsoft_calls(&world) - calls_before) as f64;
    used.s3_puts = (lake::files(world.lake())?.len() - objects_before) as f64;
    Ok(Bill::of(&used, DAYS_OF_MONTH, DAYS_OF_MONTH))
}

/// One run of the dispatcher, and the sweeps that it asks for.
async fn run(world: &World, used: &mut Used) -> Outcome<()> {
    let began = Instant::now();
    world.dispatch().await?;
    let mut took = began.elapsed();
    used.invocations += 1.0;
    let messages = world.sweep_messages().await?;
    for batch in messages.chunks(BATCH) {
        let delivery = |message| {
            Ok::<_, serde_json::Error>(Delivery {
                message_id: String::new(),
                body: serde_json::to_string(message)?,
            })
        };
        let deliveries = batch.iter().map(delivery).collect::<Result<Vec<_>, _>>()?;
        let began = Instant::now();
        let report = world.sweep_batch(deliveries).await;
        took += began.elapsed();
        if report.failed + report.unfinished > 0 {
            return Err(format!("not all tenants were swept: {report:?}").into());
        }
        used.invocations += 1.0;
        used.sqs_polls += 2.0;
    }
    used.gb_seconds += took.as_secs_f64() * RECONCILER_GB;
    Ok(())
}
