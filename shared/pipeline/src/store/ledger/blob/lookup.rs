//! Reading: which blobs are known, and which somebody should look at.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::Timestamp;
use office365::{ContentId, TenantId};

use super::{State, damaged};
use crate::aws::AwsError;
use crate::content::ContentRef;
use crate::store::ledger::attribute::{Item, get_millis, get_parsed, get_text, millis, text};
use crate::store::ledger::key::{Key, PK, SK, UnknownKey};
use crate::store::ledger::{DUE_AT, Ledger, LedgerError, OPEN, OPEN_BLOBS};

/// Keys of one `BatchGetItem`: DynamoDB's limit.
const BATCH_KEYS_MAX: usize = 100;

/// Times the unprocessed rest of a `BatchGetItem` is asked for again. DynamoDB returns a rest when it throttles; what is
/// still missing after this many is an error, never "unknown blob".
const BATCH_ROUNDS_MAX: usize = 8;

/// Open blobs looked at in one go, for one tenant: a page of the index. What is over comes in the next sweep.
const OPEN_PAGE_MAX: i32 = 1_000;

impl Ledger {
    /// Which of these blobs of one tenant have an item, and how they stand.
    ///
    /// # Errors
    /// [`LedgerError`]; in particular when DynamoDB left some of them unanswered.
    pub async fn known_blobs(
        &self,
        tenant: TenantId,
        contents: &[ContentId],
    ) -> Result<HashMap<ContentId, State>, LedgerError> {
        let mut found = HashMap::with_capacity(contents.len());
        for chunk in contents.chunks(BATCH_KEYS_MAX) {
            self.known_batch(tenant, chunk, &mut found).await?;
        }
        Ok(found)
    }

    async fn known_batch(
        &self,
        tenant: TenantId,
        contents: &[ContentId],
        found: &mut HashMap<ContentId, State>,
    ) -> Result<(), LedgerError> {
        let keys = contents
            .iter()
            .map(|content| Key::Blob(tenant, content.clone()).attributes());
        let unusable = |error: aws_sdk_dynamodb::error::BuildError| {
            AwsError::unusable("dynamodb:BatchGetItem", error.to_string())
        };
        let mut ask = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .projection_expression("#pk, #sk, #state")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_names("#state", "state")
            .build()
            .map_err(unusable)?;
        for _ in 0..BATCH_ROUNDS_MAX {
            let output = self
                .client
                .batch_get_item()
                .request_items(&self.table, ask)
                .send()
                .await
                .map_err(|error| AwsError::new("dynamodb:BatchGetItem", &error))?;
            for item in output.responses.unwrap_or_default().into_values().flatten() {
                found.extend(readable(read_state(&item)));
            }
            match output
                .unprocessed_keys
                .and_then(|mut rest| rest.remove(&self.table))
            {
                None => return Ok(()),
                Some(rest) => ask = rest,
            }
        }
        Err(AwsError::unusable(
            "dynamodb:BatchGetItem",
            "keys were left unprocessed again and again: the table is throttled",
        )
        .into())
    }

    /// Unfinished blobs of a tenant that are due by `now`, at most 1,000, the longest due first.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn open_blobs(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Vec<ContentRef>, LedgerError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(OPEN_BLOBS)
            .key_condition_expression("#open = :open AND #due <= :now")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":open", text(tenant.to_string()))
            .expression_attribute_values(":now", millis(now))
            .limit(OPEN_PAGE_MAX)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let items = output.items.unwrap_or_default();
        Ok(items.iter().map(read_blob).filter_map(readable).collect())
    }
}

fn read_key(item: &Item) -> Result<(TenantId, ContentId), LedgerError> {
    let pk = get_text(item, PK).unwrap_or_default();
    let sk = get_text(item, SK).unwrap_or_default();
    match Key::parse(pk, sk)? {
        Key::Blob(tenant, content) => Ok((tenant, content)),
        _ => Err(UnknownKey.into()),
    }
}

fn read_state(item: &Item) -> Result<(ContentId, State), LedgerError> {
    let (tenant, content) = read_key(item)?;
    let state = get_parsed(item, "state")
        .ok_or_else(|| damaged(&Key::Blob(tenant, content.clone()), "state"))?;
    Ok((content, state))
}

/// The blob as its item says, which is as it was first announced.
pub(super) fn read_blob(item: &Item) -> Result<ContentRef, LedgerError> {
    let (tenant_id, content_id) = read_key(item)?;
    let key = Key::Blob(tenant_id, content_id.clone());
    Ok(ContentRef {
        tenant_id,
        content_id,
        content_type: get_parsed(item, "content_type")
            .ok_or_else(|| damaged(&key, "content_type"))?,
        content_created: get_millis(item, "content_created")
            .ok_or_else(|| damaged(&key, "content_created"))?,
        content_expiration: get_millis(item, "content_expiration")
            .ok_or_else(|| damaged(&key, "content_expiration"))?,
    })
}

/// What was read of one item. One that cannot be read must not hide the others: it is logged and passed over.
fn readable<T>(read: Result<T, LedgerError>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(%error, "ledger item passed over"))
        .ok()
}
