//! What the detector costs, beside the delivery of the same content.

use std::time::Duration;

use office365::ContentType;
use tests::Outcome;
use tests::lake;
use tests::meter::Meter;
use tests::world::World;
use tokio::time::Instant;

use super::bill::{Bill, Used};
use super::content::{PUBLISHED_AFTER, config};

/// The detector's memory in template.yaml, in GB of Lambda's bill.
const DETECTOR_GB: f64 = 0.5;

/// Looks at `blobs` blobs of `records_per_blob` records, ten to a batch of messages.
pub(crate) async fn measure(records_per_blob: usize, blobs: usize) -> Outcome<Bill> {
    let meter = Meter::default();
    let world = World::measured(config(records_per_blob, blobs, 10), &meter).await?;
    world.register(&ContentType::ALL).await?;
    world.pass(PUBLISHED_AFTER);
    world.all_announced().await?;
    world.work_until_empty().await?;
    let _delivery = meter.take();
    let copies = lake::files(&world.lake().join("raw"))?.len();
    let (mut took, mut batches) = (Duration::ZERO, 0);
    loop {
        let began = Instant::now();
        let (messages, failed) = world.detect().await?;
        if messages == 0 {
            break;
        }
        if !failed.is_empty() {
            return Err("a raw copy was not looked at".into());
        }
        took += began.elapsed();
        batches += 1;
    }
    let findings = lake::files(&world.lake().join("findings"))?.len();
    let used = Used {
        readings: meter.take(),
        // A receipt and a deletion for each batch; a deletion of each message is the harness's own.
        sqs_polls: 2.0 * f64::from(batches),
        s3_puts: findings as f64,
        s3_gets: copies as f64,
        invocations: f64::from(batches),
        gb_seconds: took.as_secs_f64() * DETECTOR_GB,
        ..Used::default()
    };
    let records = (records_per_blob * blobs) as f64;
    Ok(Bill::of(&used, 1e3 / records, 1e6 / records))
}
