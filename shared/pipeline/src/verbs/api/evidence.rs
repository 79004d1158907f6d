//! What was delivered, what was not, and how far the first listing is.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::{ContentType, TenantId};

use super::Api;
use super::access::Caller;
use super::answer::{Backfill, BackfillOf, CertificateList, LossList};
use super::error::ApiError;
use super::query::Query;
use super::request::{self, AcknowledgementBody};
use crate::certificate::certificates;
use crate::clock::{Hour, earlier};
use crate::response::json_response;
use crate::store::ledger::access::audit::Action;
use crate::store::ledger::loss::{LOSSES_PAGE_MAX, Loss, LossId};
use crate::store::ledger::registry::Tenant;
use crate::store::ledger::sweep::TypeSweep;

/// Longest period of certificates in one answer: a week and a day, 960 rows and Queries for five content types. Older days are
/// in the lake.
pub(super) const CERTIFICATE_SPAN_MAX: Duration = Duration::from_secs(8 * 24 * 3600);

/// Period of certificates when none is named.
const CERTIFICATE_SPAN: Duration = Duration::from_secs(24 * 3600);

/// Losses of a page when no limit is named.
const LOSSES_PAGE: u16 = 100;

/// Certificates of hours.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/certificate", operation_id = "show_certificate", tag = "evidence",
    params(("tenant_id" = uuid::Uuid, Path), ("from" = Option<String>, Query, format = DateTime), ("to" = Option<String>, Query, format = DateTime), ("content_type" = Option<String>, Query)),
    responses((status = 200, body = CertificateList))
)]
pub(super) async fn certificate(
    api: &Api,
    id: TenantId,
    query: Query,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let tenant = tenant(api, id).await?;
    let to = query.to.unwrap_or(now).min(now);
    let from = query.from.unwrap_or(earlier(to, CERTIFICATE_SPAN));
    if from >= to || from < earlier(to, CERTIFICATE_SPAN_MAX) {
        return Err(ApiError::BadPeriod);
    }
    let types = match query.content_type {
        Some(one) => vec![one],
        None => tenant.content_types,
    };
    let hours = certificates(&api.ledger, id, &types, (from, to), now).await?;
    let list = CertificateList {
        tenant_id: id,
        from,
        to,
        hours,
    };
    Ok(json_response(StatusCode::OK, &list))
}

/// A page of losses, the newest first. They outlive the registration.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/losses", operation_id = "list_losses", tag = "evidence",
    params(("tenant_id" = uuid::Uuid, Path), ("limit" = Option<u16>, Query, minimum = 1, description = "At most 200"), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = LossList))
)]
pub(super) async fn losses(
    api: &Api,
    id: TenantId,
    query: Query,
) -> Result<Response<Bytes>, ApiError> {
    let after: Option<LossId> = query.cursor()?;
    let limit = query.limit.unwrap_or(LOSSES_PAGE).min(LOSSES_PAGE_MAX);
    let page = api.ledger.losses(id, after.as_ref(), limit).await?;
    if page.losses.is_empty() && after.is_none() {
        tenant(api, id).await?;
    }
    let list = LossList {
        losses: page.losses,
        next_cursor: page.next,
    };
    Ok(json_response(StatusCode::OK, &list))
}

/// Notes that somebody knows of a loss.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/losses/{loss_id}/acknowledge", operation_id = "acknowledge_loss", tag = "evidence",
    request_body = AcknowledgementBody,
    params(("tenant_id" = uuid::Uuid, Path), ("loss_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Loss))
)]
pub(super) async fn acknowledge(
    api: &Api,
    caller: &Caller,
    id: TenantId,
    loss: &LossId,
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let note = request::note(body)?;
    caller
        .note(api, Action::LossAcknowledge, loss, Some(id), "")
        .await?;
    let acknowledged = api.ledger.acknowledge(id, loss, &note, now).await?;
    let loss = acknowledged.ok_or(ApiError::NoSuchLoss)?;
    tracing::info!(tenant.id = %id, loss.id = %loss.id, "loss acknowledged");
    Ok(json_response(StatusCode::OK, &loss))
}

/// How far the first listing of each content type is.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/backfill", operation_id = "show_backfill", tag = "evidence", params(("tenant_id" = uuid::Uuid, Path)),
    responses((status = 200, body = Backfill))
)]
pub(super) async fn backfill(api: &Api, id: TenantId) -> Result<Response<Bytes>, ApiError> {
    let tenant = tenant(api, id).await?;
    let state = api.ledger.sweep_state(id).await?.unwrap_or_default();
    let of = |of: &ContentType| backfill_of(*of, state.types.get(of));
    let content_types: Vec<BackfillOf> = tenant.content_types.iter().map(of).collect();
    let backfill = Backfill {
        tenant_id: id,
        hours: content_types.iter().map(|of| of.hours).sum(),
        hours_done: content_types.iter().map(|of| of.hours_done).sum(),
        content_types,
    };
    Ok(json_response(StatusCode::OK, &backfill))
}

/// The hours of the first listing, and those before the watermark.
fn backfill_of(content_type: ContentType, sweep: Option<&TypeSweep>) -> BackfillOf {
    let period = sweep.and_then(|sweep| sweep.begun_at.zip(sweep.begun_until));
    let listed_until = sweep.and_then(|sweep| sweep.watermark);
    let hours = |until: Timestamp| {
        period.map_or(0, |(from, to)| {
            Hour::between(from, until.min(to)).count() as u64
        })
    };
    let all = hours(Timestamp::MAX);
    let is_done = period
        .zip(listed_until)
        .is_some_and(|((_, to), mark)| mark >= to);
    // The hour that the watermark lies in is not done.
    let done = listed_until.map_or(0, |mark| hours(Hour::of(mark).start()));
    BackfillOf {
        content_type,
        state: match (period, is_done) {
            (None, _) => "waiting",
            (Some(_), false) => "running",
            (Some(_), true) => "done",
        },
        from: period.map(|(from, _)| from),
        to: period.map(|(_, to)| to),
        listed_until,
        hours: all,
        hours_done: if is_done { all } else { done },
    }
}

async fn tenant(api: &Api, id: TenantId) -> Result<Tenant, ApiError> {
    let tenant = api.ledger.tenant(id).await?;
    tenant.ok_or(ApiError::NotRegistered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mark: Option<&str>, expect: (&str, u64, u64)) {
        let at = |text: &str| text.parse().unwrap();
        let sweep = TypeSweep {
            watermark: mark.map(at),
            begun_at: Some(at("2026-03-01T10:00:00Z")),
            begun_until: Some(at("2026-03-08T09:30:00Z")),
            ..TypeSweep::default()
        };
        let of = backfill_of(ContentType::DlpAll, Some(&sweep));
        assert_eq!((of.state, of.hours_done, of.hours), expect, "{mark:?}");
    }

    #[test]
    fn a_backfill_is_told_in_hours_done_of_all() {
        check(None, ("running", 0, 168));
        check(Some("2026-03-01T10:00:00Z"), ("running", 0, 168));
        check(Some("2026-03-02T10:40:00Z"), ("running", 24, 168));
        check(Some("2026-03-08T09:30:00Z"), ("done", 168, 168));
        check(Some("2026-04-08T09:30:00Z"), ("done", 168, 168));
        let waiting = backfill_of(ContentType::DlpAll, None);
        assert_eq!((waiting.state, waiting.hours), ("waiting", 0));
    }
}
