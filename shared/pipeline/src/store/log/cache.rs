//! The logs that a process remembers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use super::Memory;
use super::known::Known;
use super::waiting::Waiting;

/// One log, and who waits for it.
#[derive(Debug)]
pub(super) struct Turns<M: Memory> {
    /// Whoever holds its lock reads and appends: a process does not race with itself.
    pub(super) log: AsyncMutex<Known<M>>,
    pub(super) waiting: Waiting<M::Wish>,
}

impl<M: Memory> Default for Turns<M> {
    fn default() -> Self {
        Self {
            log: AsyncMutex::default(),
            waiting: Waiting::default(),
        }
    }
}

pub(super) type SharedLog<M> = Arc<Turns<M>>;

/// Logs up to a weight; those that were used the longest ago go first. A log that goes while somebody uses it is read anew by
/// the next, who races with the former as if it were another process: that is correct, and only slower.
#[derive(Debug, Default)]
pub(super) struct Cache<M: Memory>(Mutex<Slots<M>>);

#[derive(Debug, Default)]
struct Slots<M: Memory> {
    /// By partition key.
    slots: HashMap<String, Slot<M>>,
    weight: usize,
    /// Counts uses.
    uses: u64,
}

#[derive(Debug, Default)]
struct Slot<M: Memory> {
    log: SharedLog<M>,
    weight: usize,
    used: u64,
}

impl<M: Memory> Cache<M> {
    /// The log of a partition key; one of which nothing is known if it is not here.
    pub(super) fn get(&self, pk: &str) -> SharedLog<M> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.uses += 1;
        let used = slots.uses;
        let slot = slots.slots.entry(pk.to_owned()).or_default();
        slot.used = used;
        Arc::clone(&slot.log)
    }

    /// Takes down what a log weighs now, and lets others go until all weigh `weight_max` at most, or this one is alone.
    pub(super) fn weigh(&self, pk: &str, log: &SharedLog<M>, weight: usize, weight_max: usize) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Slots {
            slots,
            weight: total,
            ..
        } = &mut *slots;
        let Some(slot) = slots.get_mut(pk) else {
            return;
        };
        if !Arc::ptr_eq(&slot.log, log) {
            return;
        }
        *total = *total - slot.weight + weight;
        slot.weight = weight;
        while *total > weight_max {
            let others = slots.iter().filter(|(other, _)| **other != pk);
            let oldest = others.min_by_key(|(_, slot)| slot.used);
            let Some(oldest) = oldest.map(|(pk, _)| pk.clone()) else {
                return;
            };
            if let Some(gone) = slots.remove(&oldest) {
                *total -= gone.weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::store::ledger::attribute::Item;

    /// Remembers nothing.
    #[derive(Debug, Default)]
    struct Nothing;

    impl Memory for Nothing {
        type Wish = ();
        type Content = ();

        fn write((): &()) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
            Ok(Vec::new())
        }

        fn read(_: &mut Item) -> Result<(), &'static str> {
            Ok(())
        }

        fn add(&mut self, (): &()) {}

        fn has(&self, (): &()) -> bool {
            true
        }

        fn missing(&self, _: &[Arc<()>], _: usize) {}

        fn bound(&mut self, _: usize, _: &[Arc<()>]) {}

        fn is_bounded(&self) -> bool {
            false
        }

        fn weight(&self) -> usize {
            0
        }
    }

    fn is_same(cache: &Cache<Nothing>, pk: &str, log: &SharedLog<Nothing>) -> bool {
        Arc::ptr_eq(&cache.get(pk), log)
    }

    #[test]
    fn the_log_used_the_longest_ago_goes_first() {
        let cache = Cache::<Nothing>::default();
        let [one, two, three] = ["1", "2", "3"].map(|pk| cache.get(pk));
        cache.weigh("1", &one, 40, 100);
        cache.weigh("2", &two, 40, 100);
        assert!(is_same(&cache, "1", &one));
        cache.weigh("3", &three, 40, 100);
        assert!(is_same(&cache, "1", &one) && is_same(&cache, "3", &three));
        assert!(!is_same(&cache, "2", &two));
    }

    #[test]
    fn the_log_in_use_stays_however_heavy_it_is() {
        let cache = Cache::<Nothing>::default();
        let [one, two] = ["1", "2"].map(|pk| cache.get(pk));
        cache.weigh("1", &one, 10, 100);
        cache.weigh("2", &two, 500, 100);
        assert!(is_same(&cache, "2", &two) && !is_same(&cache, "1", &one));
        // It goes as soon as another one is used.
        let three = cache.get("3");
        cache.weigh("3", &three, 10, 100);
        assert!(!is_same(&cache, "2", &two) && is_same(&cache, "3", &three));
    }

    #[test]
    fn a_log_that_went_is_not_weighed() {
        let cache = Cache::<Nothing>::default();
        let [one, two] = ["1", "2"].map(|pk| cache.get(pk));
        cache.weigh("2", &two, 500, 100);
        let again = cache.get("1");
        cache.weigh("1", &one, 1_000, 100);
        assert!(is_same(&cache, "1", &again) && is_same(&cache, "2", &two));
    }
}
