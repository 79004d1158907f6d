//! The doctor: an ordered list of checks of one tenant, asked of Microsoft and of our own stores, each with what it means and
//! what to do. It changes nothing: no start, no stop, nothing written.

mod entra;
mod evidence;
mod finding;
mod flow;
mod gather;
mod house;
mod subscriptions;
mod verdict;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;
use serde::Serialize;

use self::evidence::Evidence;
use self::finding::{Check, Id};
use self::gather::{gather, in_time};
use self::verdict::{Verdict, verdict};
use super::Api;
use super::error::ApiError;
use crate::response::json_response;

/// What the doctor says.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Report {
    #[schema(value_type = uuid::Uuid)]
    tenant_id: TenantId,
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    verdict: Verdict,
    sentence: String,
    checks: Vec<Check>,
}

/// Examines a tenant. That our own table cannot be read is no error here: it is the first thing that a doctor must be able to
/// say.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/check", operation_id = "check_tenant", tag = "tenants",
    params(("tenant_id" = uuid::Uuid, Path)),
    responses((status = 200, body = Report))
)]
pub(super) async fn check(
    api: &Api,
    id: TenantId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let registered = in_time("DynamoDB", api.ledger.registered(id)).await;
    let (checks, (verdict, sentence)) = match registered {
        Ok(None) => return Err(ApiError::NotRegistered),
        Ok(Some(registered)) => {
            let seen = Box::pin(gather(api, registered, now)).await;
            let checks = examine(&seen);
            let verdict = verdict(Some(&seen), &checks);
            (checks, verdict)
        }
        Err(why) => {
            let checks = blind(&why);
            let verdict = verdict(None, &checks);
            (checks, verdict)
        }
    };
    tracing::info!(tenant.id = %id, ?verdict, "tenant examined");
    let report = Report {
        tenant_id: id,
        as_of: now,
        verdict,
        sentence,
        checks,
    };
    Ok(json_response(StatusCode::OK, &report))
}

/// All checks, in their order.
fn examine(seen: &Evidence) -> Vec<Check> {
    let mut checks = entra::checks(seen);
    let auditing = subscriptions::auditing(seen);
    let subscriptions = subscriptions::subscriptions(seen, &auditing);
    checks.extend([auditing, subscriptions::licence(seen)]);
    checks.extend(subscriptions);
    checks.extend(subscriptions::webhooks(seen));
    checks.extend([
        subscriptions::reachable(seen),
        flow::last_notification(seen),
        flow::last_content(seen),
        flow::lag(seen),
        flow::throttling(seen),
        flow::open_blobs(seen),
        flow::losses(seen),
        house::stores(seen),
        house::clock(seen),
        house::state(seen),
    ]);
    checks
}

/// The checks when not even the registration can be read: nothing is known of the tenant.
fn blind(why: &str) -> Vec<Check> {
    const OTHERS: [Id; 18] = [
        Id::LoginHost,
        Id::Application,
        Id::Credential,
        Id::Consent,
        Id::Roles,
        Id::Auditing,
        Id::Licence,
        Id::Subscription,
        Id::WebhookConfigured,
        Id::WebhookReachable,
        Id::LastNotification,
        Id::LastContent,
        Id::Lag,
        Id::Throttling,
        Id::OpenBlobs,
        Id::Losses,
        Id::Clock,
        Id::State,
    ];
    let unknown = |id| Check::unknown(id, "Not known: the registration cannot be read.");
    let mut checks: Vec<Check> = OTHERS.into_iter().map(unknown).collect();
    checks.push(house::stores_failed(why));
    checks.sort_by_key(|check| check.of);
    checks
}
