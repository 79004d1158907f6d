//! Keys: listed, made, revoked, rotated; and what the caller's own is good for.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Caller;
use super::secret::KeySecret;
use crate::response::{empty_response, json_response};
use crate::store::ledger::access::api_key::{ApiKey, KEY_TENANTS_MAX, KEYS_MAX, Scope};
use crate::store::ledger::access::audit::Action;
use crate::store::ledger::access::id::KeyId;
use crate::verbs::api::Api;
use crate::verbs::api::error::ApiError;
use crate::verbs::api::request::{checked_name, read};

/// What the caller's key is good for.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct Me {
    /// `root` is the key that the installation was given.
    #[schema(value_type = String)]
    key_id: KeyId,
    name: String,
    scope: Scope,
    /// The tenants that the key is limited to; null for all.
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    tenants: Option<BTreeSet<TenantId>>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Keys, in the order of their names, those revoked within 30 days included.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct KeyList {
    keys: Vec<KeyView>,
}

/// A key, without the key.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct KeyView {
    #[schema(value_type = String)]
    key_id: KeyId,
    name: String,
    scope: Scope,
    /// The tenants that the key is limited to; null for all.
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    tenants: Option<BTreeSet<TenantId>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The key that made it.
    #[schema(value_type = String)]
    created_by: KeyId,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// To within five minutes; null when it was not used since it was made or rotated.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

/// A key that was just made. Nobody can show it again.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct NewKey {
    #[serde(flatten)]
    view: KeyView,
    /// The key itself, for `Authorization: Bearer`.
    key: String,
}

/// A key that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::verbs::api) struct KeyBody {
    /// What people call it, such as where it is used.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    scope: Scope,
    /// The tenants that it is limited to, 1 to 40. All when none are named.
    #[schema(value_type = Option<Vec<uuid::Uuid>>, min_items = 1, max_items = 40)]
    tenants: Option<Vec<String>>,
    /// When it stops to work. Never when nothing is said.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

const KEY: &str = "send {\"name\", \"scope\", \"tenants\", \"expires_at\"} as JSON; scope is read or admin, the last two may be left out";

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            key_id: key.id,
            name: key.name,
            scope: key.scope,
            tenants: key.tenants,
            created_at: key.created_at,
            created_by: key.created_by,
            expires_at: key.valid_until,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// Says what the caller's key is good for.
#[utoipa::path(get, path = "/v1/me", operation_id = "show_me", tag = "keys", responses((status = 200, body = Me)))]
pub(in crate::verbs::api) async fn me(caller: &Caller) -> Result<Response<Bytes>, ApiError> {
    let me = Me {
        key_id: caller.actor.key_id.clone(),
        name: caller.actor.name.clone(),
        scope: caller.scope,
        tenants: caller.tenants.clone(),
        expires_at: caller.expires_at,
    };
    Ok(json_response(StatusCode::OK, &me))
}

/// Lists the keys. The installation's own is not among them.
#[utoipa::path(get, path = "/v1/keys", operation_id = "list_keys", tag = "keys", responses((status = 200, body = KeyList)))]
pub(in crate::verbs::api) async fn list(api: &Api) -> Result<Response<Bytes>, ApiError> {
    let keys = api.ledger.keys().await?.into_iter().map(KeyView::from);
    let list = KeyList {
        keys: keys.collect(),
    };
    Ok(json_response(StatusCode::OK, &list))
}

