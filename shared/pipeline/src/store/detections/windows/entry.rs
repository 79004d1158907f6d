//! What an entry of a log of sets holds: the records that it adds, by set, compressed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use detections::Member;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The attribute.
pub(super) const SETS: &str = "sets";

/// Bytes of a counted value that are kept; a longer one is kept as the beginning of its hash. What a rule about travel counts has
/// coordinates, an address, a country and a city: some ninety bytes.
const VALUE_BYTES_MAX: usize = 112;

/// The same for a record's id. Microsoft's have 36.
const RECORD_BYTES_MAX: usize = 40;

/// Bytes of a record in an entry beside its texts: its numbers, and the byte before each text.
const JOINED_BYTES: usize = 6 + 2;

/// Bytes of a set in an entry beside its records: its name, and how many there are.
pub(super) const SET_BYTES: usize = 16 + 4;

/// Stands before a text that is a UUID, as Microsoft's ids are, instead of its length: then its 16 bytes follow.
const IS_UUID: u8 = u8::MAX;

/// Zstandard's own default: an entry is small.
const COMPRESSION_LEVEL: i32 = 3;

/// Bytes of an entry that is read, uncompressed: more than is ever written. An entry that says it had more is damaged.
const UNPACKED_BYTES_MAX: usize = 1_000_000;

/// The name of a set in the logs of its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store::detections) struct SetId(pub(super) [u8; 16]);

/// What an entry holds.
pub(in crate::store::detections) type Additions = BTreeMap<SetId, BTreeSet<Joined>>;

/// A record in a set, as a log has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store::detections) struct Joined {
    /// Seconds since the log's stretch of time began.
    pub(super) after: u32,
    /// Which of the base rules it matches.
    pub(super) base: u16,
    /// The record's id.
    pub(super) record: String,
    /// What it counts for.
    pub(super) value: String,
}

impl Joined {
    /// A member of a window that begins in a stretch, which begins at `start`.
    pub(super) fn of(member: &Member, start: i64) -> Self {
        Self {
            after: u32::try_from(member.time.saturating_sub(start)).unwrap_or_default(),
            base: u16::try_from(member.base).unwrap_or(u16::MAX),
            record: short(&member.record, RECORD_BYTES_MAX),
            value: short(&member.value, VALUE_BYTES_MAX),
        }
    }

    /// Most bytes of it in an entry.
    pub(super) fn bytes_max(&self) -> usize {
        JOINED_BYTES + self.record.len() + self.value.len()
    }

    pub(super) fn to_member(&self, start: i64) -> Member {
        Member {
            time: start.saturating_add(i64::from(self.after)),
            base: usize::from(self.base),
            record: self.record.clone(),
            value: self.value.clone(),
        }
    }
}

/// A text that tells from others what it is told from by all of it.
fn short(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let hash = hex::encode(Sha256::digest(text));
    hash.chars().take(bytes_max).collect()
}

/// Additions as an entry has them.
pub(super) fn pack(additions: &Additions) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (set, joined) in additions {
        bytes.extend_from_slice(&set.0);
        let count = u32::try_from(joined.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&count.to_be_bytes());
        for one in joined {
            bytes.extend_from_slice(&one.after.to_be_bytes());
            bytes.extend_from_slice(&one.base.to_be_bytes());
            pack_text(&mut bytes, &one.record);
            pack_text(&mut bytes, &one.value);
        }
    }
    zstd::bulk::compress(&bytes, COMPRESSION_LEVEL)
}

fn pack_text(bytes: &mut Vec<u8>, text: &str) {
    if let Some(uuid) = uuid(text) {
        bytes.push(IS_UUID);
        bytes.extend_from_slice(&uuid);
    } else {
        bytes.push(u8::try_from(text.len()).unwrap_or(IS_UUID));
        bytes.extend_from_slice(text.as_bytes());
    }
}

/// The bytes of a text that is a UUID in the usual spelling.
pub(super) fn uuid(text: &str) -> Option<[u8; 16]> {
    let uuid = Uuid::try_parse(text).ok()?;
    let mut spelling = Uuid::encode_buffer();
    let is_usual = uuid.hyphenated().encode_lower(&mut spelling) == text;
    is_usual.then(|| uuid.into_bytes())
}

