//! What a process remembers of one log of sets.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use super::SET_MEMBERS_MAX;
use super::entry::{self, Additions, Joined, SET_BYTES, SETS, SetId};
use crate::store::ledger::attribute::Item;
use crate::store::log::Memory;
use crate::teeth::{Tooth, bites};

/// Bytes of a set in its hash table, with a byte of the table's own, and the room that is left free.
const SET_WEIGHT: usize = (size_of::<(SetId, Chain)>() + 1) * 8 / 7;

/// Bytes of a text beside itself: in the list, in the hash table, and its own counts.
const TEXT_WEIGHT: usize = 80;

/// What a log weighs beside its sets: its own maps and its place.
const OWN_WEIGHT: usize = 512;

/// What a portion of a blob wants of a log.
#[derive(Clone, Debug, Default)]
pub(in crate::store::detections) struct Wish {
    /// What is to be added.
    pub(super) joins: Additions,
    /// The sets that are to be seen.
    pub(super) wanted: BTreeSet<SetId>,
}

/// The sets of a log. It weighs as many bytes as it takes.
///
/// There are hundreds of thousands, mostly of one record: so the records of all sets lie in one list, and each says where the one
/// before it in its set is.
#[derive(Debug, Default)]
pub(in crate::store::detections) struct Sets {
    sets: HashMap<SetId, Chain>,
    records: Vec<Kept>,
    texts: Texts,
    /// Only these sets are kept: the log has too many.
    only: Option<HashSet<SetId>>,
}

/// The records of a set.
#[derive(Clone, Copy, Debug)]
struct Chain {
    /// Where the last one is.
    last: u32,
    count: u32,
}

/// A record in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    after: u32,
    base: u16,
    record: Id,
    value: u32,
    /// Where the one before it is, if there is one.
    before: Option<u32>,
}

/// A record's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Uuid([u8; 16]),
    Text(u32),
}

/// Texts, each kept once: many records count for the same.
#[derive(Debug, Default)]
struct Texts {
    places: HashMap<Arc<str>, u32>,
    list: Vec<Arc<str>>,
    bytes: usize,
}

impl Texts {
    fn place(&self, text: &str) -> Option<u32> {
        self.places.get(text).copied()
    }

    fn keep(&mut self, text: &str) -> u32 {
        if let Some(place) = self.place(text) {
            return place;
        }
        let place = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let text: Arc<str> = text.into();
        self.bytes += text.len() + TEXT_WEIGHT;
        self.list.push(Arc::clone(&text));
        self.places.insert(text, place);
        place
    }

    fn get(&self, place: u32) -> &str {
        let place = usize::try_from(place).ok();
        place.and_then(|at| self.list.get(at)).map_or("", |of| of)
    }
}

impl Sets {
    /// The records of a set, in no order.
    pub(super) fn members(&self, set: &SetId) -> impl Iterator<Item = Joined> {
        self.kept(set).map(|kept| Joined {
            after: kept.after,
            base: kept.base,
            record: match kept.record {
                Id::Uuid(bytes) => Uuid::from_bytes(bytes).to_string(),
                Id::Text(place) => self.texts.get(place).to_owned(),
            },
            value: self.texts.get(kept.value).to_owned(),
        })
    }

    /// Of the sets that records are to be added to, those that have no room for all of them.
    pub(super) fn without_room(&self, wish: &Wish) -> BTreeSet<SetId> {
        let lacking = wish.joins.iter().filter(|(set, joined)| {
            let mut joined = joined.iter();
            joined.any(|one| !self.has_one(set, one))
        });
        lacking.map(|(set, _)| *set).collect()
    }

    fn kept(&self, set: &SetId) -> impl Iterator<Item = &Kept> {
        let get = |at: u32| self.records.get(usize::try_from(at).ok()?);
        let last = self.sets.get(set).and_then(|chain| get(chain.last));
        std::iter::successors(last, move |kept| kept.before.and_then(get))
    }

    fn count(&self, set: &SetId) -> usize {
        let chain = self.sets.get(set);
        chain.map_or(0, |chain| {
            usize::try_from(chain.count).unwrap_or(usize::MAX)
        })
    }

