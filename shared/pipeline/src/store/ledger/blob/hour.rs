//! All that is known of an hour's blobs: one Query.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::read::{read_blob, read_choice, read_counts, readable};
use super::{Choice, Counts, State, damaged};
use crate::aws::AwsError;
use crate::content::ContentRef;
use crate::store::ledger::attribute::{
    Item, expiry, get_millis, get_number, get_parsed, get_text, millis, number, text,
};
use crate::store::ledger::key::{BlobHour, Key, LISTED, PK, SK};
use crate::store::ledger::{Ledger, LedgerError, blob_expiry, conditional};

/// Pages of one hour, of 1 MB or some 1,500 blobs each: half a million blobs an hour of one type, far beyond what one tenant
/// may fetch (2,000 requests a minute).
const HOUR_PAGES_MAX: usize = 350;

/// How a blob stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The blob, as it was first announced.
    pub blob: ContentRef,
    /// Where it stands.
    pub state: State,
    /// What became of its records, when it is done.
    pub counts: Option<Counts>,
    /// What its raw copy is, once one was chosen.
    pub choice: Option<Choice>,
    /// When it was first heard of.
    pub first_seen_at: Option<Timestamp>,
    /// When it was finished.
    pub done_at: Option<Timestamp>,
}

/// What Microsoft listed for an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Different blobs.
    pub blobs: u64,
    /// When this was seen for the first time.
    pub at: Timestamp,
}

/// An hour of one subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HourOfBlobs {
    /// What Microsoft listed, if it listed anything.
    pub listed: Option<Listed>,
    /// The blobs that the ledger knows, in the order of their ids.
    pub blobs: Vec<Standing>,
    /// Items that cannot be read. They are in the log.
    pub unreadable: u64,
}

impl Ledger {
    /// What is known of an hour. It may be a second old: the read is an eventually consistent one.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn hour(&self, hour: &BlobHour) -> Result<HourOfBlobs, LedgerError> {
        let mut found = HourOfBlobs::default();
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        for _ in 0..HOUR_PAGES_MAX {
            let output = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":pk", text(hour.pk()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
            for item in output.items.unwrap_or_default() {
                found.add(&item);
            }
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

    /// Notes how many blobs Microsoft lists for an hour, if that is more than was noted before.
    ///
    /// # Errors
    /// [`LedgerError`]; the next sweep notes it.
    pub async fn note_listed(
        &self,
        hour: &BlobHour,
        blobs: u64,
        (now, expires): (Timestamp, Timestamp),
    ) -> Result<(), LedgerError> {
        let noted = self
            .update_key(&Key::Listed(*hour))
            .update_expression("SET blobs = :blobs, listed_at = :now, expires_at = :expires")
            .condition_expression("attribute_not_exists(blobs) OR blobs < :blobs")
            .expression_attribute_values(":blobs", number(blobs))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires", expiry(blob_expiry(expires)));
        conditional(noted).await.map(drop)
    }
}

impl HourOfBlobs {
    fn add(&mut self, item: &Item) {
        if get_text(item, SK) == Some(LISTED) {
            let blobs = get_number(item, "blobs");
            let at = get_millis(item, "listed_at");
            self.listed = blobs.zip(at).map(|(blobs, at)| Listed { blobs, at });
            return;
        }
        match readable(standing(item)) {
            Some(standing) => self.blobs.push(standing),
            None => self.unreadable += 1,
        }
    }
}

fn standing(item: &Item) -> Result<Standing, LedgerError> {
    let blob = read_blob(item)?;
    let state = get_parsed(item, "state").ok_or_else(|| damaged(&super::key(&blob), "state"))?;
    Ok(Standing {
        state,
        counts: read_counts(item).filter(|_| state == State::Done),
        choice: read_choice(item),
        first_seen_at: get_millis(item, "first_seen_at"),
        done_at: get_millis(item, "done_at"),
        blob,
    })
}
