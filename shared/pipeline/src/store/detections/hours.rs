//! How many findings a rule made of a tenant's records within an hour: what comes too often is a rule that matches everything.

use std::time::Duration;

use detections::FINDINGS_PER_HOUR_MAX;
use jiff::Timestamp;
use office365::TenantId;

use super::{Detections, DetectionsError, conditional};
use crate::clock::later;
use crate::store::ledger::attribute::{expiry, number};

/// How long a count is kept: as long as Microsoft keeps content.
const KEPT: Duration = Duration::from_secs(8 * 24 * 3600);

impl Detections {
    /// Takes one of the findings that a rule may make of a tenant's records within an hour; false when there were
    /// [`FINDINGS_PER_HOUR_MAX`]. `at` is the finding's time.
    ///
    /// # Errors
    /// [`DetectionsError`]; it may have been taken.
    pub async fn take_finding(
        &self,
        tenant: TenantId,
        rule: &str,
        at: Timestamp,
    ) -> Result<bool, DetectionsError> {
        let hour = at.as_second().div_euclid(3_600);
        let update = self
            .update_at(&format!("hours#{tenant}#{rule}"), &hour.to_string())
            .update_expression("SET expires_at = :expires ADD findings :one")
            .condition_expression("attribute_not_exists(findings) OR findings < :most")
            .expression_attribute_values(":expires", expiry(later(at, KEPT)))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(FINDINGS_PER_HOUR_MAX));
        Ok(conditional(update).await?)
    }
}
