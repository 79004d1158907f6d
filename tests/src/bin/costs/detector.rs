//! What the detector costs, beside the delivery of the same content.

use std::fs::File;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use office365::ContentType;
use serde_json::Value;
use tests::Outcome;
use tests::lake;
use tests::meter::Meter;
use tests::world::World;
use tokio::time::Instant;
use uuid::Uuid;

use super::bill::{Bill, Used};
use super::content::{BETWEEN_BATCHES, PUBLISHED_AFTER, config};

/// The detector's memory in template.yaml, in GB of Lambda's bill.
const DETECTOR_GB: f64 = 0.5;

/// Between the first look and the second.
const LATER: SignedDuration = SignedDuration::from_hours(24);

/// Looks at `blobs` blobs of `records_per_blob` records, ten to a batch of messages: when all is new, or once more a day later, when
/// the same users have done the same again, and the values that they are known by are known.
pub(crate) async fn measure(
    records_per_blob: usize,
    blobs: usize,
    is_first_look: bool,
) -> Outcome<Bill> {
    let meter = Meter::default();
    let world = World::measured(config(records_per_blob, blobs, 10), &meter).await?;
    world.register(&ContentType::ALL).await?;
    world.pass(PUBLISHED_AFTER);
    world.all_announced().await?;
    while world.queued().await? > 0 {
        world.work().await?;
        // A tenant's requests of a minute are counted.
        world.pass(BETWEEN_BATCHES);
    }
    if !is_first_look {
        look(&world).await?;
        world.pass(LATER.unsigned_abs());
        again_later(&world).await?;
    }
    let findings = || Outcome::Ok(lake::files(&world.lake().join("findings"))?.len());
    let findings_before = findings()?;
    let _before = meter.take();
    let Looks {
        copies,
        batches,
        took,
    } = look(&world).await?;
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

/// Puts the raw copies beside themselves as they would be had the same been done a day later.
async fn again_later(world: &World) -> Outcome<()> {
    for file in lake::files(&world.lake().join("raw"))? {
        let mut records: Vec<Value> = serde_json::from_slice(&lake::unpacked(&file)?)?;
        for record in &mut records {
            // Some records have none, as real ones do.
            let at = record["CreationTime"].as_str().unwrap_or_default();
            if let Ok(at) = at.parse::<DateTime>() {
                record["CreationTime"] = at.checked_add(LATER)?.to_string().into();
            }
            record["Id"] = Uuid::new_v4().to_string().into();
        }
        let name = file.file_name().ok_or("a file without a name")?;
        let later = file.with_file_name(format!("later-{}", name.to_string_lossy()));
        let mut packed = GzEncoder::new(File::create(&later)?, Compression::default());
        serde_json::to_writer(&mut packed, &records)?;
        packed.finish()?;
        let key = later.strip_prefix(world.lake())?;
        world.announce_again(&key.to_string_lossy()).await?;
    }
    Ok(())
}

/// Looks at raw copies until none is left.
async fn look(world: &World) -> Outcome<Looks> {
    let mut looks = Looks::default();
    loop {
        let began = Instant::now();
        let (messages, failed) = world.detect().await?;
        if messages == 0 {
            return Ok(looks);
        }
        if !failed.is_empty() {
            return Err("a raw copy was not looked at".into());
        }
        looks.took += began.elapsed();
        looks.batches += 1;
        looks.copies += messages;
    }
}
