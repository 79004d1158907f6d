//! A tenant that is served again: everything that waited comes at once.

use std::time::Duration;

use pipeline::ledger::registry::brake::BrakeReason;
use tests::Outcome;
use tests::world::{EXCHANGE, World, quiet};

const BLOBS: u32 = 3;

/// A tenant with three blobs in the queue.
async fn world() -> Outcome<World> {
    let world = World::start(emulator::Config {
        notify: false,
        ..quiet()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    for number in 0..BLOBS {
        let records = vec![world.record(number)];
        let of = emulator::ContentType::Exchange;
        world.emulator.publish(world.tenant(), of, records);
    }
    world.sweep().await?;
    assert_eq!(world.queued().await?, BLOBS as usize);
    Ok(world)
}

#[tokio::test]
async fn a_worker_that_still_knows_the_brake_parks_nothing() -> Outcome<()> {
    let world = world().await?;
    let (tenant, why) = (world.tenant().to_string().parse()?, "no consent");
    let wait = Duration::from_secs(600);
    let reason = BrakeReason::Consent;
    world
        .ledger
        .put_brake(tenant, reason, why, wait, world.now())
        .await?;
    // SQS hands over as many as it likes.
    while world.queued().await? > 0 {
        world.work().await?;
    }
    assert_eq!(world.audit()?.0, 0, "all wait");
    // Another process takes the brake off, and enqueues them while this one still remembers it.
    world.register(&[EXCHANGE]).await?;
    assert_eq!(world.queued().await?, BLOBS as usize);
    world.work_until_empty().await?;
    assert_eq!(world.audit()?, (BLOBS as usize, 0, 0));
    Ok(())
}
