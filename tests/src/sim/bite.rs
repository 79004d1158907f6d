//! Runs of the product with a deliberate bug: how long the simulation takes to find it.

use std::ops::RangeInclusive;

use pipeline::teeth::{Tooth, set};

use super::run::{Told, run};
use crate::Outcome;

/// Runs a seed with a bug, or without one, on a runtime of its own, which ends with the run.
///
/// # Errors
/// The run itself breaks down. What is wrong with the product is told.
pub fn alone(seed: u64, tooth: Option<Tooth>) -> Outcome<Told> {
    set(tooth);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let told = runtime.block_on(run(seed));
    set(None);
    told
}

/// The first seed that finds a bug, and what it says; none when no seed does. A run that does not come to its end has found it too.
pub fn caught(tooth: Tooth, seeds: RangeInclusive<u64>) -> Option<(u64, String)> {
    let mut seeds = seeds.into_iter();
    seeds.find_map(|seed| match alone(seed, Some(tooth)) {
        Ok(told) => Some((seed, told.faults.into_iter().next()?)),
        Err(error) => Some((seed, error.to_string())),
    })
}

/// The bug of this name.
#[must_use]
pub fn tooth(name: &str) -> Option<Tooth> {
    Tooth::ALL
        .iter()
        .copied()
        .find(|tooth| tooth.name() == name)
}
