//! Replays: asked for, shown, and started again.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;

use super::Api;
use super::access::Caller;
use super::answer::{ReplayList, ReplayView};
use super::error::ApiError;
use super::request::{ReplayBody, ReplayRequest};
use crate::replay;
use crate::response::json_response;
use crate::store::ledger::access::audit::Action;
use crate::store::ledger::replay::Replay;
use crate::store::ledger::replay::id::ReplayId;

/// Begins a replay.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/replays", operation_id = "begin_replay", tag = "replays", request_body = ReplayBody,
    params(("tenant_id" = uuid::Uuid, Path), ("Idempotency-Key" = Option<String>, Header)), responses((status = 202, body = ReplayView))
)]
pub(super) async fn begin(
    api: &Api,
    caller: &Caller,
    id: TenantId,
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let request = ReplayRequest::parse(body)?;
    let Api { ledger, queue, .. } = api;
    let tenant = ledger.tenant(id).await?.ok_or(ApiError::NotRegistered)?;
    let types = request.content_types.unwrap_or(tenant.content_types);
    let to = request.to.unwrap_or(now);
    let period = format!("from {} to {to}", request.from);
    caller
        .note(api, Action::ReplayBegin, &id, Some(id), period)
        .await?;
    let begun = replay::begin(
        (ledger, queue),
        (id, types),
        (request.from, to),
        request.generation,
        now,
    )
    .await?;
    let view = ReplayView::of(begun, now);
    Ok(json_response(StatusCode::ACCEPTED, &view))
}

/// The tenant's replays, the newest first.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/replays", operation_id = "list_replays", tag = "replays", params(("tenant_id" = uuid::Uuid, Path)),
    responses((status = 200, body = ReplayList))
)]
pub(super) async fn list(
    api: &Api,
    id: TenantId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let replays = api.ledger.replays(id).await?;
    let views = replays.into_iter().map(|of| ReplayView::of(of, now));
    let list = ReplayList {
        replays: views.collect(),
    };
    Ok(json_response(StatusCode::OK, &list))
}

/// One replay.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/replays/{replay_id}", operation_id = "show_replay", tag = "replays",
    params(("tenant_id" = uuid::Uuid, Path), ("replay_id" = String, Path)), responses((status = 200, body = ReplayView))
)]
pub(super) async fn show(
    api: &Api,
    id: TenantId,
    replay: &ReplayId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let view = ReplayView::of(known(api, id, replay).await?, now);
    Ok(json_response(StatusCode::OK, &view))
}

/// Starts a replay that has failed again, where it stands.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/replays/{replay_id}/restart", operation_id = "restart_replay", tag = "replays",
    params(("tenant_id" = uuid::Uuid, Path), ("replay_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)), responses((status = 202, body = ReplayView))
)]
pub(super) async fn restart(
    api: &Api,
    caller: &Caller,
    id: TenantId,
    replay: &ReplayId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let Api { ledger, queue, .. } = api;
    let failed = known(api, id, replay).await?;
    caller
        .note(api, Action::ReplayRestart, replay, Some(id), "")
        .await?;
    replay::restart((ledger, queue), id, &failed, now).await?;
    let view = ReplayView::of(known(api, id, replay).await?, now);
    Ok(json_response(StatusCode::ACCEPTED, &view))
}

async fn known(api: &Api, id: TenantId, replay: &ReplayId) -> Result<Replay, ApiError> {
    let found = api.ledger.replay(id, replay).await?;
    found.ok_or(ApiError::NoSuchReplay)
}
