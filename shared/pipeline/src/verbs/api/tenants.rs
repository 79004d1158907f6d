//! Tenants in, changed, shown, and out.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use office365::{Client, Cloud, ContentType, TenantId};

use super::Api;
use super::access::Caller;
use super::answer::{Losses, OpenBlobs, TenantDetail, TenantView};
use super::consent;
use super::error::ApiError;
use super::manners::etag;
use super::request::{Change, ChangeBody, DEFAULT_TYPES, Registration, RegistrationBody};
use crate::clock::Clock;
use crate::logging::{field, message};
use crate::response::{empty_response, json_response};
use crate::store::ledger::access::audit::Action;
use crate::store::ledger::blob::OPEN_PAGE_MAX;
use crate::store::ledger::loss::LOSSES_PAGE_MAX;
use crate::store::ledger::registry::{Registered, Tenant, TenantChange, TenantState};
use crate::store::waiting::enqueue_waiting;
use crate::verbs::subscription::{ensure, note_on_all, stop, stop_all};

/// Times that a change is tried anew because somebody else has changed the tenant meanwhile. People do not do that often.
const ROUNDS_MAX: usize = 3;

/// Time for the starts of a tenant's subscriptions: what is left of the API's own is for the answer. What takes longer is told in
/// it, and the reconciler goes on.
const STARTED_WITHIN: Duration = Duration::from_secs(18);

/// Registers a tenant, or changes what is named of one that is: proof of consent first, then the ledger, then the
/// subscriptions. What cannot be started now stays `pending` with its error, and the reconciler goes on trying.
#[utoipa::path(
    post, path = "/v1/tenants", operation_id = "register_tenant", tag = "tenants", request_body = RegistrationBody,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TenantDetail), (status = 201, body = TenantDetail))
)]
pub(super) async fn register(
    api: &Api,
    caller: &Caller,
    body: &Bytes,
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    let registration = Registration::parse(body)?;
    let status = match enter(api, caller, &registration, clock).await {
        Err(ApiError::ConsentRequired { why, .. }) => {
            let link = consent::invite(api, &registration, clock.now()).await;
            return Err(ApiError::ConsentRequired {
                why,
                consent_url: link.map(String::from).ok(),
            });
        }
        entered => entered?,
    };
    detail(api, registration.tenant_id, status, clock.now()).await
}

/// Registers a tenant and starts its subscriptions, whoever asks for it: 201 when it is new, 200 when it was registered.
pub(super) async fn enter(
    api: &Api,
    caller: &Caller,
    registration: &Registration,
    clock: Clock,
) -> Result<StatusCode, ApiError> {
    let id = registration.tenant_id;
    if !caller.sees(id) {
        return Err(ApiError::NotRegistered);
    }
    for _ in 0..ROUNDS_MAX {
        let Some(status) = register_once(api, caller, registration, clock).await? else {
            continue;
        };
        tracing::info!({ field::TENANT_ID } = %id, new = status == StatusCode::CREATED, "{}", message::TENANT_REGISTERED);
        api.fleet.forget().await;
        look_after(api, id, clock).await?;
        return Ok(status);
    }
    Err(ApiError::Busy)
}

/// One round; `None` when somebody else has changed the tenant meanwhile.
async fn register_once(
    api: &Api,
    caller: &Caller,
    registration: &Registration,
    clock: Clock,
) -> Result<Option<StatusCode>, ApiError> {
    let Api { ledger, .. } = api;
    let id = registration.tenant_id;
    // Of a tenant that cannot be read nothing can stay as it is: then everything must be said.
    let all_is_said = registration.cloud.is_some() && registration.content_types.is_some();
    let before = match ledger.tenant(id).await.map_err(ApiError::from) {
        Err(ApiError::Unreadable(_)) if all_is_said => Err(()),
        before => Ok(before?),
    };
    let known = before.as_ref().ok().and_then(Option::as_ref);
    let cloud = registration.cloud.or(known.map(|tenant| tenant.cloud));
    let cloud = cloud.unwrap_or(Cloud::Enterprise);
    let client = api.microsoft.client()?;
    if let Err(error) = client.token_check(id, cloud).await {
        return Err(ApiError::of_token(error, id));
    }
    let detail = match known {
        None => format!("new, cloud {cloud}"),
        Some(_) => format!("registered before, cloud {cloud}"),
    };
    caller
        .note(api, Action::TenantRegister, &id, Some(id), detail)
        .await?;
    // Before the tenant is there: one that no sweep looks after would never be noticed.
    ledger.begin_sweeps(id, clock.now()).await?;
    let Some(known) = known else {
        let tenant = new_tenant(registration, cloud, clock.now());
        if before.is_err() {
            ledger.put_tenant(&tenant).await?;
            return Ok(Some(StatusCode::OK));
        }
        let created = ledger.create_tenant(&tenant).await?;
        // And after it: a removal that was under way may have ended the sweeps between the two.
        ledger.begin_sweeps(id, clock.now()).await?;
        return Ok(created.then_some(StatusCode::CREATED));
    };
    let change = TenantChange {
        name: registration.name.clone(),
        cloud: registration.cloud,
        content_types: registration.content_types.clone(),
        state: (known.state == TenantState::Leaving).then_some(TenantState::Active),
        only_unchanged: false,
    };
    let changed = apply(api, known, &change, clock.now()).await?;
    Ok(changed.then_some(StatusCode::OK))
}

