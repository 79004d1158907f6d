//! The HTTP server: connections, routing, faults, headers, the journal.

use std::error::Error;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, DATE, EXPIRES, HeaderName, HeaderValue, PRAGMA, RETRY_AFTER,
    SERVER,
};
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::{SignedDuration, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::answer::{Answer, Body, Refusal, empty, gzipped, html, shorten};
use crate::call::Call;
use crate::fault::{FaultKind, Moment, Occasion};
use crate::query::Query;
use crate::route::{method_fits, route};
use crate::shared::Shared;
use crate::world::{Operation, RequestSeen};
use crate::{control, feed, login};

/// Largest body taken. Starts and token requests have some hundred bytes; a blob published by hand through the control API may have more.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An idle connection is closed after this.
const HEADER_TIMEOUT: Duration = Duration::from_secs(120);

/// Wait after a failed accept (no file descriptors left), so that it is not a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The connection shall be reset instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset on purpose")]
struct Reset;

/// Accepts connections until the emulator stops.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => shared.spawn(connection(stream, Arc::clone(&shared))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Small answers in one packet each; a failure only costs speed.
    let _ = stream.set_nodelay(true);
    let title_case = shared.config.rules.title_case_headers;
    let service = service_fn(move |request| Box::pin(handle(request, Arc::clone(&shared))));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .title_case_headers(title_case);
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = poll_fn(|context| connection.poll_without_shutdown(context)).await {
        tracing::debug!(%error, "a connection ended early");
        if error.source().is_some_and(<dyn Error>::is::<Reset>) {
            // Without lingering the system sends RST instead of FIN.
            let _ = connection.into_parts().io.into_inner().set_zero_linger();
        }
    }
}

async fn handle(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Reset> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(empty(413)),
        Err(_) => return Err(Reset),
    };
    let mut call = Call {
        target: parts
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        route: route(parts.uri.path()),
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        method: parts.method,
        headers: parts.headers,
        body,
        shared,
        foreign_host: None,
        claims: OnceLock::new(),
    };
    if call.route.operation == Operation::Control {
        return Ok(control::answer(&call));
    }
    let answered = with_faults(&mut call).await;
    record(
        &call,
        answered
            .as_ref()
            .map_or(0, |answer| answer.status().as_u16()),
    );
    answered
}

async fn with_faults(call: &mut Call) -> Result<Answer, Reset> {
    let struck = call.shared.strike(&Occasion {
        moment: Moment::Request,
        operation: call.route.operation,
        tenant: call.tenant(),
        content_type: call.content_type(),
    });
    let mut instead = None;
    for kind in &struck {
        match kind {
            FaultKind::Delay { milliseconds } => {
                tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
            }
            FaultKind::Reset => return Err(Reset),
            FaultKind::WebhookVanishes => vanish_webhook(call),
            FaultKind::ForeignContentUri { host } => call.foreign_host = Some(host.clone()),
            _ => instead = instead.or_else(|| fault_answer(call, kind)),
        }
    }
    let mut answer = match instead {
        Some(answer) => answer,
        None => dispatch(call).await,
    };
    let accepts = call
        .headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    if call.shared.config.rules.gzip && accepts.is_some_and(|accepts| accepts.contains("gzip")) {
        answer = gzipped(answer);
    }
    let mut date = call.shared.now();
    for kind in struck {
        match kind {
            FaultKind::CutBody { after_bytes } => answer = shorten(answer, after_bytes, true),
            FaultKind::ShortBody { after_bytes } => answer = shorten(answer, after_bytes, false),
            FaultKind::WrongDate { seconds } => {
                date = date
                    .saturating_add(SignedDuration::from_secs(seconds))
                    .unwrap_or(date);
            }
            _ => {}
        }
    }
    add_headers(&mut answer, date);
    Ok(answer)
}

/// The answer that a fault gives instead of the right one.
fn fault_answer(call: &Call, kind: &FaultKind) -> Option<Answer> {
    Some(match kind {
        FaultKind::Error {
            status,
            code,
            message,
        } => Refusal::new(*status, code, message).answer(),
        FaultKind::Throttle {
            status,
            retry_after_seconds,
        } => {
            let mut answer = feed::throttled(
                call,
                status.unwrap_or(call.shared.config.rules.throttled_status),
            );
            if let Some(seconds) = retry_after_seconds {
                answer
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            answer
        }
        FaultKind::Internal { in_an_hour } => feed::internal(*in_an_hour),
        FaultKind::Html { status } => html(
            *status,
            "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n<html><head><title>Service Unavailable</title></head><body><h2>Our services aren't available right now</h2><p>We're working to restore all services as soon as possible. Please check back soon.</p></body></html>",
        ),
        FaultKind::Empty { status } => empty(*status),
        _ => return None,
    })
}

async fn dispatch(call: &Call) -> Answer {
    if !method_fits(&call.route, &call.method) {
        call.shared.violate(
            "wrong_method",
            call.tenant(),
            format!("{} {}", call.method, call.target),
        );
        return Refusal::new(
            405,
            "MethodNotAllowed",
            "The requested resource does not support this http method.",
        )
        .answer();
    }
    match call.route.operation {
        Operation::Token => login::token(call).await,
        Operation::Consent => login::consent(call),
        Operation::Unknown => {
            call.shared.violate(
                "unknown_address",
                call.tenant(),
                format!("{} {}", call.method, call.target),
            );
            Refusal::new(
                404,
                "EmulatorUnknownAddress",
                format!("Microsoft serves no such address: {}", call.route.rest),
            )
            .answer()
        }
        _ => feed::answer(call).await,
    }
}

fn vanish_webhook(call: &Call) {
    let (Some(tenant), content_type) = (call.tenant(), call.content_type()) else {
        return;
    };
    if let Some(tenant) = call.shared.world().tenants.get_mut(&tenant) {
        for ((_, of), subscription) in &mut tenant.subscriptions {
            if content_type.is_none_or(|content_type| content_type == *of) {
                subscription.webhook = None;
            }
        }
    }
}

/// The headers that the API's servers were seen to send. `Date` is the emulator's clock.
fn add_headers(answer: &mut Answer, date: Timestamp) {
    let headers = answer.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-cache"),
        (PRAGMA, "no-cache"),
        (EXPIRES, "-1"),
        (SERVER, "Microsoft-IIS/10.0"),
        (HeaderName::from_static("x-aspnet-version"), "4.0.30319"),
        (HeaderName::from_static("x-powered-by"), "ASP.NET"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(value) = HeaderValue::from_str(&date) {
        headers.insert(DATE, value);
    }
    if let Ok(value) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert(HeaderName::from_static("mise-correlation-id"), value);
    }
}

fn record(call: &Call, status: u16) {
    call.shared.journal().request(RequestSeen {
        at: call.shared.now(),
        operation: call.route.operation,
        method: call.method.to_string(),
        target: call.target.clone(),
        tenant: call.tenant(),
        token_tenant: call.claims().map(|claims| claims.tid),
        content_type: call.content_type(),
        publisher: call.query.get("PublisherIdentifier").map(str::to_owned),
        status,
    });
}
