//! Findings as they are answered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use office365::TenantId;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::content::event::severity_name;
use crate::store::detections::{
    FindingRecord, FindingState, ListedFinding, Mark, OpenOf, Recorded, Verdict,
};
use crate::verbs::api::error::ApiError;

/// A page of findings.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct FindingList {
    pub(super) findings: Vec<FindingView>,
    /// The `cursor` of the next page. A page may be empty and have one: then there was more to read than one request may.
    pub(super) next_cursor: Option<String>,
}

/// A finding in a list.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct FindingView {
    finding_id: Uuid,
    #[schema(value_type = Uuid)]
    tenant_id: TenantId,
    /// Null when the tenant is not registered any more.
    tenant_name: Option<String>,
    rule_id: String,
    title: String,
    /// The rule's level, as Sigma writes it.
    level: String,
    /// OCSF's word for it.
    severity: &'static str,
    severity_id: u32,
    #[schema(value_type = String, format = DateTime)]
    first_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
    /// How many records made it.
    records: usize,
    user: Option<String>,
    address: Option<String>,
    application: Option<String>,
    operation: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    found_at: Timestamp,
    state: FindingState,
    /// What it was, once it is closed.
    verdict: Option<Verdict>,
    /// What the last who changed it said.
    note: Option<String>,
    changed_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    changed_at: Option<Timestamp>,
}

/// A finding with its rule.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct FindingDetail {
    #[serde(flatten)]
    finding: FindingView,
    /// The finding as it lies in the lake.
    #[schema(value_type = Object)]
    event: Box<RawValue>,
    /// The rule's description as it was when it found this.
    #[schema(value_type = Object)]
    rule: Value,
    /// The text of the rule's file as it is now; null when it is gone.
    pub(super) sigma: Option<String>,
    /// The ids of its records, the first hundred.
    record_ids: Vec<String>,
}

/// A finding that an event is in.
#[derive(Clone, Serialize, ToSchema)]
pub(in crate::verbs::api) struct MarkView {
    finding_id: Uuid,
    title: String,
    severity: &'static str,
    severity_id: u32,
    state: FindingState,
}

/// How many findings of a tenant are open.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct FindingCount {
    open: u64,
    /// Whether there may be more than were counted.
    and_more: bool,
    /// The severity of the worst of them, in OCSF's word.
    worst: Option<&'static str>,
    worst_id: Option<u32>,
    /// By OCSF's severity.
    by_severity: BTreeMap<&'static str, u64>,
}

/// Counts by the names of severities.
pub(in crate::verbs::api) fn by_severity(counts: &OpenOf) -> BTreeMap<&'static str, u64> {
    (0..)
        .map(severity_name)
        .zip(counts.iter().copied())
        .collect()
}

impl FindingView {
    pub(super) fn new(listed: ListedFinding, tenant_name: Option<String>) -> Self {
        let ListedFinding {
            summary,
            handling,
            found_at,
        } = listed;
        Self {
            finding_id: summary.uid,
            tenant_id: summary.tenant,
            tenant_name,
            rule_id: summary.rule_id,
            title: summary.title,
            level: summary.level,
            severity: severity_name(summary.severity_id),
            severity_id: summary.severity_id,
            first_at: summary.first,
            last_at: summary.last,
            records: summary.count,
            user: summary.user,
            address: summary.address,
            application: summary.application,
            operation: summary.operation,
            found_at,
            state: handling.state,
            verdict: handling.verdict,
            note: handling.note,
            changed_by: handling.by,
            changed_at: handling.at,
        }
    }
}

impl FindingDetail {
    pub(super) fn new(recorded: Recorded, name: Option<String>) -> Result<Self, ApiError> {
        let damaged = |what: &str| {
            let uid = recorded.record.summary.uid;
            ApiError::Unreadable(format!("the {what} of finding {uid} is no JSON"))
        };
        let FindingRecord {
            records,
            rule,
            event,
            ..
        } = recorded.record.clone();
        Ok(Self {
            event: RawValue::from_string(event).map_err(|_| damaged("event"))?,
            rule: serde_json::from_str(&rule).map_err(|_| damaged("rule"))?,
            sigma: None,
            record_ids: records,
            finding: FindingView::new(recorded.into(), name),
        })
    }

    /// The file that the rule stood in.
    pub(super) fn rule_file(&self) -> Option<String> {
        self.rule["file"].as_str().map(str::to_owned)
    }
}

impl MarkView {
    /// Those of the findings that are of this record.
    pub(in crate::verbs::api) fn of(marks: &[Mark], record: Option<&str>) -> Vec<Self> {
        let Some(record) = record else {
            return Vec::new();
        };
        let is_of = |mark: &&Mark| mark.records.iter().any(|id| id == record);
        let view = |mark: &Mark| Self {
            finding_id: mark.finding.summary.uid,
            title: mark.finding.summary.title.clone(),
            severity: severity_name(mark.finding.summary.severity_id),
            severity_id: mark.finding.summary.severity_id,
            state: mark.finding.handling.state,
        };
        marks.iter().filter(is_of).map(view).collect()
    }
}

impl FindingCount {
    pub(in crate::verbs::api) fn new(counts: &OpenOf, and_more: bool) -> Self {
        let worst = counts.iter().rposition(|count| *count > 0);
        let worst = worst.and_then(|severity| u32::try_from(severity).ok());
        Self {
            open: counts.iter().sum(),
            and_more,
            worst: worst.map(severity_name),
            worst_id: worst,
            by_severity: by_severity(counts),
        }
    }
}
