//! Findings: an item each, put once, whoever finds it. Whoever comes second gets what stands there. What people do about it is
//! written beside it.

mod handling;
mod item;
mod list;
mod marks;
mod state;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use office365::TenantId;
use uuid::Uuid;

pub use self::handling::{Handled, Step};
use self::item::{ANNOUNCED_AT, item, pk, read};
pub use self::list::{
    FINDINGS_PAGE_MAX, FINDINGS_READ_MAX, FindingCursor, FindingFilter, FindingPage, InvalidCursor,
    OPEN_COUNTED_MAX, OpenFindings, OpenOf,
};
pub use self::marks::{MARKS_MAX, Mark};
pub use self::state::{FindingState, Handling, Verdict};
use super::{Detections, DetectionsError, conditional, place};
use crate::aws::AwsError;
use crate::store::ledger::attribute::millis;
use crate::store::ledger::key::PK;

/// How long a finding is kept, counted from when it was made.
pub const FINDING_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// What a list shows of a finding, and is filtered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingSummary {
    /// Whose.
    pub tenant: TenantId,
    /// The same whenever the same is found.
    pub uid: Uuid,
    /// The rule's id.
    pub rule_id: String,
    /// The rule's title.
    pub title: String,
    /// The rule's level, as Sigma writes it.
    pub level: String,
    /// OCSF's severity, 0 to 5.
    pub severity_id: u32,
    /// The time of its first record.
    pub first: Timestamp,
    /// The time of its last record.
    pub last: Timestamp,
    /// How many records made it.
    pub count: usize,
    /// Who did it, if it was one.
    pub user: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// By which application.
    pub application: Option<String>,
    /// What was done, if it was one act.
    pub operation: Option<String>,
}

/// A finding as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRecord {
    /// What a list shows of it.
    pub summary: FindingSummary,
    /// The ids of its records, at most [`detections::RECORDS_NAMED_MAX`].
    pub records: Vec<String>,
    /// The rule's description as it was then: JSON, some kilobytes.
    pub rule: String,
    /// The finding as it lies in the lake: JSON, some 20 KB at most.
    pub event: String,
}

/// What stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The finding: of two that were made at once, the one that came first.
    pub record: FindingRecord,
    /// What people did about it.
    pub handling: Handling,
    /// When it was made.
    pub found_at: Timestamp,
    /// It was not there before.
    pub is_new: bool,
    /// Everybody was told of it.
    pub is_announced: bool,
}

/// A finding in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFinding {
    /// The finding.
    pub summary: FindingSummary,
    /// What people did about it.
    pub handling: Handling,
    /// When it was made.
    pub found_at: Timestamp,
}

impl From<Recorded> for ListedFinding {
    fn from(recorded: Recorded) -> Self {
        Self {
            summary: recorded.record.summary,
            handling: recorded.handling,
            found_at: recorded.found_at,
        }
    }
}

impl Detections {
    /// A tenant's finding; `None` when there is none of this uid.
    ///
    /// # Errors
    /// [`DetectionsError`]
    pub async fn finding(
        &self,
        tenant: TenantId,
        uid: Uuid,
    ) -> Result<Option<Recorded>, DetectionsError> {
        let got = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(place(&pk(tenant), &uid.to_string())))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        Ok(got.item.as_ref().map(read).transpose()?)
    }

    /// Keeps a finding, unless there is one of its uid.
    ///
    /// # Errors
    /// [`DetectionsError`]; it may be kept. Keeping it again is harmless.
    pub async fn record(
        &self,
        finding: &FindingRecord,
        now: Timestamp,
    ) -> Result<Recorded, DetectionsError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(finding, now)))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .send()
            .await;
        match put {
            Ok(_) => Ok(Recorded {
                record: finding.clone(),
                handling: Handling::default(),
                found_at: now,
                is_new: true,
                is_announced: false,
            }),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|of| of.is_conditional_check_failed_exception()) =>
            {
                let FindingSummary { tenant, uid, .. } = finding.summary;
                let there = self.finding(tenant, uid).await?;
                there.ok_or(DetectionsError::Contended {
                    what: "a finding",
                    times: 1,
                })
            }
            Err(error) => Err(AwsError::new("dynamodb:PutItem", &error).into()),
        }
    }

    /// Notes that everybody was told of a finding.
    ///
    /// # Errors
    /// [`DetectionsError`]; it may be noted.
    pub async fn note_announced(
        &self,
        tenant: TenantId,
        uid: Uuid,
        now: Timestamp,
    ) -> Result<(), DetectionsError> {
        let update = self
            .update_at(&pk(tenant), &uid.to_string())
            .update_expression("SET #announced = if_not_exists(#announced, :now)")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#announced", ANNOUNCED_AT)
            .expression_attribute_values(":now", millis(now));
        conditional(update).await?;
        Ok(())
    }
}

/// A list of texts.
fn texts(values: &[String]) -> AttributeValue {
    AttributeValue::L(values.iter().cloned().map(AttributeValue::S).collect())
}
