//! Findings: lists, one with its story, and what people do about them. And exceptions from rules.

mod bodies;
pub(super) mod exceptions;
mod parameters;
pub(super) mod story;
pub(super) mod views;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;
use uuid::Uuid;

use self::bodies::{CloseBody, StepBody};
use self::parameters::Parameters;
use self::views::{FindingDetail, FindingList, FindingView};
use super::Api;
use super::access::Caller;
use super::error::ApiError;
use super::route::Route;
use crate::clock::Clock;
use crate::response::json_response;
use crate::store::detections::{FindingPage, Handled, Recorded, Step};
use crate::store::lake::{Lake, LakeError};
use crate::store::ledger::access::audit::Action;
use crate::verbs::detect::RULE_FOLDER;

/// What is asked for about findings and exceptions: method, query and body. Any other path is refused with what it takes.
pub(super) async fn dispatch(
    this: &Api,
    caller: &Caller,
    route: Route,
    (method, text, body): (&Method, &str, &Bytes),
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    let now = clock.now();
    match (route, method) {
        (Route::OpenFindings, &Method::GET) => list_open(this, caller, text, now).await,
        (Route::Findings(id), &Method::GET) => list(this, id, text).await,
        (Route::Finding(id, of), &Method::GET) => show(this, id, of).await,
        (Route::Story(id, of), &Method::GET) => story::show(this, id, of, clock).await,
        (Route::AcknowledgeFinding(id, of), &Method::POST) => {
            acknowledge(this, caller, (id, of), body, now).await
        }
        (Route::CloseFinding(id, of), &Method::POST) => {
            close(this, caller, (id, of), body, now).await
        }
        (Route::ReopenFinding(id, of), &Method::POST) => {
            reopen(this, caller, (id, of), body, now).await
        }
        (Route::Exceptions, &Method::GET) => exceptions::list(this, caller, now).await,
        (Route::Exceptions, &Method::POST) => exceptions::create(this, caller, body, now).await,
        (Route::Exception(id), &Method::DELETE) => exceptions::remove(this, caller, id).await,
        (route, _) => Err(ApiError::NoSuchMethod(route.methods())),
    }
}

/// The open findings of all tenants that the key is good for, the newest first.
#[utoipa::path(
    get, path = "/v1/findings", operation_id = "list_open_findings", tag = "findings",
    params(
        ("state" = Option<String>, Query, description = "open (when nothing is said), new or acknowledged"),
        ("severity" = Option<String>, Query, description = "Critical, High …, with commas between them"),
        ("rule" = Option<String>, Query, description = "A rule's id"),
        ("user" = Option<String>, Query),
        ("address" = Option<String>, Query),
        ("from" = Option<String>, Query, format = DateTime, description = "Of the last record"),
        ("to" = Option<String>, Query, format = DateTime),
        ("limit" = Option<u16>, Query, minimum = 1, description = "At most 200, 50 when nothing is said"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the page before"),
    ),
    responses((status = 200, body = FindingList))
)]
pub(super) async fn list_open(
    api: &Api,
    caller: &Caller,
    query: &str,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let parameters = Parameters::parse(query)?;
    if !parameters.is_open() {
        let why = "is open, new or acknowledged here; closed ones are listed by tenant";
        return Err(ApiError::BadQuery("state", why));
    }
    let (filter, cursor) = (parameters.filter(), parameters.cursor()?);
    let sees = |id| caller.sees(id);
    let found = api
        .detections
        .open_findings(&filter, sees, cursor, parameters.limit());
    let found = found.await?;
    let snapshot = api.snapshot(now).await?;
    Ok(answer(found, |id| snapshot.name(id)))
}

/// A tenant's findings, the newest first. They outlive the registration.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/findings", operation_id = "list_findings", tag = "findings",
    params(
        ("tenant_id" = Uuid, Path),
        ("state" = Option<String>, Query, description = "open (when nothing is said), new, acknowledged, closed or all"),
        ("severity" = Option<String>, Query, description = "Critical, High …, with commas between them"),
        ("rule" = Option<String>, Query, description = "A rule's id"),
        ("user" = Option<String>, Query),
        ("address" = Option<String>, Query),
        ("from" = Option<String>, Query, format = DateTime, description = "Of the last record"),
        ("to" = Option<String>, Query, format = DateTime),
        ("limit" = Option<u16>, Query, minimum = 1, description = "At most 200, 50 when nothing is said"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the page before"),
    ),
    responses((status = 200, body = FindingList))
)]
pub(super) async fn list(
    api: &Api,
    id: TenantId,
    query: &str,
) -> Result<Response<Bytes>, ApiError> {
    let parameters = Parameters::parse(query)?;
    let (filter, cursor) = (parameters.filter(), parameters.cursor()?);
    let is_first = cursor.is_none();
    let limit = parameters.limit();
    let found = api.detections.findings(id, &filter, cursor, limit).await?;
    let name = name(api, id).await?;
    if found.findings.is_empty() && is_first && name.is_none() {
        return Err(ApiError::NotRegistered);
    }
    Ok(answer(found, |_| name.clone()))
}

