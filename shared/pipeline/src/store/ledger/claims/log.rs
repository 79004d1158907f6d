//! What a process knows of one claim log.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::entry::{Entry, Part};
use super::group::Wish;
use super::id::{OwnerId, RecordId};
use crate::clock::{earlier, later};
use crate::store::ledger::CLAIM_KEPT;

/// How long before the last entry may be deleted a log counts as unknown. Far more than clocks differ and a claim lasts, and
/// far less than [`CLAIM_KEPT`], so that a log in use is not read anew for it.
const EXPIRY_MARGIN: Duration = Duration::from_secs(2 * 24 * 3600);

/// What a log weighs in a cache beside its Ids, in Ids: its own maps and its place.
const OWN_WEIGHT: usize = 32;

/// The entries of a log that were read or appended, up to a number. No Id is in two entries, because whoever appends one has
/// read all before it and leaves out what they have.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Where in `owners` each Id's owner is.
    places: HashMap<RecordId, u32>,
    /// The owners of the entries' parts.
    owners: Vec<OwnerId>,
    /// The number after the last entry.
    next: u32,
    tail: Option<Tail>,
    /// When the log was found empty, if it was.
    empty_at: Option<Timestamp>,
    /// Nobody else had appended when it was looked at last.
    pub(super) is_quiet: bool,
    /// Only these Ids are kept: the log has too many.
    only: Option<HashSet<RecordId>>,
}

/// The last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) number: u32,
    /// When it may be deleted.
    pub(super) expires_at: Timestamp,
}

impl Log {
    /// The number that the next entry gets.
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    pub(super) const fn tail(&self) -> Option<Tail> {
        self.tail
    }

    /// Whether what is known can be gone by which a log is numbered, or is no longer complete.
    pub(super) fn is_outdated(&self, now: Timestamp) -> bool {
        let expires_at = match (self.tail, self.empty_at) {
            (Some(tail), _) => tail.expires_at,
            // An entry that was appended since then is not deleted before this.
            (None, Some(at)) => later(at, CLAIM_KEPT),
            (None, None) => return false,
        };
        self.only.is_some() || now >= earlier(expires_at, EXPIRY_MARGIN)
    }

    /// The last entry, if it may be deleted soon.
    pub(super) fn expiring_tail(&self, now: Timestamp) -> Option<Tail> {
        self.tail
            .filter(|tail| now >= earlier(tail.expires_at, EXPIRY_MARGIN))
    }

    /// Adds the entry that follows. Entries before may be missing: they have expired.
    pub(super) fn add(&mut self, entry: &Entry) {
        for part in &entry.parts {
            let place = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
            self.owners.push(part.owner);
            for id in &part.ids {
                if self.only.as_ref().is_none_or(|only| only.contains(id)) {
                    self.places.entry(*id).or_insert(place);
                }
            }
        }
        self.next = entry.number.saturating_add(1);
        self.tail = Some(Tail {
            number: entry.number,
            expires_at: entry.expires_at,
        });
    }

    /// Takes the next number for taken, without reading what is there: a bug.
    pub(super) fn pass_over(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Notes that there is no entry after those that are known.
    pub(super) fn ends_at(&mut self, now: Timestamp) {
        if self.tail.is_none() {
            self.empty_at = Some(now);
        }
    }

    /// Notes that the last entry is kept longer.
    pub(super) fn extend_tail(&mut self, expires_at: Timestamp) {
        if let Some(tail) = &mut self.tail {
            tail.expires_at = expires_at;
        }
    }

    /// From here on keeps only these Ids, if there are more than `ids_max`.
    pub(super) fn bound(&mut self, ids_max: usize, wanted: &[Arc<Wish>]) {
        if self.only.is_none() && self.places.len() > ids_max {
            let wanted = wanted.iter().flat_map(|wish| &wish.ids);
            let only: HashSet<_> = wanted.copied().collect();
            self.places.retain(|id, _| only.contains(id));
            self.places.shrink_to_fit();
            self.only = Some(only);
        }
    }

    /// Whether an entry has each of `ids`.
    pub(super) fn has_all(&self, ids: &[RecordId]) -> bool {
        // The last is claimed last.
        ids.iter().rev().all(|id| self.places.contains_key(id))
    }

    /// What the next entry has: at most `ids_max` Ids of the wishes, in order, that no entry has. Of an Id that several wish
    /// for, the first gets it.
    pub(super) fn missing(&self, wishes: &[Arc<Wish>], ids_max: usize) -> Vec<Part> {
        let mut taken = HashSet::new();
        let mut parts = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let mut ids = Vec::new();
            for id in &wish.ids {
                if taken.len() >= ids_max {
                    break;
                }
                if !self.places.contains_key(id) && taken.insert(*id) {
                    ids.push(*id);
                }
            }
            if !ids.is_empty() {
                parts.push(Part {
                    owner: wish.owner,
                    ids,
                });
            }
        }
        parts
    }

    pub(super) fn is_owner(&self, owner: OwnerId, id: &RecordId) -> bool {
        let place = self
            .places
            .get(id)
            .and_then(|place| usize::try_from(*place).ok());
        place.and_then(|place| self.owners.get(place)) == Some(&owner)
    }

    /// What it weighs in a cache, in Ids.
    pub(super) fn weight(&self) -> usize {
        self.places.len() + self.owners.len() + OWN_WEIGHT
    }
}
