//! What a process remembers of one claim log.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;

use super::entry::{IDS, OWNERS, Part, pack, unpack};
use super::id::{OwnerId, RecordId};
use crate::store::ledger::attribute::Item;
use crate::store::log::Memory;

/// What a log weighs in a cache beside its Ids, in Ids: its own maps and its place.
const OWN_WEIGHT: usize = 32;

/// What a blob claims in a log. No Id is in it twice.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) owner: OwnerId,
    pub(super) ids: Vec<RecordId>,
}

/// Who owns the Ids of a log's entries. It weighs as many Ids as there are.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Where in `owners` each Id's owner is.
    places: HashMap<RecordId, u32>,
    /// The owners of the entries' parts.
    owners: Vec<OwnerId>,
    /// Only these Ids are kept: the log has too many.
    only: Option<HashSet<RecordId>>,
}

impl Claims {
    /// Whether an entry has the Id.
    pub(super) fn has_id(&self, id: &RecordId) -> bool {
        self.places.contains_key(id)
    }

    pub(super) fn is_owner(&self, owner: OwnerId, id: &RecordId) -> bool {
        let place = self
            .places
            .get(id)
            .and_then(|place| usize::try_from(*place).ok());
        place.and_then(|place| self.owners.get(place)) == Some(&owner)
    }
}

impl Memory for Claims {
    type Wish = Wish;
    type Content = Vec<Part>;

    fn write(content: &Vec<Part>) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
        let (owners, ids) = pack(content);
        Ok(vec![(OWNERS, owners), (IDS, ids)])
    }

    fn read(item: &mut Item) -> Result<Vec<Part>, &'static str> {
        let mut bytes = |attribute| match item.remove(attribute) {
            Some(AttributeValue::B(bytes)) => Some(bytes.into_inner()),
            _ => None,
        };
        let (owners, ids) = (bytes(OWNERS), bytes(IDS));
        let parts = owners
            .zip(ids)
            .and_then(|(owners, ids)| unpack(&owners, &ids));
        parts.ok_or(IDS)
    }

    fn add(&mut self, content: &Vec<Part>) {
        for part in content {
            let place = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
            self.owners.push(part.owner);
            for id in &part.ids {
                if self.only.as_ref().is_none_or(|only| only.contains(id)) {
                    self.places.entry(*id).or_insert(place);
                }
            }
        }
    }

    fn has(&self, wish: &Wish) -> bool {
        // The last is claimed last.
        wish.ids.iter().rev().all(|id| self.has_id(id))
    }

    /// Of an Id that several wish for, the first gets it.
    fn missing(&self, wishes: &[Arc<Wish>], entry_max: usize) -> Vec<Part> {
        let mut taken = HashSet::new();
        let mut parts = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let mut ids = Vec::new();
            for id in &wish.ids {
                if taken.len() >= entry_max {
                    break;
                }
                if !self.has_id(id) && taken.insert(*id) {
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

    fn bound(&mut self, weight_max: usize, wanted: &[Arc<Wish>]) {
        if self.only.is_none() && self.places.len() > weight_max {
            let wanted = wanted.iter().flat_map(|wish| &wish.ids);
            let only: HashSet<_> = wanted.copied().collect();
            self.places.retain(|id, _| only.contains(id));
            self.places.shrink_to_fit();
            self.only = Some(only);
        }
    }

    fn is_bounded(&self) -> bool {
        self.only.is_some()
    }

    fn weight(&self) -> usize {
        self.places.len() + self.owners.len() + OWN_WEIGHT
    }
}
