//! Arrow 1: Microsoft calls the webhook.
//!
//! 200 with an empty body only when every genuine item is durable in the queue, because any other 2xx counts as a failure at
//! Microsoft and anything before durability would be a promise not kept. Otherwise 503: Microsoft tries again, and the sweep
//! finds what it does not bring.
//!
//! Checks are in the order of their cost, and authenticity comes before anything in the body is looked at:
//!
//! | answer | when |
//! |---|---|
//! | 404 | the path is not `/v1/notifications/{tenant GUID}/{content type}` |
//! | 405 | another method than POST |
//! | 413 | the body is longer than [`BODY_BYTES_MAX`] or has too many items |
//! | 401 | `Webhook-AuthID` is missing, repeated, or not the one of this tenant and type |
//! | 400 | the body is neither the validation object nor an array of items |
//! | 503 | the key cannot be read, or an item is not durable |
//! | 200 | it is the validation call, by its body or by its `Webhook-ValidationCode` header |
//! | 200 | all done; items that are malformed or belong elsewhere are logged and dropped |

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use office365::notification::{self, Body, Notification, ParseError};
use office365::{AllowedHosts, ContentType, TenantId};
use uuid::Uuid;

use crate::aws::AwsError;
use crate::aws::secrets::{Secret, Versions};
use crate::clock::{earlier, later};
use crate::content::{ContentRef, DiscoveredBy};
use crate::logging::{field, message};
use crate::response::empty_response;
use crate::store::queue::{Message, Queue};
use crate::teeth::{Tooth, bites};
use crate::verbs::subscription::webhook::{NOTIFICATIONS_PATH, check_keys, is_authentic};

/// Longest body taken, in bytes. Lambda's synchronous payload ends at 6 MB with headers and escapes in it; an item has some
/// 600 bytes, so this is more than Microsoft has ever been seen to send.
pub const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Time for all of it: Microsoft's patience is undocumented, one client assumes 5 s.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(4_500);

/// Longest life of content that is believed: 7 days are documented, 21 were measured.
const CONTENT_LIVES_MAX: Duration = Duration::from_secs(60 * 24 * 3600);

/// How far Microsoft's clock may be ahead of ours.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(24 * 3600);

/// The header in which Microsoft sends back what the subscription was started with.
const AUTH_ID: &str = "webhook-authid";

/// Set on the call that checks the address during a start.
const VALIDATION_CODE: &str = "webhook-validationcode";

/// What the receiver works with.
#[derive(Debug)]
pub struct Receiver {
    /// Our app registration: notifications name it.
    pub client_id: Uuid,
    /// Master key of the authIds.
    pub webhook_key: Secret,
    /// Where content may lie.
    pub hosts: AllowedHosts,
    /// Where descriptors go.
    pub queue: Queue,
}

/// Answers one call. Never fails: every fault is a status.
pub async fn handle(
    receiver: &Receiver,
    request: Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let answered = tokio::time::timeout(ANSWER_WITHIN, answer(receiver, &request, now)).await;
    let status = answered.unwrap_or_else(|_| {
        tracing::error!("notification not enqueued in time, Microsoft will try again");
        StatusCode::SERVICE_UNAVAILABLE
    });
    empty_response(status)
}

async fn answer(receiver: &Receiver, request: &Request<Bytes>, now: Timestamp) -> StatusCode {
    let Some((tenant, content_type)) = subscription_of(request.uri().path()) else {
        return StatusCode::NOT_FOUND;
    };
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    if request.body().len() > BODY_BYTES_MAX {
        tracing::warn!(
            body.bytes = request.body().len(),
            "notification refused: too large"
        );
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    match authenticate(receiver, request, tenant, content_type).await {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!("notification refused: Webhook-AuthID is missing or wrong");
            return StatusCode::UNAUTHORIZED;
        }
        Err(status) => return status,
    }
    match notification::parse(request.body()) {
        Ok(Body::Validation { .. }) => {
            tracing::info!({ field::TENANT_ID } = %tenant, { field::CONTENT_TYPE } = %content_type, "{}", message::WEBHOOK_VALIDATED);
            StatusCode::OK
        }
        // The validation call is known by its header too, should its body ever change.
        Err(_) if request.headers().contains_key(VALIDATION_CODE) => StatusCode::OK,
        Ok(Body::Notifications(items)) => enqueue(receiver, tenant, content_type, items, now).await,
        Err(ParseError::TooMany) => StatusCode::PAYLOAD_TOO_LARGE,
        Err(error) => {
            tracing::warn!(tenant.id = %tenant, content.type = %content_type, %error, "notification refused");
            StatusCode::BAD_REQUEST
        }
    }
}

/// The tenant and content type of a webhook address.
fn subscription_of(path: &str) -> Option<(TenantId, ContentType)> {
    let rest = path.strip_prefix(NOTIFICATIONS_PATH)?.strip_prefix('/')?;
    let (tenant, content_type) = rest.split_once('/')?;
    Some((tenant.parse().ok()?, content_type.parse().ok()?))
}

