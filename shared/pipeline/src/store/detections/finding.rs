//! Findings: an item each, put once. Whoever comes second gets what stands there.

use std::time::Duration;

use jiff::Timestamp;
use office365::TenantId;
use uuid::Uuid;

use super::{Detections, DetectionsError, conditional, place};
use crate::aws::AwsError;
use crate::clock::later;
use crate::store::ledger::LedgerError;
use crate::store::ledger::attribute::{
    Item, expiry, get_millis, get_number, get_text, millis, number, text,
};
use crate::store::ledger::key::{PK, SK};

/// How long a finding is kept, counted from when it was made.
pub const FINDING_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// Set once the finding was announced.
const ANNOUNCED_AT: &str = "announced_at";

/// A finding as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRecord {
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
    /// The finding as it lies in the lake: JSON, some 20 KB at most.
    pub event: String,
}

/// What stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The finding: of two that were made at once, the one that came first.
    pub record: FindingRecord,
    /// It was not there before.
    pub is_new: bool,
    /// Everybody was told of it.
    pub is_announced: bool,
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
        Ok(got.item.map(|item| read(tenant, uid, &item)).transpose()?)
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
                is_new: true,
                is_announced: false,
            }),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|of| of.is_conditional_check_failed_exception()) =>
            {
                let there = self.finding(finding.tenant, finding.uid).await?;
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

fn pk(tenant: TenantId) -> String {
    format!("findings#{tenant}")
}

fn item(finding: &FindingRecord, now: Timestamp) -> Item {
    let mut item = place(&pk(finding.tenant), &finding.uid.to_string());
    let attributes = [
        ("rule_id", text(&finding.rule_id)),
        ("title", text(&finding.title)),
        ("level", text(&finding.level)),
        ("severity_id", number(finding.severity_id)),
        ("first", millis(finding.first)),
        ("last", millis(finding.last)),
        ("count", number(finding.count)),
        ("event", text(&finding.event)),
        ("recorded_at", millis(now)),
        ("expires_at", expiry(later(now, FINDING_KEPT))),
    ];
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    item
}

fn read(tenant: TenantId, uid: Uuid, item: &Item) -> Result<Recorded, LedgerError> {
    let damaged = |attribute| LedgerError::Damaged {
        key: format!("{} {}", pk(tenant), get_text(item, SK).unwrap_or_default()),
        attribute,
    };
    let words = |name| {
        get_text(item, name)
            .map(str::to_owned)
            .ok_or_else(|| damaged(name))
    };
    let time = |name| get_millis(item, name).ok_or_else(|| damaged(name));
    Ok(Recorded {
        record: FindingRecord {
            tenant,
            uid,
            rule_id: words("rule_id")?,
            title: words("title")?,
            level: words("level")?,
            severity_id: get_number(item, "severity_id").ok_or_else(|| damaged("severity_id"))?,
            first: time("first")?,
            last: time("last")?,
            count: get_number(item, "count").ok_or_else(|| damaged("count"))?,
            event: words("event")?,
        },
        is_new: false,
        is_announced: item.contains_key(ANNOUNCED_AT),
    })
}
