//! One request: what answers it, and its entry in the journal.

use std::sync::{Arc, OnceLock};

use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, DATE, EXPIRES, HeaderName, HeaderValue, PRAGMA, SERVER,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use jiff::Timestamp;
use uuid::Uuid;

use super::faults::{self, Reset};
use crate::message::{ApiError, Query, Request, Response, empty, gzipped, method_fits, route};
use crate::operation::Operation;
use crate::world::{FaultContext, InjectionPoint, RequestSeen, SharedState};
use crate::{api, control, login};

/// Largest body taken. Starts and token requests have some hundred bytes; a blob published by hand through the control API may have more.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Answers a request, and records it unless it is a command of the control API.
pub(super) async fn handle(
    request: http::Request<Incoming>,
    shared: Arc<SharedState>,
) -> Result<Response, Reset> {
    let _answering = Arc::clone(&shared.answering);
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(empty(413)),
        Err(_) => return Err(Reset),
    };
    let mut request = Request {
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
    if request.route.operation == Operation::Control {
        return Ok(control::respond(&request));
    }
    let result = respond(&mut request).await;
    record(
        &request,
        result
            .as_ref()
            .map_or(0, |response| response.status().as_u16()),
    );
    result
}

async fn respond(request: &mut Request) -> Result<Response, Reset> {
    let struck = request.shared.strike(&FaultContext {
        point: InjectionPoint::Request,
        operation: request.route.operation,
        tenant: request.tenant(),
        content_type: request.content_type(),
    });
    let mut response = match faults::before(request, &struck).await? {
        Some(response) => response,
        None => dispatch(request).await,
    };
    response = faults::spoil(response, &struck);
    let accepts = request
        .headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    if request.shared.config.behaviour.gzip
        && accepts.is_some_and(|accepts| accepts.contains("gzip"))
    {
        response = gzipped(response);
    }
    add_headers(&mut response, request.shared.now());
    Ok(faults::after(response, &struck, request.shared.now()))
}

async fn dispatch(request: &Request) -> Response {
    if !method_fits(&request.route, &request.method) {
        request.shared.record_violation(
            "wrong_method",
            request.tenant(),
            format!("{} {}", request.method, request.target),
        );
        return ApiError::new(
            405,
            "MethodNotAllowed",
            "The requested resource does not support this http method.",
        )
        .response();
    }
    match request.route.operation {
        Operation::Token => login::token(request).await,
        Operation::Consent => login::consent(request),
        Operation::Discovery => login::discovery(request),
        Operation::Unknown => {
            request.shared.record_violation(
                "unknown_address",
                request.tenant(),
                format!("{} {}", request.method, request.target),
            );
            ApiError::new(
                404,
                "EmulatorUnknownAddress",
                format!("Microsoft serves no such address: {}", request.route.rest),
            )
            .response()
        }
        _ => api::respond(request).await,
    }
}

/// The headers that the API's servers were seen to send. `Date` is the emulator's clock.
fn add_headers(response: &mut Response, date: Timestamp) {
    let headers = response.headers_mut();
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
    headers.insert(DATE, faults::http_date(date));
    if let Ok(value) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert(HeaderName::from_static("mise-correlation-id"), value);
    }
}

fn record(request: &Request, status: u16) {
    request.shared.journal().request(RequestSeen {
        at: request.shared.now(),
        operation: request.route.operation,
        method: request.method.to_string(),
        target: request.target.clone(),
        tenant: request.tenant(),
        token_tenant: request.claims().map(|claims| claims.tid),
        content_type: request.content_type(),
        publisher: request.query.get("PublisherIdentifier").map(str::to_owned),
        status,
    });
}
