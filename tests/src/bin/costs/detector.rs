//! What the detector costs, beside the delivery of the same content.

use std::time::Duration;

use office365::ContentType;
use tests::Outcome;
use tests::lake;
use tests::meter::Meter;
use tests::world::World;
use tokio::time::Instant;

use super::bill::{Bill, Used};
use super::content::{BETWEEN_BATCHES, PUBLISHED_AFTER, config};

/// The detector's memory in template.yaml, in GB of Lambda's bill.
const DETECTOR_GB: f64 = 0.5;

/// Looks at `blobs` blobs of `records_per_blob` records, ten to a batch of messages: after as many of the same users, so that the
/// values that they are known by are known, or without that, when each is new.
pub(crate) async fn measure(
    records_per_blob: usize,
    blobs: usize,
    is_first_look: bool,
) -> Outcome<Bill> {
    let before = if is_first_look { 0 } else { blobs };
    let meter = Meter::default();
    let world = World::measured(config(records_per_blob, before + blobs, 10), &meter).await?;
    world.register(&ContentType::ALL).await?;
    world.pass(PUBLISHED_AFTER);
    world.all_announced().await?;
    while world.queued().await? > 0 {
        world.work().await?;
        // A tenant's requests of a minute are counted.
        world.pass(BETWEEN_BATCHES);
    }
    look(&world, before).await?;
    let findings = || Outcome::Ok(lake::files(&world.lake().join("findings"))?.len());
    let findings_before = findings()?;
    let _before = meter.take();
    let Looks {
        copies,
        batches,
        took,
    } = look(&world, usize::MAX).await?;
    let used = Used {
        readings: meter.take(),
        // A receipt and a deletion for each batch; a deletion of each message is the harness's own.
        sqs_polls: 2.0 * f64::from(batches),
        s3_puts: (findings()? - findings_before) as f64,
        s3_gets: copies as f64,
        invocations: f64::from(batches),
        gb_seconds: took.as_secs_f64() * DETECTOR_GB,
        ..Used::default()
    };
    let records = (records_per_blob * copies) as f64;
    Ok(Bill::of(&used, 1e3 / records, 1e6 / records))
}

/// Raw copies that were looked at.
#[derive(Default)]
struct Looks {
    copies: usize,
    batches: u32,
    took: Duration,
}

/// Looks at raw copies until none is left, or at so many at least.
async fn look(world: &World, copies_min: usize) -> Outcome<Looks> {
    let mut looks = Looks::default();
    while looks.copies < copies_min {
        let began = Instant::now();
        let (messages, failed) = world.detect().await?;
        if messages == 0 {
            break;
        }
        if !failed.is_empty() {
            return Err("a raw copy was not looked at".into());
        }
        looks.took += began.elapsed();
        looks.batches += 1;
        looks.copies += messages;
    }
    Ok(looks)
}
