//! Which records of a timeline are in findings.

use jiff::Timestamp;
use office365::TenantId;

use super::item::{at, pk, read_listed, records};
use super::{Detections, DetectionsError, ListedFinding};
use crate::aws::AwsError;
use crate::store::detections::schema::{AT, BY_TENANT};
use crate::store::ledger::attribute::{Item, text};
use crate::store::ledger::key::PK;

/// Findings that a page of a timeline is compared with. Of more than so many after its first event, the later ones leave no mark.
pub const MARKS_MAX: i32 = 1_000;

/// A finding, and the records that it marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The finding.
    pub finding: ListedFinding,
    /// The ids of its records.
    pub records: Vec<String>,
}

impl Detections {
    /// The findings whose records can be of `from` or later: no finding's last record is before any of its records.
    ///
    /// # Errors
    /// [`DetectionsError`]
    pub async fn marks(
        &self,
        tenant: TenantId,
        from: Timestamp,
    ) -> Result<Vec<Mark>, DetectionsError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_TENANT)
            .key_condition_expression("#pk = :pk AND #at >= :from")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#at", AT)
            .expression_attribute_values(":pk", text(pk(tenant)))
            .expression_attribute_values(":from", text(at(from, "")))
            .limit(MARKS_MAX)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let mark = |item: &Item| {
            let finding = read_listed(item).ok()?;
            Some(Mark {
                finding,
                records: records(item),
            })
        };
        let items = output.items.unwrap_or_default();
        Ok(items.iter().filter_map(mark).collect())
    }
}
