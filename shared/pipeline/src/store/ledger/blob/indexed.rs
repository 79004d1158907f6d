//! Blobs with the index of their events: what the timeline asks the ledger.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::read::{INDEX, read_blob, read_choice, readable};
use super::{Choice, State, damaged, key};
use crate::aws::AwsError;
use crate::content::ContentRef;
use crate::content::event::Index;
use crate::store::ledger::attribute::{
    Item, bytes, get_bytes, get_millis, get_number, get_parsed, text,
};
use crate::store::ledger::key::{BlobHour, Key, PK};
use crate::store::ledger::{Ledger, LedgerError, unless_refused};

/// What DynamoDB bills a write by: an item of up to so many bytes costs one unit.
pub const WRITE_UNIT_BYTES: usize = 1_024;

/// What a settled item takes besides the values of its keys and its index: names and values of its attributes, as DynamoDB
/// counts them. Counts of records are taken to have up to eight digits. One whose attempts failed has a few bytes more.
const OTHERS_BYTES: usize = 380;

/// Pages of one hour, of 1 MB or some 800 blobs each: as many blobs as [`Ledger::hour`] reads.
const PAGES_MAX: usize = 650;

/// A blob that is in the lake.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// The blob.
    pub blob: ContentRef,
    /// How many events it has there.
    pub events: u64,
    /// Since when.
    pub done_at: Timestamp,
    /// Its raw copy, and how its events are compressed.
    pub choice: Option<Choice>,
    /// What its events are about. None when it has none, or when the index cannot be read.
    pub index: Option<Index>,
}

/// How long a blob's index may be without costing another write unit.
#[must_use]
pub fn index_room(blob: &ContentRef) -> usize {
    let key = key(blob);
    let taken = OTHERS_BYTES + key.pk().len() + key.sk().len();
    WRITE_UNIT_BYTES.saturating_sub(taken)
}

impl Ledger {
    /// The blobs of an hour that are in the lake, in the order of their ids. It may be a second old: the read is an eventually
    /// consistent one.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn indexed(&self, hour: &BlobHour) -> Result<Vec<Indexed>, LedgerError> {
        let mut found = Vec::new();
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        for _ in 0..PAGES_MAX {
            let output = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#pk = :pk")
                .filter_expression("#state = :done")
                .projection_expression(
                    "#pk, sk, content_created, content_expiration, #state, done_at, #index, \
                     records_written, raw_sha256, events_codec",
                )
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#index", INDEX)
                .expression_attribute_values(":pk", text(hour.pk()))
                .expression_attribute_values(":done", text(State::Done.as_str()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
            let items = output.items.unwrap_or_default();
            found.extend(items.iter().filter_map(|item| readable(indexed(item))));
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
        Err(AwsError::unusable(
            "dynamodb:Query",
            "an hour has more blobs than this program is made for",
        )
        .into())
    }

    /// One blob; `None` when it is not known, or not in the lake.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn indexed_blob(&self, blob: &Key) -> Result<Option<Indexed>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(blob.attributes()))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        let item = output
            .item
            .filter(|item| get_parsed(item, "state") == Some(State::Done));
        item.map(|item| indexed(&item)).transpose()
    }

    /// Replaces the index of a blob whose events were made anew. Nothing happens when the blob is not done.
    ///
    /// # Errors
    /// [`LedgerError`]; doing it again is harmless.
    pub async fn note_index(&self, blob: &ContentRef, index: Vec<u8>) -> Result<(), LedgerError> {
        let noted = self
            .update(blob)
            .update_expression("SET #index = :index")
            .condition_expression("#state = :done")
            .expression_attribute_names("#index", INDEX)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":index", bytes(index))
            .expression_attribute_values(":done", text(State::Done.as_str()))
            .send()
            .await;
        unless_refused(noted).map(drop)
    }
}

fn indexed(item: &Item) -> Result<Indexed, LedgerError> {
    let blob = read_blob(item)?;
    let missing = |attribute| damaged(&key(&blob), attribute);
    Ok(Indexed {
        events: get_number(item, "records_written").ok_or_else(|| missing("records_written"))?,
        done_at: get_millis(item, "done_at").ok_or_else(|| missing("done_at"))?,
        choice: read_choice(item),
        index: get_bytes(item, INDEX).and_then(Index::read),
        blob,
    })
}
