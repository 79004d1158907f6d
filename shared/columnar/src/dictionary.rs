//! The different values of a column, each with a number.

use crate::tape::{Texts, length};

/// Values a dictionary can hold: so many numbers there are.
const ENTRIES_MAX: usize = 1 << 16;

/// A dictionary is looked at when it has so many values: if by then hardly one came twice, it is not worth having.
const TRIAL_ENTRIES: usize = 1024;

/// Values whose numbers are remembered by where they lie.
const NEAR: usize = 512;

/// Places that are tried for a value before it is given up: only values made for it are so unevenly spread.
const PROBES_MAX: usize = 64;

/// Values and their numbers, in the order in which they first came.
#[derive(Debug)]
pub(crate) struct Dictionary<'t> {
    /// Where values lie that are texts.
    texts: Option<&'t Texts>,
    pub(crate) entries: Vec<u64>,
    /// The dictionary itself, as it stands in the file.
    bytes: usize,
    bytes_max: usize,
    /// By what a value is or where it lies, without a look at the text: value and number + 1.
    near: Box<[(u64, u32); NEAR]>,
    /// By what a value is: half of its hash and number + 1. Half of them at least are free.
    slots: Vec<(u32, u32)>,
}

impl<'t> Dictionary<'t> {
    /// The dictionary of `values`, and the numbers of as many of them as there are before it would exceed `bytes_max`; none where
    /// it would hardly help.
    pub(crate) fn of(
        values: impl Iterator<Item = u64>,
        texts: Option<&'t Texts>,
        bytes_max: usize,
    ) -> Option<(Self, Vec<u16>)> {
        let mut dictionary = Self {
            texts,
            entries: Vec::new(),
            bytes: 0,
            bytes_max,
            near: Box::new([(0, 0); NEAR]),
            slots: vec![(0, 0); 64],
        };
        let mut numbers = Vec::new();
        for value in values {
            let (known, number) = dictionary.near[near(value)];
            if known == value && number > 0 {
                numbers.push((number - 1) as u16);
                continue;
            }
            let Some(number) = dictionary.number(value) else {
                break;
            };
            dictionary.near[near(value)] = (value, number);
            numbers.push((number - 1) as u16);
            let entries = dictionary.entries.len();
            if entries == TRIAL_ENTRIES && numbers.len() < TRIAL_ENTRIES * 4 / 3 {
                return None;
            }
        }
        (!numbers.is_empty()).then_some((dictionary, numbers))
    }

    /// The number of a value, plus 1; none where there is no room for it.
    fn number(&mut self, value: u64) -> Option<u32> {
        let hash = match self.texts {
            Some(texts) => hash(texts.get(value)),
            None => mix(value),
        };
        let half = (hash >> 32) as u32;
        let at = self.find(half, value)?;
        let (_, number) = *self.slots.get(at)?;
        if number > 0 {
            return Some(number);
        }
        let bytes = match self.texts {
            Some(_) => size_of::<u32>() + length(value),
            None => size_of::<u64>(),
        };
        if self.entries.len() == ENTRIES_MAX || self.bytes + bytes > self.bytes_max {
            return None;
        }
        self.bytes += bytes;
        self.entries.push(value);
        let number = self.entries.len() as u32;
        *self.slots.get_mut(at)? = (half, number);
        if self.entries.len() * 2 > self.slots.len() {
            self.grow()?;
        }
        Some(number)
    }

