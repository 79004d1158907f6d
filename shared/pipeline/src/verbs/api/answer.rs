//! Answers of the API, as docs/API.md shows them. Times are RFC 3339, null when there is none.

use jiff::Timestamp;
use office365::{Cloud, ContentId, ContentType, TenantId};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::findings::views::FindingCount;
use super::fleet::standing::{Known, Standing, complete_until, last_event_at, standing};
use crate::certificate::Certificate;
use crate::store::detections::OpenFindings;
use crate::store::lake::key::Generation;
use crate::store::ledger::LedgerError;
use crate::store::ledger::blob::{OPEN_PAGE_MAX, OpenBlob};
use crate::store::ledger::loss::{Loss, LossId, LossPage};
use crate::store::ledger::registry::brake::{Brake, BrakeReason};
use crate::store::ledger::registry::{Registered, Status, Subscription};
use crate::store::ledger::replay::id::ReplayId;
use crate::store::ledger::replay::{Replay, ReplayState};
use crate::store::ledger::sweep::{ACTIVITY_HOURS, Activity, SweepState};

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    #[schema(examples("ok"))]
    pub(super) status: &'static str,
    pub(super) version: &'static str,
}

/// A page of tenants.
#[derive(Serialize, ToSchema)]
pub(super) struct TenantList {
    pub(super) tenants: Vec<Listed>,
    /// The `cursor` of the next page.
    pub(super) next_cursor: Option<String>,
}

/// A tenant of the list, or why it cannot be read.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Listed {
    Tenant(Box<TenantView>),
    Unreadable {
        #[schema(value_type = Uuid)]
        tenant_id: TenantId,
        error: String,
    },
}

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(super) struct TenantView {
    #[schema(value_type = Uuid)]
    tenant_id: TenantId,
    name: String,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    cloud: Cloud,
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What keeps it from being served.
    brake: Option<BrakeView>,
    /// Null before the first sweep.
    sweep: Option<SweepView>,
    subscriptions: Vec<SubscriptionView>,
    standing: Standing,
    /// Everything that Microsoft made available before this is in the lake, or on the list of losses.
    #[schema(value_type = Option<String>, format = DateTime)]
    complete_until: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_event_at: Option<Timestamp>,
    /// Null before the first sweep.
    activity: Option<ActivityView>,
    /// Findings that nobody has closed; null when they could not be counted.
    findings: Option<FindingCount>,
}

