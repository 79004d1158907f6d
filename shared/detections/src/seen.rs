//! Which values were seen for whom: the state of rules about new values.
//!
//! A sighting knows the record that began it, so that this record is new again when it comes twice.

use std::collections::HashMap;

use crate::rules::FirstSeen;

/// Keys (tenant, rule, and values of the fields `by`) that are known at a time.
pub const KEYS_MAX: usize = 50_000;

/// Values of one key: a user with more networks, devices or programs than that has no ordinary ones.
pub const VALUES_PER_KEY_MAX: usize = 1_000;

/// Values of all keys together.
pub const VALUES_MAX: usize = 400_000;

/// For whom values are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeenKey {
    /// The tenant's id.
    pub tenant: String,
    /// The rule's id.
    pub rule: String,
    /// The values of the fields `by`.
    pub by: Vec<String>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The time of its first record, in seconds since 1970.
    pub since: i64,
    /// Its values.
    pub values: HashMap<String, Sighting>,
}

/// When a value was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The first time, in seconds since 1970.
    pub first: i64,
    /// The record of that time.
    pub record: String,
    /// The last time.
    pub last: i64,
}

/// The values of all keys.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    keys: HashMap<SeenKey, KnownKey>,
    values: usize,
    /// Records whose value or key found no room: they make no finding.
    pub(crate) without_room: u64,
}

impl Seen {
    /// Notes a value and tells whether it is new for the key, and the key is not.
    pub(crate) fn is_new(
        &mut self,
        rule: &FirstSeen,
        key: SeenKey,
        value: String,
        record: &str,
        time: i64,
    ) -> bool {
        if !self.has_room(&key, &value) {
            self.forget_before(time.saturating_sub(rule.within));
            if !self.has_room(&key, &value) {
                self.without_room += 1;
                return false;
            }
        }
        let known = self.keys.entry(key).or_insert_with(|| KnownKey {
            since: time,
            values: HashMap::new(),
        });
        known.since = known.since.min(time);
        let is_learned = time.saturating_sub(known.since) >= rule.learning;
        let Some(sighting) = known.values.get_mut(&value) else {
            let sighting = Sighting {
                first: time,
                record: record.to_owned(),
                last: time,
            };
            known.values.insert(value, sighting);
            self.values += 1;
            return is_learned;
        };
        is_learned && sighting.note(rule.within, record, time)
    }

    fn has_room(&self, key: &SeenKey, value: &str) -> bool {
        match self.keys.get(key) {
            Some(known) if known.values.contains_key(value) => true,
            Some(known) => known.values.len() < VALUES_PER_KEY_MAX && self.values < VALUES_MAX,
            None => self.keys.len() < KEYS_MAX && self.values < VALUES_MAX,
        }
    }

    fn forget_before(&mut self, time: i64) {
        for known in self.keys.values_mut() {
            known.values.retain(|_, sighting| sighting.last >= time);
        }
        self.keys.retain(|_, known| !known.values.is_empty());
        self.values = self.keys.values().map(|known| known.values.len()).sum();
    }
}

impl Sighting {
    /// Notes a record with the value; true when there was none with it in the time `within` before.
    fn note(&mut self, within: i64, record: &str, time: i64) -> bool {
        let is_first = time < self.first || (time == self.first && record == self.record);
        let is_again = time.saturating_sub(self.last) > within;
        if is_first || is_again {
            self.first = time;
            record.clone_into(&mut self.record);
        }
        self.last = self.last.max(time);
        is_first || is_again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn rule() -> FirstSeen {
        FirstSeen {
            field: "Country".to_owned(),
            by: vec!["UserId".to_owned()],
            within: 30 * DAY,
            learning: 7 * DAY,
        }
    }

    fn key(by: &str) -> SeenKey {
        SeenKey {
            tenant: "t".to_owned(),
            rule: "r".to_owned(),
            by: vec![by.to_owned()],
        }
    }

    fn is_new(seen: &mut Seen, value: &str, record: &str, day: i64) -> bool {
        seen.is_new(&rule(), key("alex"), value.to_owned(), record, day * DAY)
    }

    #[test]
    fn a_value_is_new_once_the_key_is_learned() {
        let mut seen = Seen::default();
        assert!(!is_new(&mut seen, "DE", "a", 0));
        assert!(!is_new(&mut seen, "FR", "b", 3));
        assert!(is_new(&mut seen, "US", "c", 8));
        assert!(!is_new(&mut seen, "US", "d", 9));
        assert!(!is_new(&mut seen, "DE", "e", 9));
    }

    #[test]
    fn a_record_that_comes_twice_is_as_new_as_before() {
        let mut seen = Seen::default();
        is_new(&mut seen, "DE", "a", 0);
        assert!(is_new(&mut seen, "US", "c", 8));
        assert!(is_new(&mut seen, "US", "c", 8));
        assert!(!is_new(&mut seen, "US", "other", 8));
    }

    #[test]
    fn a_value_is_new_again_after_the_time() {
        let mut seen = Seen::default();
        is_new(&mut seen, "DE", "a", 0);
        assert!(!is_new(&mut seen, "DE", "b", 30));
        assert!(is_new(&mut seen, "DE", "c", 61));
    }

    #[test]
    fn a_late_record_is_the_first_sighting() {
        let mut seen = Seen::default();
        is_new(&mut seen, "DE", "a", 0);
        assert!(is_new(&mut seen, "US", "late", 10));
        assert!(is_new(&mut seen, "US", "early", 9));
        assert!(!is_new(&mut seen, "US", "late", 10));
    }

    #[test]
    fn values_without_end_are_bounded_and_counted() {
        let mut seen = Seen::default();
        is_new(&mut seen, "DE", "a", 0);
        for n in 0..VALUES_PER_KEY_MAX + 10 {
            is_new(&mut seen, &format!("v{n}"), "b", 8);
        }
        assert_eq!(seen.values, VALUES_PER_KEY_MAX);
        assert_eq!(seen.without_room, 11);
    }
}
