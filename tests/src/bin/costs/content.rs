//! What content costs, from the notification to the lake.

use std::path::Path;
use std::time::Duration;

use emulator::{Clock, Fault, FaultKind, Operation};
use http::{Method, Request};
use jiff::Timestamp;
use office365::ContentType;
use pipeline::receive;
use serde_json::Value;
use tests::meter::Meter;
use tests::world::{EXCHANGE, World};
use tests::{Outcome, lake};
use tokio::time::Instant;

use super::bill::{Bill, Used};

/// When the emulated time begins: now, since the receiver lets nothing in that Microsoft would not have any more.
#[expect(clippy::disallowed_methods, reason = "a main reads the clock")]
pub(crate) fn start() -> Timestamp {
    Timestamp::now()
}

/// How long Microsoft takes to answer.
pub(crate) const LATENCY: FaultKind = FaultKind::Delay { milliseconds: 50 };

/// The blobs appear after the registration, which is not to be counted.
pub(crate) const PUBLISHED_AFTER: Duration = Duration::from_secs(60);

/// Emulated time between two batches.
pub(crate) const BETWEEN_BATCHES: Duration = Duration::from_secs(1);

/// The memory of fetcher and receiver in template.yaml, in GB of Lambda's bill.
const FETCHER_GB: f64 = 1.0;
const RECEIVER_GB: f64 = 0.25;

/// Notifications over which the receiver's time is averaged.
const RECEIVED: u32 = 100;

/// Delivers `blobs` blobs of `records_per_blob` records, `together` to a notification and to a batch of messages.
pub(crate) async fn measure(
    records_per_blob: usize,
    blobs: usize,
    together: usize,
) -> Outcome<Bill> {
    let meter = Meter::default();
    let world = World::measured(config(records_per_blob, blobs, together), &meter).await?;
    world.register(&ContentType::ALL).await?;
    let _registration = meter.take();
    let calls_before = microsoft_calls(&world);
    world.pass(PUBLISHED_AFTER);
    world.all_announced().await?;
    let mut took = Duration::ZERO;
    let mut batches = 0;
    while world.queued().await? > 0 {
        let (messages, time) = world.fetch_batch(i32::try_from(together)?).await?;
        world.pass(BETWEEN_BATCHES);
        batches += usize::from(messages > 0);
        took += time;
    }
    world.assert_delivered()?;
    let readings = meter.take();
    // The receiver sends the blobs of a notification together.
    let notifications = readings.sum(|call, _| call == "SendMessageBatch").calls;
    let objects = |folder: &Path| Outcome::Ok(lake::files(folder)?.len() as f64);
    let mut used = Used {
        readings,
        sqs_polls: 2.0 * batches as f64,
        s3_puts: objects(world.lake())?,
        s3_gets: objects(&world.lake().join("ocsf"))?,
        invocations: (batches as u64 + notifications) as f64,
        gb_seconds: took.as_secs_f64() * FETCHER_GB,
        http_calls: notifications as f64,
        microsoft_calls: (microsoft_calls(&world) - calls_before) as f64,
    };
    let receiving = receiving_time(&world, together).await?.as_secs_f64();
    used.gb_seconds += receiving * notifications as f64 * RECEIVER_GB;
    let records = (records_per_blob * blobs) as f64;
    Ok(Bill::of(&used, 1e3 / records, 1e6 / records))
}

pub(crate) fn config(records_per_blob: usize, blobs: usize, together: usize) -> emulator::Config {
    emulator::Config {
        blobs_per_tenant: blobs,
        records_per_blob: records_per_blob..=records_per_blob,
        clock: Clock::stopped_at(start()),
        behaviour: emulator::Behaviour {
            notification_items_max: together,
            ..emulator::Behaviour::default()
        },
        faults: vec![
            Fault::from(LATENCY),
            Fault::from(FaultKind::BlobLate {
                seconds: PUBLISHED_AFTER.as_secs(),
            }),
        ],
        ..emulator::Config::default()
    }
}

/// Every call to Microsoft's hosts.
pub(crate) fn microsoft_calls(world: &World) -> u64 {
    let all = [
        Operation::Token,
        Operation::Start,
        Operation::List,
        Operation::Content,
        Operation::Blob,
    ];
    all.map(|of| world.emulator.request_count(of)).iter().sum()
}

/// How long the receiver takes for a notification of so many blobs.
async fn receiving_time(world: &World, blobs: usize) -> Outcome<Duration> {
    let tenant = world.emulator.tenants()[0];
    let path = format!("/v1/notifications/{tenant}/{EXCHANGE}");
    let auth = world.auth_id(tenant, EXCHANGE);
    let items = (0..blobs).map(|number| world.item(EXCHANGE, &format!("blob-{number}")));
    let body = Value::from_iter(items).to_string();
    let mut took = Duration::ZERO;
    for _ in 0..RECEIVED {
        let request = Request::builder().method(Method::POST).uri(&path);
        let request = request.header("Webhook-AuthID", &auth);
        let request = request.body(body.clone().into())?;
        let began = Instant::now();
        let answer = receive::handle(&world.receiver, request, world.now()).await;
        took += began.elapsed();
        if !answer.status().is_success() {
            return Err(format!("the receiver answers {}", answer.status()).into());
        }
    }
    Ok(took / RECEIVED)
}
