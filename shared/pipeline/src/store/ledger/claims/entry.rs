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

/// The blob's name.
const OWNER: &str = "owner";
/// The records' Ids, one after the other.
const IDS: &str = "ids";

/// One entry of a log.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) owner: OwnerId,
    /// [`RecordId`]s, one after the other.
    pub(super) packed: Vec<u8>,
    pub(super) expires_at: Timestamp,
}

impl Entry {
    pub(super) fn ids(&self) -> impl Iterator<Item = RecordId> {
        let (ids, _) = self.packed.as_chunks::<ID_BYTES>();
        ids.iter().copied().map(RecordId::from_bytes)
    }

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
        let owner = get_text(&item, OWNER).map(OwnerId::of);
        let owner = owner.ok_or_else(|| damaged(&item, OWNER))?;
        let expires_at = get_number(&item, EXPIRES_AT)
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or_else(|| damaged(&item, EXPIRES_AT))?;
        let ids = item.remove(IDS).and_then(|ids| match ids {
            AttributeValue::B(ids) => Some(ids.into_inner()),
            _ => None,
        });
        let packed = ids
            .filter(|ids| ids.len().is_multiple_of(ID_BYTES))
            .ok_or_else(|| damaged(&item, IDS))?;
        Ok(Self {
            number,
            owner,
            packed,
            expires_at,
        })
    }
}

/// Ids as an entry has them.
pub(super) fn pack(ids: &[RecordId]) -> Vec<u8> {
    ids.iter().flat_map(RecordId::as_bytes).copied().collect()
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
    pub(super) async fn append(
        &self,
        place: Place,
        owner: &str,
        entry: &Entry,
    ) -> Result<bool, LedgerError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(
                Key::Claims(place.0, place.1, entry.number).attributes(),
            ))
            .item(OWNER, text(owner))
            .item(IDS, AttributeValue::B(Blob::new(entry.packed.clone())))
            .item(EXPIRES_AT, expiry(entry.expires_at))
            .condition_expression("attribute_not_exists(#pk)")
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
                return Ok(false);
            }
            Err(AwsError::new(operation, &error).into())
        }
    }
}
