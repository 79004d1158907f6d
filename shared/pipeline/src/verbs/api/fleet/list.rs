//! The list of tenants: all of them by their ids, or those that are looked for.

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;

use crate::response::json_response;
use crate::store::ledger::registry::TENANTS_PAGE_MAX;
use crate::verbs::api::Api;
use crate::verbs::api::access::Caller;
use crate::verbs::api::answer::{Listed, TenantList, TenantView};
use crate::verbs::api::error::ApiError;
use crate::verbs::api::manners::etag;
use crate::verbs::api::query::Query;

/// Sweep states of a page of tenants that are read at once.
const READ_AT_ONCE: usize = 16;

/// A page of the tenants that the key is good for: by their ids as they are now, or searched, filtered and sorted among all of
/// them as they were some seconds ago.
#[utoipa::path(
    get, path = "/v1/tenants", operation_id = "list_tenants", tag = "tenants",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, description = "At most 100"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the page before"),
        ("search" = Option<String>, Query, description = "A part of a name or an id"),
        ("state" = Option<String>, Query, description = "needs_you, lost, catching_up, waiting or complete"),
        ("sort" = Option<String>, Query, description = "trouble: who needs somebody first; or id"),
        ("If-None-Match" = Option<String>, Header),
    ),
    responses((status = 200, body = TenantList), (status = 304, description = "as it was"))
)]
pub(in crate::verbs::api) async fn list(
    api: &Api,
    caller: &Caller,
    query: Query,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let limit = query.limit.map_or(TENANTS_PAGE_MAX, usize::from);
    if query.search.is_some() || query.state.is_some() || query.by_trouble {
        return Box::pin(choose(api, &query, limit, |id| caller.sees(id), now)).await;
    }
    let after = query.cursor()?;
    let page = match &caller.tenants {
        None => api.ledger.tenants(after, limit).await?,
        Some(some) => api.ledger.some_tenants(some, after, limit).await?,
    };
    let has_webhook = api.has_webhook();
    let findings = api.fleet.findings(&api.detections, now).await;
    let findings = findings.as_deref();
    let each = page.tenants.into_iter().map(|read| async move {
        match read {
            Ok(registered) => {
                let id = registered.tenant.tenant_id;
                let swept = api.ledger.sweep_state(id).await;
                let view = TenantView::new(registered, swept, has_webhook, now);
                let view = view.with_findings(findings);
                Listed::Tenant(Box::new(view))
            }
            Err(unreadable) => Listed::Unreadable {
                tenant_id: unreadable.tenant_id,
                error: unreadable.error.to_string(),
            },
        }
    });
    let each: Vec<_> = each.collect();
    let list = TenantList {
        tenants: stream::iter(each).buffered(READ_AT_ONCE).collect().await,
        next_cursor: page.next.map(|id| id.to_string()),
    };
    Ok(etag::tagged(json_response(StatusCode::OK, &list), None))
}

/// A page of the tenants that fit, of the last look at all of them.
async fn choose(
    api: &Api,
    query: &Query,
    limit: usize,
    sees: impl Fn(TenantId) -> bool,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let has_webhook = api.has_webhook();
    let snapshot = api.snapshot(now).await?;
    let findings = api.fleet.findings(&api.detections, now).await;
    let limit = limit.min(TENANTS_PAGE_MAX);
    let (page, next_cursor) = snapshot.page(query, limit, sees)?;
    let shown = page.into_iter().map(|member| match &member.read {
        Ok(registered) => {
            let swept = Ok(member.sweep.clone());
            let view = TenantView::new(registered.clone(), swept, has_webhook, now);
            let view = view.with_findings(findings.as_deref());
            Listed::Tenant(Box::new(view))
        }
        Err(unreadable) => Listed::Unreadable {
            tenant_id: unreadable.tenant_id,
            error: unreadable.error.to_string(),
        },
    });
    let list = TenantList {
        tenants: shown.collect(),
        next_cursor,
    };
    Ok(etag::tagged(json_response(StatusCode::OK, &list), None))
}