    fn has_room(&self, set: &SetId) -> bool {
        let most = if bites(Tooth::WindowJoinedOnce) {
            1
        } else {
            SET_MEMBERS_MAX
        };
        self.count(set) < most
    }

    fn has_one(&self, set: &SetId, one: &Joined) -> bool {
        let record = match entry::uuid(&one.record) {
            Some(bytes) => Some(Id::Uuid(bytes)),
            None => self.texts.place(&one.record).map(Id::Text),
        };
        let (Some(record), Some(value)) = (record, self.texts.place(&one.value)) else {
            return false;
        };
        self.kept(set).any(|kept| {
            (kept.after, kept.base, kept.record, kept.value) == (one.after, one.base, record, value)
        })
    }

    fn insert(&mut self, set: SetId, one: &Joined) {
        let record = match entry::uuid(&one.record) {
            Some(bytes) => Id::Uuid(bytes),
            None => Id::Text(self.texts.keep(&one.record)),
        };
        let at = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        let chain = self.sets.get(&set).copied();
        self.records.push(Kept {
            after: one.after,
            base: one.base,
            record,
            value: self.texts.keep(&one.value),
            before: chain.map(|chain| chain.last),
        });
        let count = chain.map_or(0, |chain| chain.count) + 1;
        self.sets.insert(set, Chain { last: at, count });
    }
}

impl Memory for Sets {
    type Wish = Wish;
    type Content = Additions;

    fn write(content: &Additions) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
        Ok(vec![(SETS, entry::pack(content)?)])
    }

    fn read(item: &mut Item) -> Result<Additions, &'static str> {
        let packed = match item.get(SETS) {
            Some(AttributeValue::B(bytes)) => Some(bytes.as_ref()),
            _ => None,
        };
        packed.and_then(entry::unpack).ok_or(SETS)
    }

    fn add(&mut self, content: &Additions) {
        for (set, joined) in content {
            if self.only.as_ref().is_none_or(|only| only.contains(set)) {
                for one in joined {
                    self.insert(*set, one);
                }
            }
        }
    }

    /// A set that is full has what it can have.
    fn has(&self, wish: &Wish) -> bool {
        wish.joins.iter().all(|(set, joined)| {
            let mut joined = joined.iter();
            !self.has_room(set) || joined.all(|one| self.has_one(set, one))
        })
    }

    fn missing(&self, wishes: &[Arc<Wish>], entry_max: usize) -> Additions {
        let mut additions = Additions::new();
        let mut bytes = 0;
        for (set, joined) in wishes.iter().flat_map(|wish| &wish.joins) {
            if !self.has_room(set) {
                continue;
            }
            let mut room = SET_MEMBERS_MAX.saturating_sub(self.count(set));
            room = room.saturating_sub(additions.get(set).map_or(0, BTreeSet::len));
            let missing = joined.iter().filter(|one| !self.has_one(set, one));
            for one in missing.take(room) {
                bytes += SET_BYTES + one.bytes_max();
                if bytes > entry_max && !additions.is_empty() {
                    return additions;
                }
                additions.entry(*set).or_default().insert(one.clone());
            }
        }
        additions
    }

    fn bound(&mut self, weight_max: usize, wanted: &[Arc<Wish>]) {
        if self.only.is_some() || self.weight() <= weight_max {
            return;
        }
        let wanted = wanted.iter().flat_map(|wish| wish.wanted.iter());
        let only: HashSet<SetId> = wanted.copied().collect();
        let mut kept = Self::default();
        for set in &only {
            let mut joined: Vec<Joined> = self.members(set).collect();
            joined.reverse();
            for one in &joined {
                kept.insert(*set, one);
            }
        }
        kept.only = Some(only);
        *self = kept;
    }

    fn is_bounded(&self) -> bool {
        self.only.is_some()
    }

    fn weight(&self) -> usize {
        let records = self.records.capacity() * size_of::<Kept>();
        self.sets.capacity() * SET_WEIGHT + records + self.texts.bytes + OWN_WEIGHT
    }
}
