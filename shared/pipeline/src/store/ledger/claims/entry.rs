//! Entries of the claim logs in DynamoDB.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::bucket::Place;
use super::id::{ID_BYTES, OwnerId, RecordId};
use crate::aws::AwsError;
use crate::store::ledger::LedgerError;
use crate::store::ledger::attribute::{EXPIRES_AT, Item, expiry, get_number, get_text, text};
use crate::store::ledger::key::{Key, PK, SK, claim_number};
use crate::teeth::{Tooth, bites};

/// The blobs: for each the 16 bytes of its [`OwnerId`], and how many of the Ids are its, as 4 bytes, the highest first.
const OWNERS: &str = "owners";
/// The records' Ids, one after the other, in the order of the blobs.
const IDS: &str = "ids";

/// Bytes of a blob in an entry.
const OWNER_BYTES: usize = ID_BYTES + size_of::<u32>();

/// One entry of a log.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u32,
    /// What each blob claims with it.
    pub(super) parts: Vec<Part>,
    pub(super) expires_at: Timestamp,
}

/// One blob's Ids of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) owner: OwnerId,
    pub(super) ids: Vec<RecordId>,
}

impl Entry {
    fn parse(mut item: Item) -> Result<Self, LedgerError> {
        let damaged = |item: &Item, attribute| LedgerError::Damaged {
            key: format!(
                "{} {}",
                get_text(item, PK).unwrap_or_default(),
                get_text(item, SK).unwrap_or_default()
            ),
            attribute,
        };
        let number = get_text(&item, SK).and_then(claim_number);
        let number = number.ok_or_else(|| damaged(&item, SK))?;
        let expires_at = get_number(&item, EXPIRES_AT)
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or_else(|| damaged(&item, EXPIRES_AT))?;
        let mut bytes = |attribute| match item.remove(attribute) {
            Some(AttributeValue::B(bytes)) => Some(bytes.into_inner()),
            _ => None,
        };
        let (owners, ids) = (bytes(OWNERS), bytes(IDS));
        let parts = owners
            .zip(ids)
            .and_then(|(owners, ids)| unpack(&owners, &ids));
        let parts = parts.ok_or_else(|| damaged(&item, IDS))?;
        Ok(Self {
            number,
            parts,
            expires_at,
        })
    }
}

/// Blobs and Ids as an entry has them.
fn pack(parts: &[Part]) -> (Vec<u8>, Vec<u8>) {
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
fn unpack(owners: &[u8], ids: &[u8]) -> Option<Vec<Part>> {
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

/// The table, as far as it has claim logs.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    client: Client,
    table: String,
}

impl Entries {
    pub(super) const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Entries of a log from a number on, in order, and whether there are more: an answer has 1 MB at most.
    pub(super) async fn page(
        &self,
        place: Place,
        from: u32,
    ) -> Result<(Vec<Entry>, bool), LedgerError> {
        let key = Key::Claims(place.0, place.1, from);
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND #sk >= :from")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(key.pk()))
            .expression_attribute_values(":from", text(key.sk()))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let is_cut = output.last_evaluated_key.is_some();
        let entries: Result<_, _> = output
            .items
            .unwrap_or_default()
            .into_iter()
            .map(Entry::parse)
            .collect();
        Ok((entries?, is_cut))
    }

    /// Appends an entry; false if its number is taken.
    pub(super) async fn append(&self, place: Place, entry: &Entry) -> Result<bool, LedgerError> {
        let (owners, ids) = pack(&entry.parts);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(
                Key::Claims(place.0, place.1, entry.number).attributes(),
            ))
            .item(OWNERS, AttributeValue::B(Blob::new(owners)))
            .item(IDS, AttributeValue::B(Blob::new(ids)))
            .item(EXPIRES_AT, expiry(entry.expires_at))
            .condition_expression(if bites(Tooth::AppendUnconditional) {
                "attribute_exists(#pk) OR attribute_not_exists(#pk)"
            } else {
                "attribute_not_exists(#pk)"
            })
            .expression_attribute_names("#pk", PK)
            .send()
            .await;
        unless_refused("dynamodb:PutItem", put)
    }

    /// Keeps an entry that expires at `seen` until `until`; false if it is not the same any more.
    pub(super) async fn extend(
        &self,
        place: Place,
        number: u32,
        seen: Timestamp,
        until: Timestamp,
    ) -> Result<bool, LedgerError> {
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::Claims(place.0, place.1, number).attributes()))
            .update_expression("SET #expires = :until")
            .condition_expression("#expires = :seen")
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_values(":until", expiry(until))
            .expression_attribute_values(":seen", expiry(seen))
            .send()
            .await;
        unless_refused("dynamodb:UpdateItem", updated)
    }
}

/// True for a write that was made, false for one whose condition did not hold.
fn unless_refused<T, E, R>(
    operation: &'static str,
    answer: Result<T, SdkError<E, R>>,
) -> Result<bool, LedgerError>
where
    E: ProvideErrorMetadata,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) => {
            let service = error.as_service_error();
            if service.and_then(|error| error.code()) == Some("ConditionalCheckFailedException") {
                return Ok(bites(Tooth::RefusedIsSuccess));
            }
            Err(AwsError::new(operation, &error).into())
        }
    }
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
