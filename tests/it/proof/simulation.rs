//! The simulation: the product stays whole over many seeds, a seed is a run, and bugs are found.

use std::thread;

use pipeline::teeth::Tooth;
use tests::sim::bite::{alone, caught};
use tests::sim::plan::Plan;

/// Seeds of the product as it is. They take some four minutes of two cores.
const SEEDS: u64 = 200;

/// Twice as many as cores: a seed waits for half of its time, where the product backs off.
const THREADS: u64 = 4;

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
    let threads = (1..=THREADS).map(|first| {
        thread::spawn(move || {
            let seeds = (first..=SEEDS).step_by(THREADS as usize);
            let told = seeds.map(|seed| (seed, alone(seed, None).unwrap().faults));
            told.filter(|(_, faults)| !faults.is_empty()).collect()
        })
    });
    let threads: Vec<_> = threads.collect();
    let ended = threads.into_iter().map(|thread| thread.join().unwrap());
    let failed: Vec<(u64, Vec<String>)> = ended.collect::<Vec<Vec<_>>>().concat();
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
    let threads = TEETH.map(|(tooth, seeds)| thread::spawn(move || caught(tooth, 1..=seeds)));
    let found = threads.map(|thread| thread.join().unwrap());
    for ((tooth, _), found) in TEETH.iter().zip(found) {
        assert!(found.is_some(), "{} is not found", tooth.name());
    }
}
