//! What an entry of a claim log holds.

use super::id::{ID_BYTES, OwnerId, RecordId};

/// The blobs: for each the 16 bytes of its [`OwnerId`], and how many of the Ids are its, as 4 bytes, the highest first.
pub(super) const OWNERS: &str = "owners";
/// The records' Ids, one after the other, in the order of the blobs.
pub(super) const IDS: &str = "ids";

/// Bytes of a blob in an entry.
const OWNER_BYTES: usize = ID_BYTES + size_of::<u32>();

/// One blob's Ids of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) owner: OwnerId,
    pub(super) ids: Vec<RecordId>,
}

/// Blobs and Ids as an entry has them.
pub(super) fn pack(parts: &[Part]) -> (Vec<u8>, Vec<u8>) {
    let mut owners = Vec::with_capacity(parts.len() * OWNER_BYTES);
    let mut ids = Vec::with_capacity(parts.iter().map(|part| part.ids.len() * ID_BYTES).sum());
    for part in parts {
        owners.extend_from_slice(part.owner.as_bytes());
        owners.extend_from_slice(
            &u32::try_from(part.ids.len())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
        ids.extend(part.ids.iter().flat_map(RecordId::as_bytes));
    }
    (owners, ids)
}

/// The same the other way; nothing when the two do not go together.
pub(super) fn unpack(owners: &[u8], ids: &[u8]) -> Option<Vec<Part>> {
    let (owners, owners_rest) = owners.as_chunks::<OWNER_BYTES>();
    let (mut ids, ids_rest) = ids.as_chunks::<ID_BYTES>();
    let mut parts = Vec::with_capacity(owners.len());
    for bytes in owners {
        let (owner, count) = bytes.split_first_chunk::<ID_BYTES>()?;
        let count = u32::from_be_bytes(count.try_into().ok()?);
        let (own, others) = ids.split_at_checked(usize::try_from(count).ok()?)?;
        ids = others;
        parts.push(Part {
            owner: OwnerId::from_bytes(*owner),
            ids: own.iter().copied().map(RecordId::from_bytes).collect(),
        });
    }
    let is_whole = owners_rest.is_empty() && ids_rest.is_empty() && ids.is_empty();
    is_whole.then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_were_packed_or_not_at_all() {
        let id = |byte| RecordId::from_bytes([byte; ID_BYTES]);
        let part = |name, ids: &[RecordId]| Part {
            owner: OwnerId::of(name),
            ids: ids.to_vec(),
        };
        let parts = vec![part("a", &[id(1), id(2)]), part("b", &[id(3)])];
        let (owners, ids) = pack(&parts);
        assert_eq!(unpack(&owners, &ids), Some(parts));
        assert_eq!(unpack(&owners, &ids[..32]), None);
        assert_eq!(unpack(&owners, &ids[..47]), None);
        assert_eq!(unpack(&owners[..20], &ids), None);
        assert_eq!(unpack(&owners[..39], &ids), None);
    }
}
