//! What is kept of a blob's events in its ledger item: enough for a search to pass the blob over, at most a kilobyte.
//!
//! ```text
//! version 1 | schema | objects | first and last event | severities | classes | hashes a term | bits of the filter
//! ```
//!
//! Numbers are LEB128, times zigzag milliseconds since 1970; severities and classes are a count and then pairs of id and events.
//! The filter is a Bloom filter over users, addresses, operations and sessions ([`super::term`]). It is absent when there are so
//! many of them that it would let most searches through; then each may be in the blob.

use std::collections::{BTreeMap, HashSet};

use fastbloom::{BloomFilter, optimal_hashes};
use jiff::Timestamp;
use normalize::Schema;

use super::counts_at;
use super::fields::{Field, each};
use super::term::{Term, hash_of};

/// Longest index, in bytes.
pub const INDEX_BYTES_MAX: usize = 1_024;

const VERSION: u8 = 1;

/// Bits of the filter for each term: one search in a hundred reads a blob in vain.
const BITS: usize = 10;

/// The same where that saves a write unit: one in eighteen.
const BITS_FEWER: usize = 6;

/// Most different terms that a filter of the longest index is of any use for: at 1.6 bits a term, it lets half of all searches
/// through. A blob with so many has thousands of events, and there are few of them.
const TERMS_MAX: usize = INDEX_BYTES_MAX * 8 * 10 / 16;

/// Most classes that are counted. The mapping has seventeen.
const CLASSES_MAX: usize = 32;

/// Most severities: OCSF has eight.
const SEVERITIES_MAX: usize = 8;

/// Collects what a blob's index says, event by event.
#[derive(Clone, Debug)]
pub struct Indexer {
    schema: Schema,
    created: Timestamp,
    events: u64,
    span: Option<(i64, i64)>,
    severities: BTreeMap<u32, u64>,
    classes: BTreeMap<u32, u64>,
    /// Hashes of the terms; none any more once there were too many.
    terms: Option<HashSet<u64>>,
}

impl Indexer {
    /// Of a blob that became available at `created`, and whose events are written in `schema`.
    #[must_use]
    pub fn new(schema: Schema, created: Timestamp) -> Self {
        Self {
            schema,
            created,
            events: 0,
            span: None,
            severities: BTreeMap::new(),
            classes: BTreeMap::new(),
            terms: Some(HashSet::new()),
        }
    }

    /// Takes an event's line.
    pub fn add(&mut self, line: &[u8]) {
        let (mut at, mut severity, mut class) = (None, 0, None);
        let terms = &mut self.terms;
        each(line, |field, text| match field {
            Field::Millis => at = text.parse().ok(),
            Field::Time => {
                at = text
                    .parse::<Timestamp>()
                    .ok()
                    .map(Timestamp::as_millisecond);
            }
            Field::SeverityId => severity = text.parse().unwrap_or_default(),
            Field::ClassUid => class = text.parse::<u32>().ok(),
            field => {
                if let (Some(kind), Some(terms)) = (field.kind(), terms.as_mut()) {
                    terms.insert(hash_of(kind, text));
                }
            }
        });
        if terms.as_ref().is_some_and(|terms| terms.len() > TERMS_MAX) {
            *terms = None;
        }
        let at = counts_at(
            at.unwrap_or_else(|| self.created.as_millisecond()),
            self.created,
        );
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
        self.events += 1;
        *self.severities.entry(severity).or_default() += 1;
        if let Some(class) = class {
            *self.classes.entry(class).or_default() += 1;
        }
    }

