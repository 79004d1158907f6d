//! The process is killed at random moments: nothing is lost and nothing is written twice.

use std::time::Duration;

use emulator::{Config, Fault, FaultKind};
use local::verify::{self, LakeRecords};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use crate::process::WITHIN;
use crate::world::{LOOK_EVERY, World, seed, tail};

const KILLS: usize = 50;

/// A process lives at most this long before its kill: some die while they start, some in the midst of their work.
const LIVES_MILLIS_MAX: u64 = 1_200;

const TENANTS: usize = 2;
const BLOBS_PER_TENANT: usize = 840;
const RECORDS_PER_BLOB: usize = 20;

/// Seventy seconds of blobs: longer than fifty lives, each of which meets some.
const BLOBS_PER_SECOND: f64 = 12.0;

async fn world(seed: u64) -> World {
    let world = World::new(Config {
        seed,
        tenants: TENANTS,
        blobs_per_tenant: BLOBS_PER_TENANT,
        records_per_blob: RECORDS_PER_BLOB..=RECORDS_PER_BLOB,
        blobs_per_second: Some(BLOBS_PER_SECOND),
        allow_http_webhooks: true,
        ..Config::default()
    })
    .await;
    // Every third blob repeats records of the one before: whoever is killed between two claims must not let both
    // blobs write them, or neither.
    let mut repeat = Fault::from(FaultKind::RepeatRecords { count: 5 });
    repeat.probability = 0.3;
    assert!(world.microsoft.fault(repeat));
    world
}

async fn settle(world: &World, seed: u64) {
    let mut lake = LakeRecords::default();
    let end = Instant::now() + WITHIN;
    loop {
        lake.refresh(&world.lake()).unwrap();
        if world.microsoft.published().finished && world.missing(&lake) == 0 {
            return;
        }
        assert!(
            Instant::now() < end,
            "seed {seed}: {} records missing\n{}",
            world.missing(&lake),
            tail(&world.log())
        );
        sleep(LOOK_EVERY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_under_load_lose_and_duplicate_nothing() {
    let seed = seed();
    let mut dice = StdRng::seed_from_u64(seed);
    let world = world(seed).await;
    let mut process = world.start();
    world.register().await;
    for _ in 0..KILLS {
        sleep(Duration::from_millis(
            dice.random_range(0..LIVES_MILLIS_MAX),
        ))
        .await;
        process.kill();
        process = world.start();
    }
    assert!(
        !world.microsoft.published().finished,
        "the last kill came after the load"
    );
    settle(&world, seed).await;
    let (_, ended_well) = process.interrupt();
    assert!(ended_well, "seed {seed}\n{}", tail(&world.log()));

    let published = world.published();
    assert!(published.len() > TENANTS * BLOBS_PER_TENANT * RECORDS_PER_BLOB / 2);
    let lake = verify::read(&world.lake()).unwrap();
    assert_eq!(lake.duplicates(), 0, "seed {seed}");
    assert_eq!(lake.unnamed(), 0, "seed {seed}");
    assert_eq!(lake.written(), published.len(), "seed {seed}");
    assert_eq!(world.missing(&lake), 0, "seed {seed}");
}