/// The same the other way; nothing when it is not what [`pack`] makes.
pub(super) fn unpack(packed: &[u8]) -> Option<Additions> {
    // No bytes at all would decompress to none.
    let packed = Some(packed).filter(|packed| !packed.is_empty())?;
    let bytes = zstd::bulk::decompress(packed, UNPACKED_BYTES_MAX).ok()?;
    let mut bytes = &*bytes;
    let mut additions = Additions::new();
    while !bytes.is_empty() {
        let set = SetId(take(&mut bytes)?);
        let joined = additions.entry(set).or_default();
        for _ in 0..u32::from_be_bytes(take(&mut bytes)?) {
            joined.insert(Joined {
                after: u32::from_be_bytes(take(&mut bytes)?),
                base: u16::from_be_bytes(take(&mut bytes)?),
                record: take_text(&mut bytes)?,
                value: take_text(&mut bytes)?,
            });
        }
    }
    Some(additions)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let [length] = take(bytes)?;
    if length == IS_UUID {
        return Some(Uuid::from_bytes(take(bytes)?).to_string());
    }
    let (text, rest) = bytes.split_at_checked(usize::from(length))?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            ".{0,300}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}",
        ]
    }

    fn any_joined() -> impl Strategy<Value = Joined> {
        let numbers = (0i64..5_000_000, 0usize..9);
        (numbers, any_text(), any_text()).prop_map(|((time, base), record, value)| {
            let member = Member {
                time,
                base,
                record,
                value,
            };
            Joined::of(&member, 0)
        })
    }

    fn any_additions() -> impl Strategy<Value = Additions> {
        let joined = prop::collection::btree_set(any_joined(), 1..5);
        prop::collection::btree_map(any::<[u8; 16]>().prop_map(SetId), joined, 0..5)
    }

    proptest! {
        #[test]
        fn additions_survive_the_table(additions in any_additions()) {
            prop_assert_eq!(unpack(&pack(&additions).unwrap()), Some(additions));
        }

        #[test]
        fn damaged_entries_are_refused_without_a_panic(bytes in any::<Vec<u8>>(), additions in any_additions(), at: prop::sample::Index) {
            let _ = unpack(&bytes);
            let _ = unpack(&zstd::bulk::compress(&bytes, 1).unwrap());
            let whole = pack(&additions).unwrap();
            let cut = &whole[..at.index(whole.len())];
            prop_assert!(unpack(cut).is_none());
        }

        #[test]
        fn short_members_come_back_as_they_were(time in -600i64..5_000_000, record in "[a-z0-9-]{1,40}", value in "[ -~]{0,112}") {
            let member = Member { time, base: 1, record, value };
            prop_assert_eq!(Joined::of(&member, -600).to_member(-600), member);
        }

        #[test]
        fn long_members_stay_apart_and_within_bounds(record in any_text(), value in any_text(), other in any_text()) {
            let joined = |value: &str| Joined::of(&Member { time: 7, base: 1, record: record.clone(), value: value.to_owned() }, 0);
            prop_assert_eq!(joined(&value) == joined(&other), value == other);
            prop_assert!(joined(&value).bytes_max() <= JOINED_BYTES + RECORD_BYTES_MAX + VALUE_BYTES_MAX);
        }
    }

    #[test]
    fn sixty_ordinary_records_take_less_than_three_kilobytes() {
        let joined = |n: u32, value: &str| Joined {
            after: n,
            base: 0,
            record: Uuid::from_u128(
                Sha256::digest((n / 2).to_string())[..16]
                    .iter()
                    .fold(0, |all, byte| all << 8 | u128::from(*byte)),
            )
            .to_string(),
            value: value.to_owned(),
        };
        let additions: Additions = (0..60)
            .map(|n| {
                let hash = Sha256::digest(n.to_string());
                let set = SetId(std::array::from_fn(|at| hash[at]));
                (
                    set,
                    BTreeSet::from([joined(n, ["", "Windows10", "203.0.113.7"][n as usize % 3])]),
                )
            })
            .collect();
        let bytes = pack(&additions).unwrap().len();
        assert!(bytes < 3_000, "{bytes}");
    }
}
