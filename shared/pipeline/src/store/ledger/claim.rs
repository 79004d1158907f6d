//! Which blob a record belongs to: the first that claims it, for good.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::{ContentId, TenantId};

use super::attribute::{EXPIRES_AT, expiry, text};
use super::key::{Key, RecordKey};
use super::{CLAIM_KEPT, Ledger, LedgerError};
use crate::aws::AwsError;
use crate::clock::later;

/// Claims of a process in flight at once, over all its blobs. A claim takes a few milliseconds: 5,000 records then take less
/// than half a second, a function keeps far below its 1,024 file descriptors, and DynamoDB, where each claim has a partition
/// key of its own, does not notice.
pub const CLAIMS_IN_FLIGHT_MAX: usize = 128;

impl Ledger {
    /// Claims every record for the blob `owner`; says for each, in order, whether the blob owns it.
    ///
    /// A record that the blob claimed before is its own again: an attempt that died half-way is repeated in full.
    ///
    /// # Errors
    /// [`LedgerError`]; the claims made so far stand and are found again by the next attempt.
    pub async fn claim_all(
        &self,
        tenant: TenantId,
        owner: &ContentId,
        records: Vec<RecordKey>,
        now: Timestamp,
    ) -> Result<Vec<bool>, LedgerError> {
        stream::iter(records)
            .map(|record| self.claim(tenant, owner, record, now))
            .buffered(CLAIMS_IN_FLIGHT_MAX)
            .try_collect()
            .await
    }

    async fn claim(
        &self,
        tenant: TenantId,
        owner: &ContentId,
        record: RecordKey,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        // The semaphore is never closed.
        let _permit = self.claiming.acquire().await.ok();
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(Key::Record(tenant, record).attributes()))
            .item("owner", text(owner.as_str()))
            .item(EXPIRES_AT, expiry(later(now, CLAIM_KEPT)))
            .condition_expression("attribute_not_exists(#owner) OR #owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(owner.as_str()))
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(PutItemError::ConditionalCheckFailedException(_))
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(AwsError::new("dynamodb:PutItem", &error).into()),
        }
    }
}
