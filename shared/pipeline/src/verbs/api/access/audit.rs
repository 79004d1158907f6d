//! The audit log, read.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::response::json_response;
use crate::store::ledger::access::audit::{AuditPage, Entry};
use crate::store::ledger::access::id::{EntryId, KeyId};
use crate::verbs::api::Api;
use crate::verbs::api::error::ApiError;
use crate::verbs::api::query::Query;

/// Entries of a page when no limit is named.
const ENTRIES_PAGE: usize = 50;

/// A page of changes, the newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct AuditLog {
    entries: Vec<EntryView>,
    /// The `cursor` of the next page. A page may be empty and have one: then there was more to search than one request may.
    #[schema(value_type = Option<uuid::Uuid>)]
    next_cursor: Option<EntryId>,
}

/// A change, or one that was tried.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct EntryView {
    #[schema(value_type = uuid::Uuid)]
    id: EntryId,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    actor: ActorView,
    /// The thing, a dot, the verb.
    #[schema(examples("tenant.register"))]
    action: String,
    /// What it was done to.
    target: String,
    #[schema(value_type = Option<uuid::Uuid>)]
    tenant_id: Option<TenantId>,
    /// Where the request came from.
    source_ip: Option<String>,
    detail: String,
}

/// Who made a change.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct ActorView {
    #[schema(value_type = String)]
    key_id: KeyId,
    /// What people called the key at that time.
    name: String,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            at: entry.id.at(),
            id: entry.id,
            actor: ActorView {
                key_id: entry.actor.key_id,
                name: entry.actor.name,
            },
            action: entry.action,
            target: entry.target,
            tenant_id: entry.tenant_id,
            source_ip: entry.actor.source.map(|source| source.to_string()),
            detail: entry.detail,
        }
    }
}

/// Lists changes, the newest first.
#[utoipa::path(
    get, path = "/v1/audit-log", operation_id = "list_changes", tag = "audit log",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, description = "At most 200, 50 when nothing is said"),
        ("cursor" = Option<uuid::Uuid>, Query, description = "The next_cursor of the page before"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only changes of this tenant"),
    ),
    responses((status = 200, body = AuditLog))
)]
pub(in crate::verbs::api) async fn list(
    api: &Api,
    query: Query,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let limit = query.limit.map_or(ENTRIES_PAGE, usize::from);
    let AuditPage { entries, next } = api
        .ledger
        .audit_log(query.cursor()?, query.tenant_id, limit, now)
        .await?;
    let log = AuditLog {
        entries: entries.into_iter().map(EntryView::from).collect(),
        next_cursor: next,
    };
    Ok(json_response(StatusCode::OK, &log))
}
