//! The simulation: the product stays whole over many seeds, a seed is a run, and bugs are found.

use pipeline::teeth::Tooth;
use tests::Outcome;
use tests::sim::bite::{alone, caught, side_by_side};
use tests::sim::plan::Plan;
use tests::sim::run::Told;

/// Seeds of the product as it is. They take some two minutes of two cores.
const SEEDS: u64 = 200;

/// Three for each core that there is at least.
const THREADS: usize = 6;

/// Bugs that are looked for here, each with the seeds that it may take. `cargo sim --teeth` looks for all.
const TEETH: [(Tooth, u64); 7] = [
    (Tooth::Accepted202, 5),
    (Tooth::TenantFromBody, 20),
    (Tooth::FirstItemOnly, 5),
    (Tooth::TenantForgotten, 10),
    (Tooth::ClaimsInMemory, 20),
    (Tooth::DuplicatesCounted, 20),
    (Tooth::PoisonDropsBlob, 20),
];

#[test]
fn the_product_is_whole_after_every_storm() {
    let mut failed = Vec::new();
    let run = |seed| (seed, alone(seed, None));
    let tell = |(seed, told): (u64, Outcome<Told>)| {
        let faults = told?.faults;
        failed.extend((!faults.is_empty()).then_some((seed, faults)));
        Ok(())
    };
    side_by_side(1..=SEEDS, THREADS, run, tell).unwrap();
    assert!(
        failed.is_empty(),
        "again with cargo sim --trace --seeds N: {failed:#?}"
    );
}

#[test]
fn a_seed_is_a_run() {
    // Microsoft's answers come over the loopback, in an order that the kernel decides. It shows where processes race, where one dies
    // among several calls, and where a fault strikes one of several.
    let alone_in_its_world = |seed: &u64| {
        let plan = Plan::of(*seed);
        let strikes = plan.weather.iter().any(|(_, likely)| *likely > 0.0);
        plan.processes == 1 && plan.deaths <= 0.0 && !strikes && plan.microsoft.is_empty()
    };
    for seed in (1..).filter(alone_in_its_world).take(3) {
        let [one, two] = [(); 2].map(|()| alone(seed, None).unwrap().log);
        assert_eq!(one, two, "seed {seed}");
    }
}

#[test]
fn bugs_are_found() {
    let look = |(tooth, seeds)| (tooth, caught(tooth, 1..=seeds));
    let tell = |(tooth, found): (Tooth, Option<_>)| {
        assert!(found.is_some(), "{} is not found", tooth.name());
        Ok(())
    };
    side_by_side(TEETH.into_iter(), THREADS, look, tell).unwrap();
}
