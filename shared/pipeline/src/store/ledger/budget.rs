//! Requests to Microsoft, counted by tenant and minute for all processes together: Microsoft allows 2,000 a minute and
//! tenant, and does not ask which Lambda they come from.

use std::time::Duration;

use jiff::Timestamp;
use office365::TenantId;

use super::attribute::{expiry, get_number, number};
use super::key::Key;
use super::{Ledger, LedgerError, conditional};
use crate::aws::AwsError;
use crate::clock::later;

/// Requests that a tenant may have in a minute. 2,000 are Microsoft's limit; a twentieth is left to the clocks, which
/// differ, and to calls that are counted in the minute before the one they arrive in.
pub const REQUESTS_PER_MINUTE: u32 = 1_900;

/// Those that fetches of blobs may be among: a backlog of blobs takes whatever it is given within seconds, and a sweep that finds
/// nothing left lists and heals nothing for as long as the backlog lasts. It needs some dozens.
pub const FETCHES_PER_MINUTE: u32 = REQUESTS_PER_MINUTE - 200;

/// How long a minute's count is kept: nobody asks for one that has ended.
const KEPT: Duration = Duration::from_secs(3600);

impl Ledger {
    /// Requests that the tenant has had in this minute, of all processes: portions that were given out count in full.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn requests_taken(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<u32, LedgerError> {
        let minute = now.as_second().div_euclid(60);
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::Budget(tenant, minute).attributes()))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        let item = output.item.as_ref();
        Ok(item
            .and_then(|item| get_number(item, "requests"))
            .unwrap_or(0))
    }

    /// Takes `requests` of the `most` that are taken from the tenant's minute in all; `false` when not so many are left.
    ///
    /// # Errors
    /// [`LedgerError`]; they may have been taken.
    pub async fn take_requests(
        &self,
        tenant: TenantId,
        (requests, most): (u32, u32),
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let minute = now.as_second().div_euclid(60);
        let before = most.saturating_sub(requests);
        let taken = self
            .update_key(&Key::Budget(tenant, minute))
            .update_expression("SET expires_at = :expires ADD requests :taken")
            .condition_expression("attribute_not_exists(requests) OR requests <= :before")
            .expression_attribute_values(":expires", expiry(later(now, KEPT)))
            .expression_attribute_values(":taken", number(requests))
            .expression_attribute_values(":before", number(before));
        conditional(taken).await
    }
}