async fn authenticate(
    receiver: &Receiver,
    request: &Request<Bytes>,
    tenant: TenantId,
    content_type: ContentType,
) -> Result<bool, StatusCode> {
    let mut presented = request.headers().get_all(AUTH_ID).iter();
    let (Some(auth_id), None) = (presented.next(), presented.next()) else {
        return Ok(false);
    };
    let opens = |keys: &Versions| is_authentic(auth_id.as_bytes(), keys, tenant, content_type);
    let keys = usable(receiver.webhook_key.versions().await)?;
    if opens(&keys) {
        return Ok(true);
    }
    // The key may have been rotated since it was read.
    let keys = usable(receiver.webhook_key.rechecked().await)?;
    Ok(opens(&keys))
}

fn usable(keys: Result<Versions, AwsError>) -> Result<Versions, StatusCode> {
    let keys = keys.map_err(|error| {
        tracing::error!(%error, "webhook key cannot be read, no notification can be checked");
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    check_keys(&keys).map_err(|error| {
        tracing::error!(%error, "webhook key cannot be used");
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    Ok(keys)
}

async fn enqueue(
    receiver: &Receiver,
    tenant: TenantId,
    content_type: ContentType,
    items: Vec<Result<Notification, notification::ItemError>>,
    now: Timestamp,
) -> StatusCode {
    let announced = items.len();
    let mut seen = HashSet::new();
    let mut messages = Vec::with_capacity(announced);
    for item in items {
        match checked(receiver, tenant, content_type, item) {
            Ok(blob) if !is_plausible(&blob, now) => {
                tracing::warn!(tenant.id = %tenant, content.type = %content_type, content.id = %blob.content_id, "notification dropped: the content has expired, or its times are absurd");
            }
            Ok(blob) => {
                if seen.insert(blob.content_id.clone()) {
                    messages.push(Message::new(blob, DiscoveredBy::Notification));
                }
            }
            Err(why) => {
                tracing::warn!(tenant.id = %tenant, content.type = %content_type, why, "notification dropped: it does not belong here");
            }
        }
    }
    if bites(Tooth::FirstItemOnly) {
        messages.truncate(1);
    }
    if let Err(error) = receiver.queue.send(&messages).await
        && !bites(Tooth::EnqueueFailureIgnored)
    {
        tracing::error!(tenant.id = %tenant, content.type = %content_type, %error, "notification not enqueued, Microsoft will try again");
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    tracing::info!({ field::TENANT_ID } = %tenant, { field::CONTENT_TYPE } = %content_type, items = announced, { field::ENQUEUED } = messages.len(), "{}", message::NOTIFICATION_ENQUEUED);
    if bites(Tooth::Accepted202) {
        return StatusCode::ACCEPTED;
    }
    StatusCode::OK
}

/// Whether the times are such that the blob can be fetched: created lately, not expired, not kept for ever. The day becomes
/// a partition of the lake and the expiration a time to live, so an absurd one would do harm.
fn is_plausible(blob: &ContentRef, now: Timestamp) -> bool {
    blob.content_created >= earlier(now, CONTENT_LIVES_MAX)
        && blob.content_created <= later(now, CLOCK_SKEW_MAX)
        && blob.content_expiration > now
        && blob.content_expiration <= later(now, CONTENT_LIVES_MAX)
}

fn checked(
    receiver: &Receiver,
    tenant: TenantId,
    content_type: ContentType,
    item: Result<Notification, notification::ItemError>,
) -> Result<ContentRef, String> {
    let item = item.map_err(|error| error.to_string())?;
    let tenant = match bites(Tooth::TenantFromBody) {
        true => item.tenant_id,
        false => tenant,
    };
    let content = item
        .check(tenant, receiver.client_id, content_type)
        .map_err(|error| error.to_string())?;
    if let Err(why) = item.check_address(&receiver.hosts) {
        tracing::warn!(tenant.id = %tenant, content.type = %content_type, content.id = %content.content_id, %why, "announced blob has an unexpected address, it is fetched by its id");
    }
    Ok(ContentRef::new(tenant, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_path_is_a_webhook() {
        let good = "/v1/notifications/11111111-2222-4333-8444-555555555555/Audit.Exchange";
        assert!(subscription_of(good).is_some());
        for bad in [
            "/",
            "/v1/notifications",
            "/v1/notifications/",
            "/v1/notifications/11111111-2222-4333-8444-555555555555",
            "/v1/notifications/11111111-2222-4333-8444-555555555555/",
            "/v1/notifications/11111111-2222-4333-8444-555555555555/Audit.Exchange/",
            "/v1/notifications/11111111-2222-4333-8444-555555555555/Audit.Mail",
            "/v1/notifications/00000000-0000-0000-0000-000000000000/Audit.Exchange",
            "/v1/notifications/nobody/Audit.Exchange",
            "/v2/notifications/11111111-2222-4333-8444-555555555555/Audit.Exchange",
        ] {
            assert_eq!(subscription_of(bad), None, "{bad}");
        }
    }
}