    /// The index, of at most `room` bytes if that costs little; none when there is no event. `objects` is in how many objects
    /// the events lie.
    #[must_use]
    pub fn finish(&self, objects: usize, room: usize) -> Option<Vec<u8>> {
        let (first, last) = self.span?;
        let mut bytes = vec![VERSION, u8::from(self.schema == Schema::Ecs)];
        number(&mut bytes, objects as u64);
        number(&mut bytes, zigzag(first));
        number(&mut bytes, zigzag(last));
        counts(&mut bytes, &self.severities, SEVERITIES_MAX);
        counts(&mut bytes, &self.classes, CLASSES_MAX);
        let terms = self.terms.iter().flatten();
        let count = self.terms.as_ref().map_or(0, HashSet::len);
        let words = words(count, room.saturating_sub(bytes.len() + 1), bytes.len() + 1);
        if words == 0 {
            bytes.push(0);
            return Some(bytes);
        }
        let mut filter = BloomFilter::with_num_bits(words * 64)
            .seed(&0)
            .hashes(hashes(words, count));
        for term in terms {
            filter.insert_hash(*term);
        }
        bytes.push(u8::try_from(filter.num_hashes()).unwrap_or(u8::MAX));
        for word in filter.as_slice() {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        Some(bytes)
    }
}

/// Words of 64 bits for a filter of `terms`: as many as they need, or those that fit into `room` where they are nearly enough.
fn words(terms: usize, room: usize, head: usize) -> usize {
    let needed = |bits: usize| (terms * bits).div_ceil(64);
    let most = INDEX_BYTES_MAX.saturating_sub(head) / 8;
    let (wanted, fits) = (needed(BITS), room / 8);
    if wanted > fits && needed(BITS_FEWER) <= fits {
        fits
    } else {
        wanted.min(most)
    }
}

/// Hashes for each term. More than sixteen would only take time.
fn hashes(words: usize, terms: usize) -> u32 {
    optimal_hashes(words * 64, terms.max(1)).clamp(1, 16)
}

fn counts(bytes: &mut Vec<u8>, of: &BTreeMap<u32, u64>, most: usize) {
    // Too many are none: then nothing can be said of them.
    let told = if of.len() > most {
        &BTreeMap::new()
    } else {
        of
    };
    number(bytes, told.len() as u64);
    for (id, count) in told {
        number(bytes, u64::from(*id));
        number(bytes, *count);
    }
}

/// A blob's index, as it was stored.
#[derive(Clone, Debug)]
pub struct Index {
    schema: Schema,
    objects: usize,
    span: (i64, i64),
    severities: Vec<(u32, u64)>,
    classes: Vec<(u32, u64)>,
    filter: Option<BloomFilter>,
}

impl Index {
    /// Reads a stored index; `None` when it is none of this version.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (head, mut rest) = bytes.split_at_checked(2)?;
        if head[0] != VERSION {
            return None;
        }
        let rest = &mut rest;
        let objects = usize::try_from(take(rest)?).ok()?;
        let span = (unzigzag(take(rest)?), unzigzag(take(rest)?));
        let severities = take_counts(rest, SEVERITIES_MAX)?;
        let classes = take_counts(rest, CLASSES_MAX)?;
        let (hashes, bits) = rest.split_first()?;
        let words = bits.chunks_exact(8).map(|word| {
            let word: [u8; 8] = word.try_into().unwrap_or_default();
            u64::from_le_bytes(word)
        });
        let words: Vec<u64> = words.collect();
        let filter = (*hashes > 0 && !words.is_empty()).then(|| {
            BloomFilter::from_vec(words)
                .seed(&0)
                .hashes(u32::from(*hashes))
        });
        Some(Self {
            schema: if head[1] == 1 {
                Schema::Ecs
            } else {
                Schema::Ocsf
            },
            objects,
            span,
            severities,
            classes,
            filter,
        })
    }

    /// How the events are written.
    #[must_use]
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// In how many objects they lie.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.objects
    }

    /// When the first and the last event count as having happened, in milliseconds since 1970.
    #[must_use]
    pub fn span(&self) -> (i64, i64) {
        self.span
    }

    /// Events by severity.
    #[must_use]
    pub fn severities(&self) -> &[(u32, u64)] {
        &self.severities
    }

    /// Whether there is an event of this severity.
    pub(super) fn has_severity(&self, id: u32) -> bool {
        self.severities.is_empty() || self.severities.iter().any(|(of, _)| *of == id)
    }

    /// Whether there may be an event of this class. ECS has none.
    pub(super) fn may_have_class(&self, uid: u32) -> bool {
        self.classes.is_empty() || self.classes.iter().any(|(of, _)| *of == uid)
    }

    /// Whether an event may have this term.
    pub(super) fn may_have(&self, term: &Term) -> bool {
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| filter.contains_hash(term.hash()))
    }
}

fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for at in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(at * 7)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take_counts(bytes: &mut &[u8], most: usize) -> Option<Vec<(u32, u64)>> {
    let count = usize::try_from(take(bytes)?)
        .ok()
        .filter(|count| *count <= most)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        pairs.push((u32::try_from(take(bytes)?).ok()?, take(bytes)?));
    }
    Some(pairs)
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::term::Kind;
    use super::*;

    fn line(user: usize, millis: i64) -> String {
        format!(
            r#"{{"class_uid":3002,"time":{millis},"severity_id":{},"actor":{{"user":{{"name":"user{user}@contoso.example"}}}},"metadata":{{"event_code":"UserLoggedIn"}}}}"#,
            1 + user % 3
        )
    }

    fn indexed(users: usize) -> Indexer {
        let created = Timestamp::from_second(1_772_400_000).unwrap();
        let mut indexer = Indexer::new(Schema::Ocsf, created);
        for user in 0..users {
            indexer.add(line(user, 1_772_359_201_000 + user as i64).as_bytes());
        }
        indexer
    }

    fn user(user: usize) -> Term {
        Term::new(Kind::User, &format!("USER{user}@contoso.example"))
    }

    #[test]
    fn an_index_says_what_is_in_its_blob() {
        let index = Index::read(&indexed(30).finish(2, 1_000).unwrap()).unwrap();
        assert_eq!((index.schema(), index.objects()), (Schema::Ocsf, 2));
        assert_eq!(index.span(), (1_772_359_201_000, 1_772_359_201_029));
        assert_eq!(index.severities(), [(1, 10), (2, 10), (3, 10)]);
        assert!(index.has_severity(3) && !index.has_severity(4));
        assert!(index.may_have_class(3002) && !index.may_have_class(6003));
        assert!((0..30).all(|one| index.may_have(&user(one))));
        assert!(index.may_have(&Term::new(Kind::Operation, "userloggedin")));
        let wrong = (30..1_030)
            .filter(|one| index.may_have(&user(*one)))
            .count();
        assert!(wrong < 40, "{wrong} of 1,000 would be read in vain");
    }

    #[test]
    fn an_index_takes_no_more_room_than_it_needs() {
        let bytes = |users: usize, room: usize| indexed(users).finish(1, room).unwrap().len();
        // 10 bits a term, in words of 8 bytes, and what else it says.
        assert_eq!(bytes(1, 500), 23 + 8);
        assert_eq!(bytes(30, 500), 27 + 40);
        // Fewer bits where they save a write unit, not where they would be too few.
        assert_eq!(bytes(400, 400), 31 + 46 * 8);
        assert!(bytes(400, 100) > 500);
        for users in [800, 2_000, 5_000, 6_000, 20_000] {
            assert!(bytes(users, 400) <= INDEX_BYTES_MAX, "{users}");
        }
        assert!(
            bytes(20_000, 400) < 40,
            "no filter of so many users is of use"
        );
        let created = Timestamp::UNIX_EPOCH;
        assert_eq!(Indexer::new(Schema::Ocsf, created).finish(0, 400), None);
    }

    #[test]
    fn the_same_events_in_any_order_make_the_same_index() {
        let created = Timestamp::from_second(1_772_400_000).unwrap();
        let make = |users: &mut dyn Iterator<Item = usize>| {
            let mut indexer = Indexer::new(Schema::Ocsf, created);
            users.for_each(|one| indexer.add(line(one, one as i64).as_bytes()));
            indexer.finish(1, 1_000)
        };
        assert_eq!(make(&mut (0..200)), make(&mut (0..200).rev()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_index_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(index) = Index::read(&bytes) {
                index.may_have(&user(1));
            }
        }

        #[test]
        fn numbers_are_read_as_they_were_written(value in any::<i64>()) {
            let mut bytes = Vec::new();
            number(&mut bytes, zigzag(value));
            prop_assert_eq!(take(&mut &bytes[..]).map(unzigzag), Some(value));
        }
    }
}
