//! The 16 bytes that a record is claimed under, and those that stand for a blob.

use std::fmt;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Bytes of a [`RecordId`].
pub(super) const ID_BYTES: usize = 16;

/// What a record is claimed under.
///
/// * An Id that is a GUID, as Microsoft's are: the GUID itself, in whatever spelling it came (letter case, braces, hyphens).
/// * Another Id: 128 bits of the SHA-256 of its text, trimmed, without letter case.
/// * No Id: 128 bits of the SHA-256 of the record's bytes, so that records without an Id do not count as one. The GUID of
///   zeros, which programs write for "none", counts as no Id.
///
/// Two different records get the same 16 bytes with the odds of 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; ID_BYTES]);

impl RecordId {
    /// Of a record with this Id and these bytes.
    #[must_use]
    pub fn new(id: Option<&str>, bytes: &[u8]) -> Self {
        let named = id.and_then(Self::named);
        named.unwrap_or_else(|| Self(hashed(b"bytes:", bytes)))
    }

    /// Of a record with this Id; `None` when it counts as none.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        let id = Some(id.trim()).filter(|id| !id.is_empty())?;
        match Uuid::try_parse(id) {
            Ok(guid) if guid.is_nil() => None,
            Ok(guid) => Some(Self(guid.into_bytes())),
            Err(_) => Some(Self(hashed(b"id:", id.to_ascii_lowercase().as_bytes()))),
        }
    }

    pub(super) const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; ID_BYTES] {
        &self.0
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({})", hex::encode(self.0))
    }
}

/// A blob among those that own records: 128 bits of the SHA-256 of its name, for names are eight times longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnerId([u8; ID_BYTES]);

impl OwnerId {
    pub(super) fn of(name: &str) -> Self {
        Self(hashed(b"owner:", name.as_bytes()))
    }

    pub(super) const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; ID_BYTES] {
        &self.0
    }
}

/// 128 bits of SHA-256. The kind keeps what is hashed for one purpose apart from what is hashed for another.
fn hashed(kind: &[u8], bytes: &[u8]) -> [u8; ID_BYTES] {
    let digest = Sha256::new()
        .chain_update(kind)
        .chain_update(bytes)
        .finalize();
    std::array::from_fn(|at| digest[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: Option<&str>, other: Option<&str>, equal: bool) {
        let [one, other] = [one, other].map(|id| RecordId::new(id, b"{}"));
        assert_eq!(one == other, equal, "{one:?} {other:?}");
    }

    const GUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    #[test]
    fn a_guid_is_the_same_in_every_spelling() {
        let expect = Uuid::try_parse(GUID).unwrap().into_bytes();
        assert_eq!(RecordId::new(Some(GUID), b"").0, expect);
        for spelling in [
            "0F8FAD5B-D9CB-469F-A165-70867728950E",
            "{0f8fad5b-d9cb-469f-a165-70867728950e}",
            "0f8fad5bd9cb469fa16570867728950e",
            " 0f8fad5b-d9cb-469f-a165-70867728950e\n",
        ] {
            check(Some(GUID), Some(spelling), true);
        }
        check(
            Some(GUID),
            Some("0f8fad5b-d9cb-469f-a165-70867728950f"),
            false,
        );
    }

    #[test]
    fn other_ids_are_compared_without_case_and_space() {
        check(Some("AbC"), Some(" aBc "), true);
        check(Some("abc"), Some("abd"), false);
        check(Some("ABC-\u{c4}"), Some("abc-\u{c4}"), true);
    }

    #[test]
    fn records_without_an_id_are_told_apart_by_their_bytes() {
        let of = |id, bytes: &[u8]| RecordId::new(id, bytes);
        assert_eq!(of(None, b"{}"), of(Some(" "), b"{}"));
        assert_ne!(of(None, b"{}"), of(None, b"[]"));
        let zeros = Some("00000000-0000-0000-0000-000000000000");
        assert_eq!(of(zeros, b"{}"), of(None, b"{}"));
        assert_ne!(of(zeros, b"{}"), of(zeros, b"[]"));
        // An Id is no record, even if it is written like one.
        assert_ne!(of(Some("{}"), b"x"), of(None, b"{}"));
    }
}
