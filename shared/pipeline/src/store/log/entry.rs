//! Entries of logs in DynamoDB.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;

use super::Memory;
use crate::aws::AwsError;
use crate::store::ledger::LedgerError;
use crate::store::ledger::attribute::{
    EXPIRES_AT, Item, bytes, expiry, get_number, get_text, text,
};
use crate::store::ledger::key::{PK, SK, entry_number, entry_sk};
use crate::teeth::{Tooth, bites};

const PUT_ITEM: &str = "dynamodb:PutItem";

/// One entry of a log.
#[derive(Debug)]
pub(super) struct Entry<C> {
    pub(super) number: u32,
    pub(super) content: C,
    pub(super) expires_at: Timestamp,
}

impl<C> Entry<C> {
    fn parse<M: Memory<Content = C>>(mut item: Item) -> Result<Self, LedgerError> {
        let damaged = |item: &Item, attribute| LedgerError::Damaged {
            key: format!(
                "{} {}",
                get_text(item, PK).unwrap_or_default(),
                get_text(item, SK).unwrap_or_default()
            ),
            attribute,
        };
        let number = get_text(&item, SK).and_then(entry_number);
        let number = number.ok_or_else(|| damaged(&item, SK))?;
        let expires_at = get_number(&item, EXPIRES_AT)
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or_else(|| damaged(&item, EXPIRES_AT))?;
        let content = M::read(&mut item).map_err(|attribute| damaged(&item, attribute))?;
        Ok(Self {
            number,
            content,
            expires_at,
        })
    }
}

/// The table, as far as it has logs.
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
    pub(super) async fn page<M: Memory>(
        &self,
        pk: &str,
        from: u32,
    ) -> Result<(Vec<Entry<M::Content>>, bool), LedgerError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND #sk >= :from")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":from", text(entry_sk(from)))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let is_cut = output.last_evaluated_key.is_some();
        let entries: Result<_, _> = output
            .items
            .unwrap_or_default()
            .into_iter()
            .map(Entry::parse::<M>)
            .collect();
        Ok((entries?, is_cut))
    }

    /// Appends an entry; false if its number is taken.
    pub(super) async fn append<M: Memory>(
        &self,
        pk: &str,
        entry: &Entry<M::Content>,
    ) -> Result<bool, LedgerError> {
        let mut item = key(pk, entry.number);
        let content = M::write(&entry.content);
        let content = content.map_err(|error| AwsError::unusable(PUT_ITEM, error.to_string()))?;
        let content = content.into_iter();
        item.extend(content.map(|(name, value)| (name.to_owned(), bytes(value))));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .item(EXPIRES_AT, expiry(entry.expires_at))
            .condition_expression(if bites(Tooth::AppendUnconditional) {
                "attribute_exists(#pk) OR attribute_not_exists(#pk)"
            } else {
                "attribute_not_exists(#pk)"
            })
            .expression_attribute_names("#pk", PK)
            .send()
            .await;
        unless_refused(PUT_ITEM, put)
    }

    /// Keeps an entry that expires at `seen` until `until`; false if it is not the same any more.
    pub(super) async fn extend(
        &self,
        pk: &str,
        number: u32,
        seen: Timestamp,
        until: Timestamp,
    ) -> Result<bool, LedgerError> {
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(pk, number)))
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

fn key(pk: &str, number: u32) -> Item {
    let pk = (PK.to_owned(), text(pk));
    Item::from([pk, (SK.to_owned(), text(entry_sk(number)))])
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