fn new_tenant(registration: &Registration, cloud: Cloud, now: Timestamp) -> Tenant {
    let id = registration.tenant_id;
    Tenant {
        tenant_id: id,
        name: registration.name.clone().unwrap_or_else(|| id.to_string()),
        cloud,
        content_types: registration
            .content_types
            .clone()
            .unwrap_or_else(|| DEFAULT_TYPES.to_vec()),
        state: TenantState::Active,
        created_at: now,
        brake: None,
    }
}

/// Changes what is named of a tenant, as long as its registration is one that `seen` (`If-Match`) names.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant_id}", operation_id = "change_tenant", tag = "tenants", request_body = ChangeBody,
    params(("tenant_id" = uuid::Uuid, Path), ("If-Match" = Option<String>, Header, description = "An ETag of the tenant")),
    responses((status = 200, body = TenantDetail))
)]
pub(super) async fn change(
    api: &Api,
    caller: &Caller,
    id: TenantId,
    body: &Bytes,
    seen: Option<&HeaderValue>,
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    let Change {
        name,
        content_types,
        paused,
    } = Change::parse(body)?;
    let change = TenantChange {
        name,
        cloud: None,
        content_types,
        state: paused.map(|paused| match paused {
            true => TenantState::Paused,
            false => TenantState::Active,
        }),
        only_unchanged: seen.is_some(),
    };
    for _ in 0..ROUNDS_MAX {
        let known = api.ledger.tenant(id).await?;
        let known = known.ok_or(ApiError::NotRegistered)?;
        if known.state == TenantState::Leaving {
            return Err(ApiError::Leaving);
        }
        if seen.is_some_and(|seen| !etag::is_unchanged(seen, &known)) {
            return Err(ApiError::ChangedMeanwhile);
        }
        caller
            .note(api, Action::TenantChange, &id, Some(id), told(&change))
            .await?;
        if !apply(api, &known, &change, clock.now()).await? {
            continue;
        }
        tracing::info!(tenant.id = %id, "tenant changed");
        api.fleet.forget().await;
        // A new name is nothing to call Microsoft for.
        if change.content_types.is_some() || change.state == Some(TenantState::Active) {
            look_after(api, id, clock).await?;
        }
        return detail(api, id, StatusCode::OK, clock.now()).await;
    }
    Err(ApiError::Busy)
}

/// What is to be different, for the audit log. A name is what somebody typed, so that it changed must do.
fn told(change: &TenantChange) -> String {
    let mut parts = Vec::new();
    if change.name.is_some() {
        parts.push("name".to_owned());
    }
    if let Some(types) = &change.content_types {
        let types: Vec<&str> = types.iter().map(|of| of.as_str()).collect();
        parts.push(format!("content types {}", types.join(", ")));
    }
    if let Some(state) = change.state {
        parts.push(format!("state {}", state.as_str()));
    }
    parts.join("; ")
}

/// Changes a tenant, and makes it due. `false` when somebody else has changed it meanwhile.
async fn apply(
    api: &Api,
    before: &Tenant,
    change: &TenantChange,
    now: Timestamp,
) -> Result<bool, ApiError> {
    let Api { ledger, .. } = api;
    // Stopped before the registration changes: should the stop fail, asking again stops it again.
    if let Some(types) = &change.content_types {
        stop_dropped(api.microsoft.client()?, before, types).await?;
    }
    if ledger.change_tenant(before, change).await?.is_none() {
        return Ok(false);
    }
    ledger.probe_soon(before.tenant_id, now).await?;
    ledger.sweep_soon(before.tenant_id, now).await?;
    Ok(true)
}

