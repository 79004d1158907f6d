//! The sets of correlations, in memory.

use std::collections::{BTreeSet, HashMap};

use crate::finding::Finding;
use crate::look::Join;
use crate::rules::Rules;
use crate::windows::{MEMBERS_MAX, Member, WindowKey};

/// Sets at a time; the oldest tenth is forgotten when there are more.
pub const WINDOWS_MAX: usize = 50_000;

/// Members of all sets together, some 200 bytes each.
const MEMBERS_TOTAL_MAX: usize = 400_000;

/// The records of one window.
#[derive(Debug, Default)]
struct WindowSet {
    members: BTreeSet<Member>,
    /// The window's finding was made.
    is_found: bool,
}

/// All sets.
#[derive(Debug, Default)]
pub(crate) struct WindowSets {
    sets: HashMap<WindowKey, WindowSet>,
    members: usize,
    /// Sets that were forgotten for want of room.
    pub(crate) forgotten: u64,
    /// Records that found their set full.
    pub(crate) without_room: u64,
}

impl WindowSets {
    /// Adds a record to its set, and gives the findings that there were not before: none for a record that is there already.
    pub(crate) fn add(&mut self, rules: &Rules, join: Join) -> Vec<Finding> {
        let Join { key, member } = join;
        self.make_room(&key);
        let set = self.sets.entry(key.clone()).or_default();
        if set.members.len() >= MEMBERS_MAX && !set.members.contains(&member) {
            self.without_room += 1;
            return Vec::new();
        }
        if !set.members.insert(member) {
            return Vec::new();
        }
        self.members += 1;
        let windows = [key.window - 1, key.window];
        windows
            .into_iter()
            .filter_map(|window| self.decide(rules, &key.at(window)))
            .collect()
    }

    fn decide(&mut self, rules: &Rules, key: &WindowKey) -> Option<Finding> {
        let set = self.sets.get(key).filter(|set| !set.is_found)?;
        let next = self.sets.get(&key.at(key.window + 1));
        let none = BTreeSet::new();
        let finding = rules.found(key, &set.members, next.map_or(&none, |of| &of.members))?;
        self.sets.get_mut(key)?.is_found = true;
        Some(finding)
    }

    fn make_room(&mut self, key: &WindowKey) {
        let is_full = self.sets.len() >= WINDOWS_MAX || self.members >= MEMBERS_TOTAL_MAX;
        if !is_full || self.sets.contains_key(key) && self.members < MEMBERS_TOTAL_MAX {
            return;
        }
        let mut ages: Vec<(i64, WindowKey)> = self
            .sets
            .iter()
            .filter_map(|(key, set)| Some((set.members.last()?.time, key.clone())))
            .collect();
        ages.sort_unstable();
        let tenth = ages.len() / 10 + 1;
        for (_, key) in ages.into_iter().take(tenth) {
            let forgotten = self.sets.remove(&key);
            self.members -= forgotten.map_or(0, |set| set.members.len());
            self.forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests;
