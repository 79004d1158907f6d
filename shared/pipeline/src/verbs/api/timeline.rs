//! The timeline: a tenant's events, one event with its record, and how much there is of each hour.

mod parameters;

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::{ContentType, TenantId};
use serde::Serialize;

use self::parameters::Parameters;
use super::Api;
use super::error::ApiError;
use super::findings::views::MarkView;
use super::query::Query;
use crate::clock::{Clock, earlier};
use crate::content::event::Row;
use crate::response::json_response;
use crate::store::detections::Mark;
use crate::verbs::timeline::{
    EventId, Filter, Found, Hit, HourVolume, SPAN_MAX, Searched, Stores, TimelineError, athena_sql,
    event, search,
};

/// Longest period of volumes in one answer: a week and a day, 960 Queries.
const VOLUME_SPAN_MAX: Duration = Duration::from_secs(8 * 24 * 3600);

/// Period of volumes when none is named.
const VOLUME_SPAN: Duration = Duration::from_secs(24 * 3600);

/// An event in a page.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct EventView {
    event_id: String,
    #[schema(value_type = String)]
    content_type: ContentType,
    #[serde(flatten)]
    row: Row,
    /// The findings that it is in.
    findings: Vec<MarkView>,
}

impl EventView {
    pub(super) fn new(hit: Hit, marks: &[Mark]) -> Self {
        Self {
            event_id: hit.id.to_string(),
            content_type: hit.content_type,
            findings: MarkView::of(marks, hit.row.uid.as_deref()),
            row: hit.row,
        }
    }

    /// When it happened, as the record says.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.row.time
    }
}

/// A page of events.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct EventList {
    events: Vec<EventView>,
    next_cursor: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    searched_back_to: Timestamp,
    searched: Searched,
    complete: bool,
    athena_sql: String,
}

/// Volumes of hours.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct VolumeList {
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    hours: Vec<HourVolume>,
}

/// A page of the tenant's events.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/events", operation_id = "list_events", tag = "timeline",
    params(
        ("tenant_id" = uuid::Uuid, Path),
        ("from" = Option<String>, Query, format = DateTime),
        ("to" = Option<String>, Query, format = DateTime),
        ("user" = Option<String>, Query),
        ("address" = Option<String>, Query),
        ("operation" = Option<String>, Query),
        ("session" = Option<String>, Query),
        ("class" = Option<String>, Query),
        ("severity" = Option<String>, Query),
        ("text" = Option<String>, Query),
        ("limit" = Option<u16>, Query, minimum = 1, description = "At most 200"),
        ("cursor" = Option<String>, Query),
    ),
    responses((status = 200, body = EventList))
)]
pub(super) async fn list(
    api: &Api,
    id: TenantId,
    query: &str,
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    let parameters = Parameters::parse(query)?;
    registered(api, id).await?;
    let filter = parameters.filter(id);
    let cursor = parameters.cursor(&filter)?;
    if cursor.is_none() {
        check_period(&filter, clock.now())?;
    }
    let page = search(stores(api), &filter, parameters.limit(), cursor, clock).await?;
    let marks = marks(api, id, &page.hits).await;
    let view = |hit| EventView::new(hit, &marks);
    let list = EventList {
        athena_sql: athena_sql(&api.lake_table, &filter, page.period),
        events: page.hits.into_iter().map(view).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        searched_back_to: page.searched_back_to,
        searched: page.searched,
        complete: page.complete,
    };
    Ok(json_response(StatusCode::OK, &list))
}

/// One event, with the record that it was made of.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/events/{event_id}", operation_id = "show_event", tag = "timeline",
    params(("tenant_id" = uuid::Uuid, Path), ("event_id" = String, Path)),
    responses((status = 200, body = Found))
)]
pub(super) async fn show(
    api: &Api,
    id: TenantId,
    of: &EventId,
) -> Result<Response<Bytes>, ApiError> {
    registered(api, id).await?;
    let found = event(stores(api), id, of).await?;
    let found = found.ok_or(ApiError::NoSuchEvent)?;
    Ok(json_response(StatusCode::OK, &found))
}

/// How much became available in each hour.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/volume", operation_id = "show_volume", tag = "timeline",
    params(
        ("tenant_id" = uuid::Uuid, Path),
        ("from" = Option<String>, Query, format = DateTime),
        ("to" = Option<String>, Query, format = DateTime),
    ),
    responses((status = 200, body = VolumeList))
)]
pub(super) async fn volume(
    api: &Api,
    id: TenantId,
    query: Query,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    registered(api, id).await?;
    let to = query.to.unwrap_or(now).min(now);
    let from = query.from.unwrap_or(earlier(to, VOLUME_SPAN));
    if from >= to || from < earlier(to, VOLUME_SPAN_MAX) {
        return Err(ApiError::BadPeriod);
    }
    let hours = crate::verbs::timeline::volume(&api.ledger, id, from, to).await?;
    Ok(json_response(
        StatusCode::OK,
        &VolumeList { from, to, hours },
    ))
}

/// The findings that the events can be in. Without the table of findings, events have no marks.
async fn marks(api: &Api, id: TenantId, hits: &[Hit]) -> Vec<Mark> {
    let Some(from) = hits.iter().filter_map(|hit| hit.row.time).min() else {
        return Vec::new();
    };
    // Findings have seconds, events milliseconds.
    let marks = api
        .detections
        .marks(id, earlier(from, Duration::from_secs(1)));
    marks.await.unwrap_or_else(|error| {
        tracing::error!(%error, "events have no marks: the table of findings failed");
        Vec::new()
    })
}

pub(super) fn stores(api: &Api) -> Stores<'_> {
    Stores {
        ledger: &api.ledger,
        lake: &api.lake,
    }
}

async fn registered(api: &Api, id: TenantId) -> Result<(), ApiError> {
    let tenant = api.ledger.tenant(id).await?;
    tenant.map(drop).ok_or(ApiError::NotRegistered)
}

fn check_period(filter: &Filter, now: Timestamp) -> Result<(), ApiError> {
    let from = filter.from.unwrap_or(earlier(now, SPAN_MAX));
    if from < earlier(now, SPAN_MAX) {
        let why =
            "is more than 21 days ago; older events are in the lake, and athena_sql asks for them";
        return Err(ApiError::BadQuery("from", why));
    }
    if filter.to.is_some_and(|to| to <= from) {
        return Err(ApiError::BadQuery(
            "to",
            "is not after from, or too long ago",
        ));
    }
    Ok(())
}

impl From<TimelineError> for ApiError {
    fn from(error: TimelineError) -> Self {
        match error {
            TimelineError::Ledger(error) => error.into(),
            TimelineError::Lake(error) => {
                tracing::error!(%error, "request not answered: the lake failed");
                Self::Unavailable
            }
        }
    }
}