/// What came of late, as the last sweep saw it.
#[derive(Serialize, ToSchema)]
struct ActivityView {
    /// Events of contents that Microsoft made available in each of the last 24 hours, the oldest first; the last is not over.
    #[schema(min_items = 24, max_items = 24)]
    events_per_hour: [u64; ACTIVITY_HOURS],
    /// From becoming available at Microsoft to the lake, of half of the blobs: at most twice what it was in truth.
    lag_p50_seconds: Option<u64>,
    /// The same of 99 of 100.
    lag_p99_seconds: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct BrakeView {
    reason: BrakeReason,
    text: String,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    next_probe_at: Timestamp,
}

#[derive(Default, Serialize, ToSchema)]
struct SweepView {
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    begun_at: Option<Timestamp>,
    /// When a sweep last did all that it had to do.
    #[schema(value_type = Option<String>, format = DateTime)]
    done_at: Option<Timestamp>,
    /// How many in a row did not.
    failures: u32,
    last_error: Option<String>,
    /// Certificates of all hours before this are in the lake.
    #[schema(value_type = Option<String>, format = DateTime)]
    certified_until: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
struct SubscriptionView {
    #[schema(value_type = String)]
    content_type: ContentType,
    #[schema(value_type = String)]
    status: Status,
    /// `enabled`, `disabled`, `expired` or `none`.
    webhook: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_notification_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_content_at: Option<Timestamp>,
    last_error: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_error_at: Option<Timestamp>,
    /// Everything that Microsoft made available before this was compared with the ledger.
    #[schema(value_type = Option<String>, format = DateTime)]
    listed_until: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<Timestamp>,
}

/// A tenant with what is open and what was lost.
#[derive(Serialize, ToSchema)]
pub(super) struct TenantDetail {
    #[serde(flatten)]
    pub(super) tenant: TenantView,
    pub(super) open_blobs: OpenBlobs,
    pub(super) losses: Losses,
}

/// Blobs that are not finished.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenBlobs {
    count: usize,
    /// Whether there may be more than were counted.
    and_more: bool,
    /// The one that became available first.
    oldest: Option<OpenBlobView>,
}

#[derive(Serialize, ToSchema)]
struct OpenBlobView {
    #[schema(value_type = String)]
    content_type: ContentType,
    #[schema(value_type = String)]
    content_id: ContentId,
    #[schema(value_type = String, format = DateTime)]
    content_created: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    attempts: u32,
    /// Why the last attempt failed.
    cause: Option<String>,
}

/// Losses that nobody has acknowledged.
#[derive(Serialize, ToSchema)]
pub(super) struct Losses {
    open: usize,
    /// Whether there may be more than were counted.
    and_more: bool,
    /// The one written down last, acknowledged or not.
    last: Option<Loss>,
}

/// A page of losses.
#[derive(Serialize, ToSchema)]
pub(super) struct LossList {
    pub(super) losses: Vec<Loss>,
    #[schema(value_type = Option<String>)]
    pub(super) next_cursor: Option<LossId>,
}

/// Certificates of hours.
#[derive(Serialize, ToSchema)]
pub(super) struct CertificateList {
    #[schema(value_type = Uuid)]
    pub(super) tenant_id: TenantId,
    #[schema(value_type = String, format = DateTime)]
    pub(super) from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(super) to: Timestamp,
    pub(super) hours: Vec<Certificate>,
}

/// How far the first listing is.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Backfill {
    #[schema(value_type = Uuid)]
    pub(super) tenant_id: TenantId,
    /// Hours of all content types.
    pub(super) hours: u64,
    pub(super) hours_done: u64,
    pub(super) content_types: Vec<BackfillOf>,
}

/// How far the first listing of one content type is.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct BackfillOf {
    #[schema(value_type = String)]
    pub(super) content_type: ContentType,
    /// `waiting`, `running` or `done`.
    pub(super) state: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) from: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) to: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) listed_until: Option<Timestamp>,
    pub(super) hours: u64,
    pub(super) hours_done: u64,
}

/// Replays, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct ReplayList {
    pub(super) replays: Vec<ReplayView>,
}

/// A replay.
#[derive(Serialize, ToSchema)]
pub(super) struct ReplayView {
    #[schema(value_type = String)]
    replay_id: ReplayId,
    state: ReplayState,
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    #[schema(value_type = Vec<String>)]
    content_types: Vec<ContentType>,
    #[schema(value_type = Option<String>)]
    generation: Option<Generation>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Days of all content types.
    units: usize,
    units_done: usize,
    blobs: u64,
    /// Blobs whose raw copy is gone or damaged.
    skipped: u64,
    last_skip: Option<String>,
    records_in: u64,
    records_written: u64,
    records_routed: u64,
    records_dropped: u64,
    records_duplicate: u64,
    records_foreign: u64,
    records_malformed: u64,
}

fn as_text<S: Serializer>(cloud: &Cloud, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(cloud)
}

impl TenantView {
    /// A tenant, and how far it is swept. A sweep's state that cannot be read is shown as its last error.
    pub(super) fn new(
        registered: Registered,
        swept: Result<Option<SweepState>, LedgerError>,
        has_webhook: bool,
        now: Timestamp,
    ) -> Self {
        let state = swept.as_ref().ok().and_then(Option::as_ref);
        let known = Known {
            registered: &registered,
            sweep: state,
            has_webhook,
            now,
        };
        let (standing, complete_until) = (standing(known), complete_until(known));
        let last_event_at = last_event_at(&registered);
        let Registered {
            tenant,
            subscriptions,
        } = registered;
        let subscriptions = subscriptions.into_iter().map(|(of, subscription)| {
            let sweep = state.and_then(|state| state.types.get(&of));
            SubscriptionView::new(of, subscription, sweep.and_then(|of| of.watermark))
        });
        let subscriptions = subscriptions.collect();
        let activity = state.map(|state| ActivityView::new(&state.activity, now));
        let sweep = match swept {
            Ok(state) => state.map(SweepView::from),
            Err(error) => Some(SweepView {
                last_error: Some(error.to_string()),
                ..SweepView::default()
            }),
        };
        Self {
            tenant_id: tenant.tenant_id,
            name: tenant.name,
            cloud: tenant.cloud,
            state: tenant.state.as_str(),
            created_at: tenant.created_at,
            brake: tenant.brake.map(BrakeView::from),
            sweep,
            subscriptions,
            standing,
            complete_until,
            last_event_at,
            activity,
            findings: None,
        }
    }