fn answer(page: FindingPage, name: impl Fn(TenantId) -> Option<String>) -> Response<Bytes> {
    let findings = page.findings.into_iter().map(|listed| {
        let name = name(listed.summary.tenant);
        FindingView::new(listed, name)
    });
    let list = FindingList {
        findings: findings.collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    };
    json_response(StatusCode::OK, &list)
}

/// The tenant's name; none when it is not registered any more.
async fn name(api: &Api, id: TenantId) -> Result<Option<String>, ApiError> {
    let tenant = api.ledger.tenant(id).await?;
    Ok(tenant.map(|tenant| tenant.name))
}

/// One finding, with its rule.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/findings/{finding_id}", operation_id = "show_finding", tag = "findings",
    params(("tenant_id" = Uuid, Path), ("finding_id" = Uuid, Path)),
    responses((status = 200, body = FindingDetail))
)]
pub(super) async fn show(api: &Api, id: TenantId, uid: Uuid) -> Result<Response<Bytes>, ApiError> {
    let recorded = known(api, id, uid).await?;
    let mut detail = FindingDetail::new(recorded, name(api, id).await?)?;
    if let Some(file) = detail.rule_file() {
        detail.sigma = rule_text(&api.lake, &file).await?;
    }
    Ok(json_response(StatusCode::OK, &detail))
}

/// The text of a rule's file as it is now; none when it is gone.
async fn rule_text(lake: &Lake, file: &str) -> Result<Option<String>, ApiError> {
    if let Some(text) = detections::builtin_text(file) {
        return Ok(Some(text.to_owned()));
    }
    // Only what the detector reads rules from.
    if !file.starts_with(&format!("{RULE_FOLDER}/")) {
        return Ok(None);
    }
    let path = file.into();
    let read = lake.read_if_there(&path, detections::RULE_BYTES_MAX);
    match read.await {
        Ok(stored) => Ok(stored.map(|of| String::from_utf8_lossy(&of.content).into_owned())),
        Err(LakeError::TooLarge { .. }) => Ok(None),
        Err(error) => {
            tracing::error!(%error, "request not answered: the lake failed");
            Err(ApiError::Unavailable)
        }
    }
}

/// Notes that somebody looks at a finding.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/findings/{finding_id}/acknowledge", operation_id = "acknowledge_finding", tag = "findings",
    request_body = StepBody,
    params(("tenant_id" = Uuid, Path), ("finding_id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = FindingView))
)]
pub(super) async fn acknowledge(
    api: &Api,
    caller: &Caller,
    (id, uid): (TenantId, Uuid),
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let note = StepBody::parse(body)?;
    step(api, caller, (id, uid), (Step::Acknowledge, note), now).await
}

/// Closes a finding with a verdict. A closed one gets another verdict.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/findings/{finding_id}/close", operation_id = "close_finding", tag = "findings",
    request_body = CloseBody,
    params(("tenant_id" = Uuid, Path), ("finding_id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = FindingView))
)]
pub(super) async fn close(
    api: &Api,
    caller: &Caller,
    (id, uid): (TenantId, Uuid),
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let (verdict, note) = CloseBody::parse(body)?;
    step(api, caller, (id, uid), (Step::Close(verdict), note), now).await
}

/// Opens a closed finding again.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/findings/{finding_id}/reopen", operation_id = "reopen_finding", tag = "findings",
    request_body = StepBody,
    params(("tenant_id" = Uuid, Path), ("finding_id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = FindingView))
)]
pub(super) async fn reopen(
    api: &Api,
    caller: &Caller,
    (id, uid): (TenantId, Uuid),
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let note = StepBody::parse(body)?;
    step(api, caller, (id, uid), (Step::Reopen, note), now).await
}

async fn step(
    api: &Api,
    caller: &Caller,
    (id, uid): (TenantId, Uuid),
    (step, note): (Step, Option<String>),
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    known(api, id, uid).await?;
    let (action, detail) = match step {
        Step::Acknowledge => (Action::FindingAcknowledge, ""),
        Step::Close(verdict) => (Action::FindingClose, verdict.as_str()),
        Step::Reopen => (Action::FindingReopen, ""),
    };
    caller.note(api, action, &uid, Some(id), detail).await?;
    let by = (&*caller.actor.name, note.as_deref());
    let recorded = match api.detections.handle((id, uid), step, by, now).await? {
        Handled::Done(recorded) => *recorded,
        Handled::IsClosed => return Err(ApiError::FindingIsClosed),
        Handled::NoFinding => return Err(ApiError::NoSuchFinding),
    };
    api.fleet.forget_findings().await;
    let view = FindingView::new(recorded.into(), name(api, id).await?);
    Ok(json_response(StatusCode::OK, &view))
}

async fn known(api: &Api, id: TenantId, uid: Uuid) -> Result<Recorded, ApiError> {
    let recorded = api.detections.finding(id, uid).await?;
    recorded.ok_or(ApiError::NoSuchFinding)
}
