//! Arrow 3: the operator's API. Tenants in and out, and how their subscriptions stand.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/tenants` | 201 (200 when it was registered): the tenant as below |
//! | `GET /v1/tenants` | 200: `{"tenants": [...]}` |
//! | `GET /v1/tenants/{id}` | 200: the tenant |
//! | `DELETE /v1/tenants/{id}` | 204: subscriptions stopped, tenant removed |
//!
//! Every request needs `Authorization: Bearer <API key>`. Errors are RFC 9457 problem details.

mod error;
mod request;
mod view;

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use office365::{Client, ContentType, TenantId};
use secrecy::ExposeSecret as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use self::error::ApiError;
use self::request::Registration;
use self::view::view;
use crate::aws::secrets::Secret;
use crate::clock::Clock;
use crate::logging::{field, message};
use crate::microsoft::Microsoft;
use crate::response::{empty_response, json_response};
use crate::store::ledger::Ledger;
use crate::store::ledger::registry::{Registered, Tenant, TenantState};
use crate::subscription::{Webhooks, ensure, note_on_all, stop, stop_all};

/// Where the API is.
pub const TENANTS_PATH: &str = "/v1/tenants";

/// Longest body taken, in bytes: a registration has a few hundred.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// Time for one request. API Gateway gives up after 30 s; what is not started by then, the reconciler starts.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(27);

/// What the registrar works with.
#[derive(Debug)]
pub struct Registrar {
    /// The ledger.
    pub ledger: Ledger,
    /// Microsoft's API.
    pub microsoft: Microsoft,
    /// What subscriptions are started with.
    pub webhooks: Webhooks,
    /// The operator's key. Only the current version opens: a key is rotated because it leaked.
    pub api_key: Secret,
}

/// Answers one request. Never fails: every fault is a problem.
pub async fn handle(
    registrar: &Registrar,
    request: Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let clock = Clock::starting_at(now);
    let answered = tokio::time::timeout(ANSWER_WITHIN, answer(registrar, &request, clock)).await;
    answered
        .unwrap_or(Err(ApiError::TooSlow))
        .unwrap_or_else(ApiError::into_response)
}

async fn answer(
    registrar: &Registrar,
    request: &Request<Bytes>,
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    authenticate(registrar, request).await?;
    let path = request.uri().path();
    let rest = path
        .strip_prefix(TENANTS_PATH)
        .ok_or(ApiError::NoSuchPath)?;
    match (rest.strip_prefix('/'), request.method()) {
        (None, &Method::POST) if rest.is_empty() => {
            register(registrar, request.body(), clock).await
        }
        (None, &Method::GET) if rest.is_empty() => list(registrar).await,
        (Some(id), &Method::GET) => show(registrar, tenant_id(id)?).await,
        (Some(id), &Method::DELETE) => remove(registrar, tenant_id(id)?).await,
        (None, _) if !rest.is_empty() => Err(ApiError::NoSuchPath),
        _ => Err(ApiError::NoSuchMethod),
    }
}

fn tenant_id(text: &str) -> Result<TenantId, ApiError> {
    text.parse().map_err(|_| ApiError::BadTenantId)
}

/// Compares hashes of the keys, so that neither content nor length shows in the time it takes.
async fn authenticate(registrar: &Registrar, request: &Request<Bytes>) -> Result<(), ApiError> {
    let presented = request
        .headers()
        .get(AUTHORIZATION)
        .map(http::HeaderValue::as_bytes)
        .and_then(|value| {
            let (scheme, key) = value.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key)
        })
        .ok_or(ApiError::NotAuthenticated)?;
    let expected = registrar.api_key.versions().await?.current;
    let expected = Sha256::digest(expected.expose_secret());
    let presented = Sha256::digest(presented);
    if bool::from(expected.as_slice().ct_eq(presented.as_slice())) {
        Ok(())
    } else {
        Err(ApiError::NotAuthenticated)
    }
}

