//! The faults of a request: what happens instead of the response, and what happens to it.

use std::time::Duration;

use http::header::{DATE, HeaderValue, LOCATION, RETRY_AFTER};
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};

use crate::api;
use crate::config::FaultKind;
use crate::message::{ApiError, Request, Response, empty, html, marked, shorten};

/// The connection is to be reset instead of a response.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset on purpose")]
pub(super) struct Reset;

/// Applies the faults that act before the request is answered. `Some` is a response in place of the right one.
pub(super) async fn before(
    request: &mut Request,
    struck: &[FaultKind],
) -> Result<Option<Response>, Reset> {
    let mut instead = None;
    for kind in struck {
        match kind {
            FaultKind::Delay { milliseconds } => {
                tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
            }
            FaultKind::Reset => return Err(Reset),
            FaultKind::WebhookVanishes
            | FaultKind::WebhookDisabled
            | FaultKind::WebhookExpires
            | FaultKind::SubscriptionDisabled => change_subscriptions(request, kind),
            FaultKind::ForeignContentUri { host } => request.foreign_host = Some(host.clone()),
            _ => instead = instead.or_else(|| fault_response(request, kind)),
        }
    }
    Ok(instead)
}

/// Applies the faults that change a body before it is compressed.
pub(super) fn spoil(response: Response, struck: &[FaultKind]) -> Response {
    if struck.contains(&FaultKind::ByteOrderMark) {
        marked(response)
    } else {
        response
    }
}

/// Applies the faults that change a response: its body ends early, or its date is off.
pub(super) fn after(mut response: Response, struck: &[FaultKind], now: Timestamp) -> Response {
    let mut date = now;
    for kind in struck {
        match kind {
            FaultKind::CutBody { after_bytes } => response = shorten(response, *after_bytes, true),
            FaultKind::ShortBody { after_bytes } => {
                response = shorten(response, *after_bytes, false);
            }
            FaultKind::WrongDate { seconds } => {
                let wrong = date.saturating_add(SignedDuration::from_secs(*seconds));
                date = wrong.unwrap_or(date);
                response.headers_mut().insert(DATE, http_date(date));
            }
            _ => {}
        }
    }
    response
}

/// A time as the `Date` header spells it.
pub(super) fn http_date(at: Timestamp) -> HeaderValue {
    // Only years before 1 and after 9999 have no such form.
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .ok()
        .and_then(|text| HeaderValue::from_str(&text).ok())
        .unwrap_or(HeaderValue::from_static("0"))
}

/// The response that a fault gives in place of the right one, if it gives any.
fn fault_response(request: &Request, kind: &FaultKind) -> Option<Response> {
    Some(match kind {
        FaultKind::Error {
            status,
            code,
            message,
        } => ApiError::new(*status, code, message).response(),
        FaultKind::Throttle {
            status,
            retry_after_seconds,
        } => {
            let mut response = api::throttled(
                request,
                status.unwrap_or(request.shared.config.behaviour.throttled_status),
            );
            if let Some(seconds) = retry_after_seconds {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            response
        }
        FaultKind::Internal { in_an_hour } => api::internal(*in_an_hour),
        FaultKind::Html { status } => html(
            *status,
            "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n<html><head><title>Service Unavailable</title></head><body><h2>Our services aren't available right now</h2><p>We're working to restore all services as soon as possible. Please check back soon.</p></body></html>",
        ),
        FaultKind::Redirect { status, location } => {
            let mut response = empty(*status);
            if let Ok(location) = HeaderValue::from_str(location) {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        FaultKind::Empty { status } => empty(*status),
        _ => return None,
    })
}

/// Changes the subscriptions that the request is for, as Microsoft does without being asked.
fn change_subscriptions(request: &Request, kind: &FaultKind) {
    let (Some(tenant), content_type) = (request.tenant(), request.content_type()) else {
        return;
    };
    let now = request.shared.now();
    let mut world = request.shared.world();
    let Some(tenant) = world.tenants.get_mut(&tenant) else {
        return;
    };
    for ((_, of), subscription) in &mut tenant.subscriptions {
        if content_type.is_some_and(|content_type| content_type != *of) {
            continue;
        }
        match (kind, &mut subscription.webhook) {
            (FaultKind::WebhookVanishes, webhook) => *webhook = None,
            (FaultKind::WebhookDisabled, Some(webhook)) => webhook.disabled = true,
            (FaultKind::WebhookExpires, Some(webhook)) => webhook.expiration = Some(now),
            (FaultKind::SubscriptionDisabled, _) => subscription.disable(),
            _ => {}
        }
    }
}
