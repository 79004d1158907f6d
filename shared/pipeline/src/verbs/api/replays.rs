//! Replays: asked for, shown, and started again.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;

use super::Api;
use super::answer::{ReplayList, ReplayView};
use super::error::ApiError;
use super::request::ReplayRequest;
use crate::replay;
use crate::response::json_response;
use crate::store::ledger::replay::Replay;
use crate::store::ledger::replay::id::ReplayId;

/// Begins a replay.
pub(super) async fn begin(
    api: &Api,
    id: TenantId,
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let request = ReplayRequest::parse(body)?;
    let Api { ledger, queue, .. } = api;
    let tenant = ledger.tenant(id).await?.ok_or(ApiError::NotRegistered)?;
    let types = request.content_types.unwrap_or(tenant.content_types);
    let begun = replay::begin(
        (ledger, queue),
        (id, types),
        (request.from, request.to.unwrap_or(now)),
        request.generation,
        now,
    )
    .await?;
    let view = ReplayView::of(begun, now);
    Ok(json_response(StatusCode::ACCEPTED, &view))
}

/// The tenant's replays, the newest first.
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
pub(super) async fn restart(
    api: &Api,
    id: TenantId,
    replay: &ReplayId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let Api { ledger, queue, .. } = api;
    let failed = known(api, id, replay).await?;
    replay::restart((ledger, queue), id, &failed, now).await?;
    let view = ReplayView::of(known(api, id, replay).await?, now);
    Ok(json_response(StatusCode::ACCEPTED, &view))
}

async fn known(api: &Api, id: TenantId, replay: &ReplayId) -> Result<Replay, ApiError> {
    let found = api.ledger.replay(id, replay).await?;
    found.ok_or(ApiError::NoSuchReplay)
}