    /// With the number of its findings, out of those of all tenants.
    pub(super) fn with_findings(self, open: Option<&OpenFindings>) -> Self {
        let findings = open.map(|open| {
            let counts = open.tenants.get(&self.tenant_id).copied();
            FindingCount::new(&counts.unwrap_or_default(), open.and_more)
        });
        Self { findings, ..self }
    }
}

impl ActivityView {
    fn new(seen: &Activity, now: Timestamp) -> Self {
        Self {
            events_per_hour: seen.events_by_hour(now),
            lag_p50_seconds: seen.lags.within(0.5),
            lag_p99_seconds: seen.lags.within(0.99),
        }
    }
}

impl From<Brake> for BrakeView {
    fn from(brake: Brake) -> Self {
        Self {
            reason: brake.reason,
            text: brake.text,
            since: brake.since,
            next_probe_at: brake.next_probe_at,
        }
    }
}

impl From<SweepState> for SweepView {
    fn from(state: SweepState) -> Self {
        Self {
            due_at: state.due_at,
            begun_at: state.begun_at,
            done_at: state.done_at,
            failures: state.failures,
            last_error: state.last_error,
            certified_until: state.certified_until,
        }
    }
}

impl SubscriptionView {
    fn new(of: ContentType, subscription: Subscription, listed_until: Option<Timestamp>) -> Self {
        Self {
            content_type: of,
            status: subscription.status,
            webhook: subscription.webhook.unwrap_or_else(|| "none".to_owned()),
            last_notification_at: subscription.last_notification_at,
            last_content_at: subscription.last_content_at,
            last_error: subscription.last_error,
            last_error_at: subscription.last_error_at,
            listed_until,
            observed_at: subscription.observed_at,
        }
    }
}

impl OpenBlobs {
    /// Of a page of the index.
    pub(super) fn of(page: Vec<OpenBlob>) -> Self {
        let count = page.len();
        let oldest = page
            .into_iter()
            .min_by_key(|open| open.blob.content_created);
        Self {
            count,
            and_more: count >= OPEN_PAGE_MAX as usize,
            oldest: oldest.map(|open| OpenBlobView {
                content_type: open.blob.content_type,
                content_id: open.blob.content_id,
                content_created: open.blob.content_created,
                due_at: open.due_at,
                attempts: open.attempts,
                cause: open.cause,
            }),
        }
    }
}

impl Losses {
    /// Of a page of losses.
    pub(super) fn of(page: LossPage) -> Self {
        let open = page.losses.iter().filter(|loss| loss.is_open()).count();
        Self {
            open,
            and_more: page.next.is_some(),
            last: page.losses.into_iter().max_by_key(|loss| loss.recorded_at),
        }
    }
}

impl ReplayView {
    pub(super) fn of(replay: Replay, now: Timestamp) -> Self {
        let counts = replay.tally.counts;
        Self {
            state: replay.state(now),
            units: replay.units.len(),
            units_done: replay.units_done(),
            replay_id: replay.id,
            from: replay.from,
            to: replay.to,
            content_types: replay.content_types,
            generation: replay.generation,
            created_at: replay.created_at,
            updated_at: replay.updated_at,
            blobs: replay.tally.blobs,
            skipped: replay.tally.skipped,
            last_skip: replay.tally.last_skip,
            records_in: counts.records,
            records_written: counts.written,
            records_routed: counts.routed,
            records_dropped: counts.dropped,
            records_duplicate: counts.duplicate,
            records_foreign: counts.foreign,
            records_malformed: counts.malformed,
        }
    }
}