/// Stops what was registered and is left out of the new list: the operator's wish, unlike any repair.
async fn stop_dropped(
    client: &Client,
    before: &Tenant,
    types: &[ContentType],
) -> Result<(), ApiError> {
    for content_type in &before.content_types {
        if !types.contains(content_type) {
            stop(client, before.tenant_id, before.cloud, *content_type).await?;
        }
    }
    Ok(())
}

/// Starts the tenant's subscriptions.
async fn look_after(api: &Api, id: TenantId, clock: Clock) -> Result<(), ApiError> {
    let Api {
        ledger, webhooks, ..
    } = api;
    let client = api.microsoft.client()?;
    let registered = registered(api, id).await?;
    match ensure(
        ledger,
        client,
        webhooks,
        &registered,
        (clock, STARTED_WITHIN),
    )
    .await
    {
        // A call succeeded: whatever kept the tenant from being served is over, and what waits is due.
        Ok(_) if ledger.take_brake_off(id).await? => {
            let waiting = enqueue_waiting(ledger, &api.queue, id, clock.now(), |_| ()).await;
            tracing::info!(tenant.id = %id, ?waiting, "tenant is served again");
        }
        Ok(_) => {}
        Err(error) => {
            // The tenant is registered; how its subscriptions stand is in the answer, and the reconciler repairs it.
            tracing::warn!(tenant.id = %id, %error, "subscriptions not looked at yet");
            note_on_all(ledger, &registered, &error.to_string(), clock.now()).await;
        }
    }
    Ok(())
}

/// One tenant, with what is open and what was lost.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}", operation_id = "show_tenant", tag = "tenants",
    params(("tenant_id" = uuid::Uuid, Path), ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, body = TenantDetail), (status = 304, description = "as it was"))
)]
pub(super) async fn show(
    api: &Api,
    id: TenantId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    detail(api, id, StatusCode::OK, now).await
}

async fn detail(
    api: &Api,
    id: TenantId,
    status: StatusCode,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let Api { ledger, .. } = api;
    let registered = registered(api, id).await?;
    let tag = etag::registration(&registered.tenant);
    let (swept, open, losses) = futures::join!(
        ledger.sweep_state(id),
        ledger.open_blobs(id, Timestamp::MAX, OPEN_PAGE_MAX),
        ledger.losses(id, None, LOSSES_PAGE_MAX),
    );
    let (open, losses) = (open?, losses?);
    // Of one tenant it is known what is open and lost now, and not only what the last sweep saw.
    let swept = swept.map(|state| {
        state.map(|mut state| {
            state.activity.open = open.len() as u64;
            let created = open.iter().map(|open| open.blob.content_created);
            state.activity.oldest_open = created.min();
            let is_open = losses.losses.iter().filter(|loss| loss.is_open());
            state.activity.losses = is_open.count() as u64;
            state
        })
    });
    let findings = api.fleet.findings(&api.detections, now).await;
    let detail = TenantDetail {
        tenant: TenantView::new(registered, swept, api.has_webhook(), now)
            .with_findings(findings.as_deref()),
        open_blobs: OpenBlobs::of(open),
        losses: Losses::of(losses),
    };
    Ok(etag::tagged(json_response(status, &detail), Some(&tag)))
}

/// Removes a tenant: marked first, so that nothing starts its subscriptions again; should a stop fail, the reconciler
/// finishes the removal. Who is registered again meanwhile stays.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant_id}", operation_id = "remove_tenant", tag = "tenants", params(("tenant_id" = uuid::Uuid, Path)),
    responses((status = 204, description = "removed; what is in the lake stays"))
)]
pub(super) async fn remove(
    api: &Api,
    caller: &Caller,
    id: TenantId,
) -> Result<Response<Bytes>, ApiError> {
    let registered = registered(api, id).await?;
    caller
        .note(api, Action::TenantRemove, &id, Some(id), "")
        .await?;
    if !api.ledger.mark_leaving(id).await? {
        return Err(ApiError::NotRegistered);
    }
    api.fleet.forget().await;
    let client = api.microsoft.client()?;
    let removed = stop_all(&api.ledger, client, &registered.tenant).await?
        && api.ledger.remove_tenant(id).await?;
    // Somebody may have removed it first, or registered it again.
    if !removed && api.ledger.tenant(id).await?.is_some() {
        return Err(ApiError::Busy);
    }
    tracing::info!(tenant.id = %id, "tenant removed");
    Ok(empty_response(StatusCode::NO_CONTENT))
}

async fn registered(api: &Api, id: TenantId) -> Result<Registered, ApiError> {
    let registered = api.ledger.registered(id).await?;
    registered.ok_or(ApiError::NotRegistered)
}
