//! Replays: asked for, shown, and started again.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;

use super::Registrar;
use super::answer::{ReplayList, ReplayView};
use super::error::ApiError;
use super::request::ReplayRequest;
use crate::replay;
use crate::response::json_response;
use crate::store::ledger::replay::Replay;
use crate::store::ledger::replay::id::ReplayId;

/// Begins a replay.
pub(super) async fn begin(
    registrar: &Registrar,
    id: TenantId,
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let request = ReplayRequest::parse(body)?;
    let Registrar { ledger, queue, .. } = registrar;
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
    registrar: &Registrar,
    id: TenantId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let replays = registrar.ledger.replays(id).await?;
    let views = replays.into_iter().map(|of| ReplayView::of(of, now));
    let list = ReplayList {
        replays: views.collect(),
    };
    Ok(json_response(StatusCode::OK, &list))
}

/// One replay.
pub(super) async fn show(
    registrar: &Registrar,
    id: TenantId,
    replay: &ReplayId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let view = ReplayView::of(known(registrar, id, replay).await?, now);
    Ok(json_response(StatusCode::OK, &view))
}

/// Starts a replay that has failed again, where it stands.
pub(super) async fn restart(
    registrar: &Registrar,
    id: TenantId,
    replay: &ReplayId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let Registrar { ledger, queue, .. } = registrar;
    let failed = known(registrar, id, replay).await?;
    replay::restart((ledger, queue), id, &failed, now).await?;
    let view = ReplayView::of(known(registrar, id, replay).await?, now);
    Ok(json_response(StatusCode::ACCEPTED, &view))
}

async fn known(registrar: &Registrar, id: TenantId, replay: &ReplayId) -> Result<Replay, ApiError> {
    let found = registrar.ledger.replay(id, replay).await?;
    found.ok_or(ApiError::NoSuchReplay)
}