/// Registers a tenant, or brings its registration up to date: proof of consent first, then the ledger, then the
/// subscriptions. What cannot be started now stays `pending` with its error, and the reconciler goes on trying.
async fn register(
    registrar: &Registrar,
    body: &Bytes,
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    let registration = Registration::parse(body)?;
    let Registration {
        tenant_id, cloud, ..
    } = registration;
    let client = registrar.microsoft.client()?;
    if let Err(error) = client.token_check(tenant_id, cloud).await {
        return Err(ApiError::of_token(error, client, tenant_id, cloud));
    }
    let tenant = Tenant {
        tenant_id,
        name: registration.name,
        cloud,
        content_types: registration.content_types,
        state: TenantState::Active,
        created_at: clock.now(),
        brake: None,
    };
    // Stopped before the registration changes: should the stop fail, asking again stops it again.
    if let Some(before) = registrar.ledger.tenant(tenant_id).await? {
        stop_dropped(client, &before, &tenant).await?;
    }
    let before = registrar.ledger.put_tenant(&tenant).await?;
    tracing::info!({ field::TENANT_ID } = %tenant_id, %cloud, new = before.is_none(), "{}", message::TENANT_REGISTERED);
    let registered = registered(registrar, tenant_id).await?;
    if let Err(error) = ensure(
        &registrar.ledger,
        client,
        &registrar.webhooks,
        &registered,
        clock,
    )
    .await
    {
        // The tenant is registered; how its subscriptions stand is in the answer, and the reconciler repairs it.
        tracing::warn!(tenant.id = %tenant_id, %error, "subscriptions not looked at yet");
        let why = error.to_string();
        note_on_all(&registrar.ledger, &registered, &why, clock.now()).await;
    }
    let status = if before.is_none() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let registered = self::registered(registrar, tenant_id).await?;
    Ok(json_response(status, &view(&registered)))
}

/// Stops what an earlier registration asked for and this one does not: the operator's wish, unlike any repair.
async fn stop_dropped(client: &Client, before: &Tenant, after: &Tenant) -> Result<(), ApiError> {
    let dropped = |of: &&ContentType| !after.content_types.contains(of);
    for content_type in before.content_types.iter().filter(dropped) {
        stop(client, after.tenant_id, before.cloud, *content_type).await?;
    }
    Ok(())
}

async fn list(registrar: &Registrar) -> Result<Response<Bytes>, ApiError> {
    let all = registrar.ledger.tenants(None, 100).await?;
    let tenants: Vec<_> = all.tenants.iter().flatten().map(view).collect();
    Ok(json_response(
        StatusCode::OK,
        &json!({ "tenants": tenants }),
    ))
}

async fn show(registrar: &Registrar, tenant: TenantId) -> Result<Response<Bytes>, ApiError> {
    let registered = registered(registrar, tenant).await?;
    Ok(json_response(StatusCode::OK, &view(&registered)))
}

/// Removes a tenant: marked first, so that nothing starts its subscriptions again; should a stop fail, the reconciler
/// finishes the removal.
async fn remove(registrar: &Registrar, tenant: TenantId) -> Result<Response<Bytes>, ApiError> {
    let registered = registered(registrar, tenant).await?;
    if !registrar.ledger.mark_leaving(tenant).await? {
        return Err(ApiError::NotRegistered);
    }
    let client = registrar.microsoft.client()?;
    stop_all(client, &registered).await?;
    registrar.ledger.remove_tenant(tenant).await?;
    tracing::info!(tenant.id = %tenant, "tenant removed");
    Ok(empty_response(StatusCode::NO_CONTENT))
}

async fn registered(registrar: &Registrar, tenant: TenantId) -> Result<Registered, ApiError> {
    registrar
        .ledger
        .registered(tenant)
        .await?
        .ok_or(ApiError::NotRegistered)
}
