//! Exceptions: findings that somebody has decided not to want, for a reason and until a day.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use detections::EXCEPTIONS_MAX;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies::ExceptionBody;
use crate::response::{empty_response, json_response};
use crate::store::detections::{ExceptionId, KeptException};
use crate::store::ledger::access::audit::Action;
use crate::verbs::api::Api;
use crate::verbs::api::access::Caller;
use crate::verbs::api::error::ApiError;
use crate::verbs::api::fleet::snapshot::Snapshot;
use crate::verbs::api::route::Need;

/// Exceptions, the newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct ExceptionList {
    exceptions: Vec<ExceptionView>,
}

/// An exception.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct ExceptionView {
    #[schema(value_type = Uuid)]
    exception_id: ExceptionId,
    rule_id: Option<String>,
    /// Null for rules of your own.
    rule_title: Option<&'static str>,
    /// Null for all tenants.
    #[schema(value_type = Option<Uuid>)]
    tenant_id: Option<String>,
    tenant_name: Option<String>,
    user: Option<String>,
    address: Option<String>,
    application: Option<String>,
    reason: String,
    author: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// How many findings were left out for it.
    used: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

/// The titles of the built-in rules, by their ids: read at the first use.
static TITLES: LazyLock<BTreeMap<String, String>> = LazyLock::new(detections::builtin_titles);

impl ExceptionView {
    fn new(kept: KeptException, snapshot: &Snapshot) -> Self {
        let named = tenant(&kept);
        let of = kept.exception;
        let title = of.rule.as_ref().and_then(|id| TITLES.get(id));
        Self {
            exception_id: kept.id,
            rule_id: of.rule,
            rule_title: title.map(String::as_str),
            tenant_id: of.tenant,
            tenant_name: named.and_then(|id| snapshot.name(id)),
            user: of.user,
            address: of.address,
            application: of.application,
            reason: of.reason,
            author: of.author,
            created_at: kept.created_at,
            until: of.until,
            used: kept.used,
            last_used_at: kept.last_used_at,
        }
    }
}

/// Lists exceptions, the newest first: of a key that is limited to tenants, those for its tenants.
#[utoipa::path(
    get, path = "/v1/exceptions", operation_id = "list_exceptions", tag = "findings",
    responses((status = 200, body = ExceptionList))
)]
pub(in crate::verbs::api) async fn list(
    api: &Api,
    caller: &Caller,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let mut kept = api.detections.exceptions().await?;
    kept.retain(|kept| sees(caller, kept));
    kept.sort_by_key(|kept| std::cmp::Reverse((kept.created_at, kept.id)));
    let snapshot = api.snapshot(now).await?;
    let view = |kept| ExceptionView::new(kept, &snapshot);
    let list = ExceptionList {
        exceptions: kept.into_iter().map(view).collect(),
    };
    Ok(json_response(StatusCode::OK, &list))
}

/// Makes an exception. The detector heeds it within five minutes. Findings that there are stay.
#[utoipa::path(
    post, path = "/v1/exceptions", operation_id = "create_exception", tag = "findings", request_body = ExceptionBody,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = ExceptionView))
)]
pub(in crate::verbs::api) async fn create(
    api: &Api,
    caller: &Caller,
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let (exception, tenant) = ExceptionBody::parse(body, &caller.actor.name, now)?;
    match tenant {
        None => caller.may(Need::AdminOfAll, None)?,
        Some(tenant) => caller.may(Need::Admin, Some(tenant))?,
    }
    if api.detections.exceptions().await?.len() >= EXCEPTIONS_MAX {
        return Err(ApiError::TooManyExceptions);
    }
    let kept = KeptException {
        id: ExceptionId::random(),
        exception,
        created_at: now,
        used: 0,
        last_used_at: None,
    };
    let reason = kept.exception.reason.clone();
    let action = Action::ExceptionCreate;
    caller.note(api, action, &kept.id, tenant, reason).await?;
    api.detections.keep_exception(&kept).await?;
    tracing::info!(exception.id = %kept.id, "exception made");
    let view = ExceptionView::new(kept, &*api.snapshot(now).await?);
    Ok(json_response(StatusCode::CREATED, &view))
}

/// Removes an exception. The detector forgets it within five minutes.
#[utoipa::path(
    delete, path = "/v1/exceptions/{exception_id}", operation_id = "remove_exception", tag = "findings",
    params(("exception_id" = Uuid, Path)),
    responses((status = 204, description = "removed"))
)]
pub(in crate::verbs::api) async fn remove(
    api: &Api,
    caller: &Caller,
    id: ExceptionId,
) -> Result<Response<Bytes>, ApiError> {
    let all = api.detections.exceptions().await?;
    let known = all.iter().find(|kept| kept.id == id && sees(caller, kept));
    let known = known.ok_or(ApiError::NoSuchException)?;
    let action = Action::ExceptionRemove;
    let reason = known.exception.reason.clone();
    caller.note(api, action, &id, tenant(known), reason).await?;
    api.detections.remove_exception(id).await?;
    tracing::info!(exception.id = %id, "exception removed");
    Ok(empty_response(StatusCode::NO_CONTENT))
}

fn tenant(kept: &KeptException) -> Option<TenantId> {
    kept.exception.tenant.as_deref()?.parse().ok()
}

/// Whether the exception is the caller's business: what is for all tenants takes a key that is good for all.
fn sees(caller: &Caller, kept: &KeptException) -> bool {
    match tenant(kept) {
        Some(tenant) => caller.sees(tenant),
        None => caller.tenants.is_none(),
    }
}
