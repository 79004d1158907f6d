//! Which values were seen for whom, in memory.

use std::collections::HashMap;

use crate::look::Question;
use crate::seen::{SeenKey, Sighting, VALUES_PER_KEY_MAX};

/// Keys (tenant, rule, and values of the fields `by`) that are known at a time.
pub const KEYS_MAX: usize = 50_000;

/// Values of all keys together.
pub const VALUES_MAX: usize = 400_000;

/// What is known of a key.
#[derive(Debug)]
struct KnownKey {
    /// The time of its first record, in seconds since 1970.
    since: i64,
    /// Its values.
    values: HashMap<String, Sighting>,
}

/// The values of all keys.
#[derive(Debug, Default)]
pub(crate) struct KnownValues {
    keys: HashMap<SeenKey, KnownKey>,
    values: usize,
    /// Records whose value or key found no room: they make no finding.
    pub(crate) without_room: u64,
}

impl KnownValues {
    /// Notes the values of a question, and tells those that are new for a key that is not.
    pub(crate) fn new_values(&mut self, question: &Question) -> Vec<String> {
        let values = question.values.iter();
        values
            .filter(|value| self.is_new(question, value.to_lowercase()))
            .cloned()
            .collect()
    }

    fn is_new(&mut self, question: &Question, value: String) -> bool {
        let Question {
            key, record, time, ..
        } = question;
        if !self.has_room(key, &value) {
            self.forget_before(time.saturating_sub(question.within));
            if !self.has_room(key, &value) {
                self.without_room += 1;
                return false;
            }
        }
        let known = self.keys.entry(key.clone()).or_insert_with(|| KnownKey {
            since: *time,
            values: HashMap::new(),
        });
        known.since = known.since.min(*time);
        let is_learned = time.saturating_sub(known.since) >= question.learning;
        let Some(sighting) = known.values.get_mut(&value) else {
            let sighting = Sighting::new(record, *time);
            known.values.insert(value, sighting);
            self.values += 1;
            return is_learned;
        };
        let is_new = sighting.note(question.within, record, *time);
        is_learned && is_new
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

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn key(by: &str) -> SeenKey {
        SeenKey {
            tenant: "t".to_owned(),
            rule: "r".to_owned(),
            by: vec![by.to_owned()],
        }
    }

    fn is_new(seen: &mut KnownValues, value: &str, record: &str, day: i64) -> bool {
        let question = Question::of(key("alex"), value, record, day * DAY);
        !seen.new_values(&question).is_empty()
    }

    #[test]
    fn a_value_is_new_once_the_key_is_learned() {
        let mut seen = KnownValues::default();
        assert!(!is_new(&mut seen, "DE", "a", 0));
        assert!(!is_new(&mut seen, "FR", "b", 3));
        assert!(is_new(&mut seen, "US", "c", 8));
        assert!(!is_new(&mut seen, "US", "d", 9));
        assert!(!is_new(&mut seen, "DE", "e", 9));
    }

    #[test]
    fn a_record_that_comes_twice_is_as_new_as_before() {
        let mut seen = KnownValues::default();
        is_new(&mut seen, "DE", "a", 0);
        assert!(is_new(&mut seen, "US", "c", 8));
        assert!(is_new(&mut seen, "US", "c", 8));
        assert!(!is_new(&mut seen, "US", "other", 8));
    }

    #[test]
    fn a_value_is_new_again_after_the_time() {
        let mut seen = KnownValues::default();
        is_new(&mut seen, "DE", "a", 0);
        assert!(!is_new(&mut seen, "DE", "b", 30));
        assert!(is_new(&mut seen, "DE", "c", 61));
    }

    #[test]
    fn a_late_record_is_the_first_sighting() {
        let mut seen = KnownValues::default();
        is_new(&mut seen, "DE", "a", 0);
        assert!(is_new(&mut seen, "US", "late", 10));
        assert!(is_new(&mut seen, "US", "early", 9));
        assert!(!is_new(&mut seen, "US", "late", 10));
    }

    #[test]
    fn values_without_end_are_bounded_and_counted() {
        let mut seen = KnownValues::default();
        is_new(&mut seen, "DE", "a", 0);
        for n in 0..VALUES_PER_KEY_MAX + 10 {
            is_new(&mut seen, &format!("v{n}"), "b", 8);
        }
        assert_eq!(seen.values, VALUES_PER_KEY_MAX);
        assert_eq!(seen.without_room, 11);
    }
}
