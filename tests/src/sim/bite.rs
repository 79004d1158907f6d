//! Runs of the product, several side by side, and with a deliberate bug: how long the simulation takes to find it.

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use pipeline::teeth::{Tooth, set};

use super::run::{Told, run};
use super::secrets::Secrets;
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
    let secrets = Secrets::default();
    let logged = tracing::subscriber::set_default(secrets.log());
    let told = runtime.block_on(run(seed, secrets));
    drop(logged);
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

/// Does work on so many threads, and tells what comes of each piece as it comes, in any order. A run waits for two thirds of its time,
/// where the product backs off: three threads fill a core.
///
/// # Errors
/// What tells them fails: the threads end with what they are at.
///
/// # Panics
/// A piece of the work does.
pub fn side_by_side<T: Send, R: Send>(
    pieces: impl Iterator<Item = T> + Send,
    threads: usize,
    work: impl Fn(T) -> R + Sync,
    mut tell: impl FnMut(R) -> Outcome<()>,
) -> Outcome<()> {
    let left = Mutex::new(pieces);
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        let (sender, done) = mpsc::channel();
        for _ in 0..threads.max(1) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some(piece) = next() {
                    if sender.send(work(piece)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        done.into_iter().try_for_each(&mut tell)
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