/// Makes a key. The answer is the only place where it is ever shown.
#[utoipa::path(
    post, path = "/v1/keys", operation_id = "create_key", tag = "keys", request_body = KeyBody,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = NewKey))
)]
pub(in crate::verbs::api) async fn create(
    api: &Api,
    caller: &Caller,
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let asked: KeyBody = read(body, KEY)?;
    let name = checked_name(&asked.name)?;
    let tenants = asked.tenants.as_deref().map(checked_tenants).transpose()?;
    if asked.expires_at.is_some_and(|until| until <= now) {
        let why = "expires_at is over".to_owned();
        return Err(ApiError::BadBody(why, KEY));
    }
    if api.ledger.keys().await?.len() >= KEYS_MAX {
        return Err(ApiError::TooManyKeys);
    }
    let secret = KeySecret::random(KeyId::random());
    let master = api.webhooks.key.versions().await?.current;
    let key = ApiKey {
        id: secret.id().clone(),
        name,
        scope: asked.scope,
        tenants,
        created_at: now,
        created_by: caller.actor.key_id.clone(),
        valid_until: asked.expires_at,
        last_used_at: None,
        revoked_at: None,
        mac: secret.mac(&master),
    };
    let of = match &key.tenants {
        None => "all tenants".to_owned(),
        Some(some) => format!("{} tenants", some.len()),
    };
    let detail = format!("{}, {of}", key.scope.as_str());
    caller
        .note(api, Action::KeyCreate, secret.id(), None, detail)
        .await?;
    if !api.ledger.create_key(&key).await? {
        return Err(ApiError::Busy);
    }
    tracing::info!(key.id = %key.id, "key made");
    Ok(shown(StatusCode::CREATED, key, &secret))
}

/// Ends a key. It stops working within five seconds.
#[utoipa::path(
    delete, path = "/v1/keys/{key_id}", operation_id = "revoke_key", tag = "keys", params(("key_id" = String, Path)),
    responses((status = 204, description = "revoked, now or before"))
)]
pub(in crate::verbs::api) async fn revoke(
    api: &Api,
    caller: &Caller,
    id: &KeyId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    known(api, id).await?;
    caller.note(api, Action::KeyRevoke, id, None, "").await?;
    let revoked = api.ledger.revoke_key(id, now).await?;
    api.access.forget(id);
    if !revoked {
        return Err(ApiError::NoSuchKey);
    }
    tracing::info!(key.id = %id, "key revoked");
    Ok(empty_response(StatusCode::NO_CONTENT))
}

/// Puts another key in the place of one. The old one stops working within five seconds.
#[utoipa::path(
    post, path = "/v1/keys/{key_id}/rotate", operation_id = "rotate_key", tag = "keys",
    params(("key_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = NewKey))
)]
pub(in crate::verbs::api) async fn rotate(
    api: &Api,
    caller: &Caller,
    id: &KeyId,
) -> Result<Response<Bytes>, ApiError> {
    known(api, id).await?;
    let secret = KeySecret::random(id.clone());
    let master = api.webhooks.key.versions().await?.current;
    caller.note(api, Action::KeyRotate, id, None, "").await?;
    let rotated = api.ledger.rotate_key(id, &secret.mac(&master)).await?;
    api.access.forget(id);
    let key = rotated.ok_or(ApiError::NoSuchKey)?;
    tracing::info!(key.id = %id, "key rotated");
    Ok(shown(StatusCode::OK, key, &secret))
}

/// Checks that there is such a key, and that it is one of those kept here.
async fn known(api: &Api, id: &KeyId) -> Result<(), ApiError> {
    if id.is_root() {
        return Err(ApiError::RootKey);
    }
    let known = api.ledger.key(id).await?;
    known.map(drop).ok_or(ApiError::NoSuchKey)
}

fn shown(status: StatusCode, key: ApiKey, secret: &KeySecret) -> Response<Bytes> {
    let new = NewKey {
        view: key.into(),
        key: secret.expose(),
    };
    json_response(status, &new)
}

fn checked_tenants(tenants: &[String]) -> Result<BTreeSet<TenantId>, ApiError> {
    let read = tenants.iter().map(|tenant| tenant.parse());
    let read: Result<BTreeSet<TenantId>, _> = read.collect();
    let read = read.map_err(|_| ApiError::BadTenantId)?;
    if read.is_empty() || read.len() > KEY_TENANTS_MAX {
        let why = format!(
            "tenants names {}, and 1 to {KEY_TENANTS_MAX} fit",
            read.len()
        );
        return Err(ApiError::BadBody(why, KEY));
    }
    Ok(read)
}
