//! Blobs that are not finished: the sparse index says which, the longest due first.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::TenantId;

use super::State;
use super::read::{read_blob, readable};
use crate::aws::AwsError;
use crate::content::ContentRef;
use crate::store::ledger::attribute::{Item, get_millis, get_number, get_text, millis, text};
use crate::store::ledger::{DUE_AT, Ledger, LedgerError, OPEN, OPEN_BLOBS};

/// Open blobs of one look, for one tenant: a page of the index. What is over comes with the next look.
pub const OPEN_PAGE_MAX: i32 = 1_000;

/// Pages of open blobs of a tenant that is removed: more than it publishes in a week.
const FORGOTTEN_PAGES_MAX: usize = 1_000;

/// Blobs that are forgotten at once: a thousand take a second, and a partition bears 1,000 writes in one.
const FORGOTTEN_AT_ONCE: usize = 32;

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

    /// Forgets a blob that is not finished, because it is not wanted any more. Should it be wanted again while Microsoft lists it, a
    /// sweep finds it as if it were new. Whoever works on it finds nothing to settle. `false` when there is no such blob.
    ///
    /// # Errors
    /// [`LedgerError`]; the blob stays open.
    pub async fn forget_open(&self, blob: &ContentRef) -> Result<bool, LedgerError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(super::key(blob).attributes()))
            .condition_expression("#state IN (:pending, :leased)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pending", text(State::Pending.as_str()))
            .expression_attribute_values(":leased", text(State::Leased.as_str()))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(AwsError::new("dynamodb:DeleteItem", &error).into()),
        }
    }

    /// Forgets every open blob of a tenant that is removed: nobody else would ever look at them.
    ///
    /// # Errors
    /// [`LedgerError`]; asking again goes on.
    pub async fn forget_all_open(&self, tenant: TenantId) -> Result<(), LedgerError> {
        let mut cursor = None;
        for _ in 0..FORGOTTEN_PAGES_MAX {
            let page = self
                .open_page(tenant, Timestamp::MAX, OPEN_PAGE_MAX, cursor)
                .await?;
            stream::iter(page.blobs)
                .map(|open| async move { self.forget_open(&open.blob).await })
                .buffer_unordered(FORGOTTEN_AT_ONCE)
                .try_for_each(async |_| Ok(()))
                .await?;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(())
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
