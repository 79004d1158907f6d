//! All tenants in a few figures.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;
use serde::Serialize;

use super::snapshot::Snapshot;
use super::standing::State;
use crate::response::json_response;
use crate::store::detections::{OpenFindings, OpenOf};
use crate::store::ledger::sweep::{ACTIVITY_HOURS, Lags};
use crate::verbs::api::Api;
use crate::verbs::api::error::ApiError;
use crate::verbs::api::findings::views::by_severity;

/// All tenants in a few figures.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(in crate::verbs::api) struct Overview {
    /// When the tenants were looked at.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// By state; `all` is all of them.
    tenants: BTreeMap<&'static str, usize>,
    /// Events of contents that Microsoft made available in the last 24 hours.
    events_24h: u64,
    /// The same by the hour, the oldest first; the last hour is not over.
    events_per_hour: [u64; ACTIVITY_HOURS],
    /// From becoming available at Microsoft to the lake, of the blobs of the last hours of all tenants.
    lag_p50_seconds: Option<u64>,
    lag_p99_seconds: Option<u64>,
    open_blobs: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_open_at: Option<Timestamp>,
    losses_open: u64,
    /// `on` or `off`: without a detector, nothing is found.
    detections: &'static str,
    /// Findings that nobody has closed; null when they could not be counted.
    findings_open: Option<u64>,
    /// The same by OCSF's severity.
    findings_open_by_severity: Option<BTreeMap<&'static str, u64>>,
    /// Whether there are more of them than were counted.
    findings_and_more: bool,
    /// What is wrong, the most frequent first.
    causes: Vec<Cause>,
}

#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(in crate::verbs::api) struct Cause {
    cause: &'static str,
    tenants: usize,
}

/// The figures of all tenants that the caller may see.
#[utoipa::path(
    get, path = "/v1/overview", operation_id = "show_overview", tag = "tenants",
    responses((status = 200, body = Overview))
)]
pub(in crate::verbs::api) async fn overview(
    api: &Api,
    sees: impl Fn(TenantId) -> bool,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let snapshot = api.snapshot(now).await?;
    let findings = api.fleet.findings(&api.detections, now).await;
    let mut overview = sum(&snapshot, &sees);
    if api.detects {
        overview.detections = "on";
    }
    if let Some(findings) = findings {
        overview.count(&findings, sees);
    }
    Ok(json_response(StatusCode::OK, &overview))
}

impl Overview {
    fn count(&mut self, findings: &OpenFindings, sees: impl Fn(TenantId) -> bool) {
        let seen = findings.tenants.iter().filter(|(id, _)| sees(**id));
        let mut sums = OpenOf::default();
        for (_, counts) in seen {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        self.findings_open = Some(sums.iter().sum());
        self.findings_open_by_severity = Some(by_severity(&sums));
        self.findings_and_more = findings.and_more;
    }
}

fn sum(snapshot: &Snapshot, sees: impl Fn(TenantId) -> bool) -> Overview {
    let mut overview = Overview {
        as_of: snapshot.as_of,
        tenants: State::ALL.map(|state| (state.as_str(), 0)).into(),
        events_24h: 0,
        events_per_hour: [0; ACTIVITY_HOURS],
        lag_p50_seconds: None,
        lag_p99_seconds: None,
        open_blobs: 0,
        oldest_open_at: None,
        losses_open: 0,
        detections: "off",
        findings_open: None,
        findings_open_by_severity: None,
        findings_and_more: false,
        causes: Vec::new(),
    };
    let (mut causes, mut lags, mut all) = (BTreeMap::<_, usize>::new(), Lags::default(), 0);
    for member in snapshot.members.iter().filter(|member| sees(member.id())) {
        all += 1;
        *overview.tenants.entry(member.state().as_str()).or_default() += 1;
        if let Some(cause) = member.standing.as_ref().and_then(|of| of.cause) {
            *causes.entry(cause).or_default() += 1;
        }
        let Some(sweep) = &member.sweep else { continue };
        let seen = &sweep.activity;
        let hours = seen.events_by_hour(snapshot.as_of);
        for (sum, events) in overview.events_per_hour.iter_mut().zip(hours) {
            *sum += events;
        }
        lags.add(&seen.lags);
        overview.open_blobs += seen.open;
        overview.losses_open += seen.losses;
        let oldest = [overview.oldest_open_at, seen.oldest_open];
        overview.oldest_open_at = oldest.into_iter().flatten().min();
    }
    overview.tenants.insert("all", all);
    overview.events_24h = overview.events_per_hour.iter().sum();
    overview.lag_p50_seconds = lags.within(0.5);
    overview.lag_p99_seconds = lags.within(0.99);
    overview.causes = causes
        .into_iter()
        .map(|(cause, tenants)| Cause { cause, tenants })
        .collect();
    overview
        .causes
        .sort_by_key(|cause| std::cmp::Reverse(cause.tenants));
    overview
}
