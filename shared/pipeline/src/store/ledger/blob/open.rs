//! Blobs that are not finished: the sparse index says which, the longest due first.

use jiff::Timestamp;
use office365::TenantId;

use super::read::{read_blob, readable};
use crate::aws::AwsError;
use crate::content::ContentRef;
use crate::store::ledger::attribute::{Item, get_millis, get_number, get_text, millis, text};
use crate::store::ledger::{DUE_AT, Ledger, LedgerError, OPEN, OPEN_BLOBS};

/// Open blobs of one look, for one tenant: a page of the index. What is over comes with the next look.
pub const OPEN_PAGE_MAX: i32 = 1_000;

/// A blob that is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBlob {
    /// The blob.
    pub blob: ContentRef,
    /// When somebody should look at it.
    pub due_at: Timestamp,
    /// When a message for it becomes visible, or became so; none when there is no message.
    pub enqueued_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: u32,
    /// Why the last one failed.
    pub cause: Option<String>,
}

/// Where a page of open blobs ended.
#[derive(Clone, Debug)]
pub struct OpenCursor(Item);

/// A page of open blobs.
#[derive(Debug, Default)]
pub struct OpenPage {
    /// The longest due first.
    pub blobs: Vec<OpenBlob>,
    /// Where the next page begins, if there is one.
    pub next: Option<OpenCursor>,
}

impl Ledger {
    /// Unfinished blobs of a tenant that are due by `by`, the longest due first, at most `limit` and at most
    /// [`OPEN_PAGE_MAX`].
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn open_blobs(
        &self,
        tenant: TenantId,
        by: Timestamp,
        limit: i32,
    ) -> Result<Vec<OpenBlob>, LedgerError> {
        let page = self.open_page(tenant, by, limit, None).await?;
        Ok(page.blobs)
    }

    /// A page of [`Ledger::open_blobs`], for whoever leaves some of them as they are and goes on after them.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn open_page(
        &self,
        tenant: TenantId,
        by: Timestamp,
        limit: i32,
        after: Option<OpenCursor>,
    ) -> Result<OpenPage, LedgerError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(OPEN_BLOBS)
            .key_condition_expression("#open = :open AND #due <= :by")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":open", text(tenant.to_string()))
            .expression_attribute_values(":by", millis(by))
            .limit(limit.clamp(1, OPEN_PAGE_MAX))
            .set_exclusive_start_key(after.map(|OpenCursor(key)| key))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let items = output.items.unwrap_or_default();
        Ok(OpenPage {
            blobs: items.iter().map(read).filter_map(readable).collect(),
            next: output.last_evaluated_key.map(OpenCursor),
        })
    }
}

fn read(item: &Item) -> Result<OpenBlob, LedgerError> {
    let blob = read_blob(item)?;
    Ok(OpenBlob {
        due_at: get_millis(item, DUE_AT)
            .ok_or_else(|| super::damaged(&super::key(&blob), DUE_AT))?,
        enqueued_at: get_millis(item, "enqueued_at"),
        attempts: get_number(item, "attempts").unwrap_or(0),
        cause: get_text(item, "cause").map(str::to_owned),
        blob,
    })
}