    /// The slot that has the value, or could have it.
    fn find(&self, half: u32, value: u64) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut probes = (half as usize..).take(PROBES_MAX).map(|at| at & mask);
        probes.find(|at| match self.slots.get(*at) {
            Some((known, number)) if *number > 0 => {
                *known == half && self.is_entry(*number as usize - 1, value)
            }
            _ => true,
        })
    }

    fn is_entry(&self, at: usize, value: u64) -> bool {
        let entry = self.entries.get(at).copied().unwrap_or_default();
        entry == value
            || self
                .texts
                .is_some_and(|texts| texts.get(entry) == texts.get(value))
    }

    fn grow(&mut self) -> Option<()> {
        let empty = vec![(0, 0); self.slots.len() * 2];
        let before = std::mem::replace(&mut self.slots, empty);
        let mask = self.slots.len() - 1;
        for slot in before.into_iter().filter(|slot| slot.1 > 0) {
            let mut probes = (slot.0 as usize..).take(PROBES_MAX).map(|at| at & mask);
            let free = probes.find(|at| self.slots.get(*at).is_some_and(|slot| slot.1 == 0))?;
            *self.slots.get_mut(free)? = slot;
        }
        Some(())
    }
}

/// Where it is remembered.
fn near(value: u64) -> usize {
    // The upper bits: only there has every bit of the value its say.
    (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize % NEAR
}

fn mix(word: u64) -> u64 {
    let mixed = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

/// Every bit of the text has its say in the upper half.
fn hash(text: &[u8]) -> u64 {
    let mut hash = text.len() as u64;
    let mut add = |word: u64| {
        hash = (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    };
    let (words, rest) = text.as_chunks::<8>();
    words.iter().for_each(|word| add(u64::from_le_bytes(*word)));
    // The last word reaches back into the one before it, if there is one.
    let last = match text.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    add(last);
    mix(hash ^ hash >> 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_texts_have_one_number_wherever_they_lie() {
        let (text, places) = Texts::of(&["a", "", "b", "a", "", "a longer one", "a longer one"]);
        let (dictionary, numbers) = Dictionary::of(places.into_iter(), Some(&text), 1_000).unwrap();
        assert_eq!(numbers, [0, 1, 2, 0, 1, 3, 3]);
        assert_eq!(dictionary.entries.len(), 4);
    }

    #[test]
    fn numbers_are_told_apart_by_what_they_are() {
        let values = [0, u64::MAX, 7, 0, u64::MAX];
        let (dictionary, numbers) = Dictionary::of(values.into_iter(), None, 1_000).unwrap();
        assert_eq!(numbers, [0, 1, 2, 0, 1]);
        assert_eq!(dictionary.entries, [0, u64::MAX, 7]);
    }

    #[test]
    fn it_ends_where_it_is_full_and_is_none_where_hardly_a_value_comes_again() {
        let numbers = |values: &mut dyn Iterator<Item = u64>, bytes_max| {
            let numbers = Dictionary::of(values, None, bytes_max);
            numbers.map_or(0, |(_, numbers)| numbers.len())
        };
        assert_eq!(numbers(&mut (0..1_000), 10_000), 1_000);
        assert_eq!(numbers(&mut (0..1_000), 1_000), 125);
        assert_eq!(numbers(&mut (0..1_000), 7), 0);
        assert_eq!(numbers(&mut (0..5_000), 1_000_000), 0);
        let twice = |count: u64| (0..count).flat_map(|value| [value, value]);
        assert_eq!(numbers(&mut twice(5_000), 1_000_000), 10_000);
        assert_eq!(numbers(&mut twice(65_537), 1_000_000), 2 * 65_536);
    }

    proptest! {
        #[test]
        fn each_number_leads_back_to_its_text(texts in prop::collection::vec("[a-c]{0,3}|[a-b]{7,17}", 1..900)) {
            let (text, places) = Texts::of(&texts);
            let (dictionary, numbers) = Dictionary::of(places.into_iter(), Some(&text), 1_000_000).unwrap();
            let of = |number: u16| text.get(dictionary.entries[usize::from(number)]);
            for (number, expect) in numbers.iter().zip(&texts) {
                prop_assert_eq!(of(*number), expect.as_bytes());
            }
            let different: std::collections::BTreeSet<_> = texts.iter().collect();
            prop_assert_eq!(dictionary.entries.len(), different.len());
        }
    }
}
