//! The claim logs that a process remembers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use super::bucket::Place;
use super::group::Waiting;
use super::log::Log;

/// One log, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Whoever holds its lock reads and appends: a process does not race with itself.
    pub(super) log: AsyncMutex<Log>,
    pub(super) waiting: Waiting,
}

pub(super) type SharedLog = Arc<Turns>;

/// Logs up to a weight; those that were used the longest ago go first. A log that goes while somebody uses it is read anew by
/// the next, who races with the former as if it were another process: that is correct, and only slower.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    slots: HashMap<Place, Slot>,
    weight: usize,
    /// Counts uses.
    uses: u64,
}

#[derive(Debug, Default)]
struct Slot {
    log: SharedLog,
    weight: usize,
    used: u64,
}

impl Cache {
    /// The log of a place; one of which nothing is known if it is not here.
    pub(super) fn get(&self, place: Place) -> SharedLog {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.uses += 1;
        let used = slots.uses;
        let slot = slots.slots.entry(place).or_default();
        slot.used = used;
        Arc::clone(&slot.log)
    }

    /// Takes down what a log weighs now, and lets others go until all weigh `weight_max` at most, or this one is alone.
    pub(super) fn weigh(&self, place: Place, log: &SharedLog, weight: usize, weight_max: usize) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Slots {
            slots,
            weight: total,
            ..
        } = &mut *slots;
        let Some(slot) = slots.get_mut(&place) else {
            return;
        };
        if !Arc::ptr_eq(&slot.log, log) {
            return;
        }
        *total = *total - slot.weight + weight;
        slot.weight = weight;
        while *total > weight_max {
            let others = slots.iter().filter(|(other, _)| **other != place);
            let Some(oldest) = others.min_by_key(|(_, slot)| slot.used).map(|(at, _)| *at) else {
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
    use super::*;
    use crate::store::ledger::claims::bucket::ClaimBucket;

    fn place(hour: u32) -> Place {
        let tenant = "11111111-2222-4333-8444-555555555555";
        (tenant.parse().unwrap(), ClaimBucket::Hour(hour))
    }

    fn is_same(cache: &Cache, hour: u32, log: &SharedLog) -> bool {
        Arc::ptr_eq(&cache.get(place(hour)), log)
    }

    #[test]
    fn the_log_used_the_longest_ago_goes_first() {
        let cache = Cache::default();
        let [one, two, three] = [1, 2, 3].map(|hour| cache.get(place(hour)));
        cache.weigh(place(1), &one, 40, 100);
        cache.weigh(place(2), &two, 40, 100);
        assert!(is_same(&cache, 1, &one));
        cache.weigh(place(3), &three, 40, 100);
        assert!(is_same(&cache, 1, &one) && is_same(&cache, 3, &three));
        assert!(!is_same(&cache, 2, &two));
    }

    #[test]
    fn the_log_in_use_stays_however_heavy_it_is() {
        let cache = Cache::default();
        let [one, two] = [1, 2].map(|hour| cache.get(place(hour)));
        cache.weigh(place(1), &one, 10, 100);
        cache.weigh(place(2), &two, 500, 100);
        assert!(is_same(&cache, 2, &two) && !is_same(&cache, 1, &one));
        // It goes as soon as another one is used.
        let three = cache.get(place(3));
        cache.weigh(place(3), &three, 10, 100);
        assert!(!is_same(&cache, 2, &two) && is_same(&cache, 3, &three));
    }

    #[test]
    fn a_log_that_went_is_not_weighed() {
        let cache = Cache::default();
        let [one, two] = [1, 2].map(|hour| cache.get(place(hour)));
        cache.weigh(place(2), &two, 500, 100);
        let again = cache.get(place(1));
        cache.weigh(place(1), &one, 1_000, 100);
        assert!(is_same(&cache, 1, &again) && is_same(&cache, 2, &two));
    }
}
