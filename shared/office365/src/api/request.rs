//! A request to the API: the attempts it gets, the token it carries, and what an error answer means.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::client::Client;
use crate::auth::{MISSING_PERMISSION_LIFETIME, Token};
use crate::names::{Cloud, ContentType, TenantId};
use crate::transport::clock::fraction;
use crate::transport::json;
use crate::transport::sanitize::json_error;
use crate::transport::{
    AttemptOutcome, Backoff, Disposition, Error, FEED_PERMISSION, Failure, Limiter, Operation,
    Response, error_body,
};

/// Longest error answer read. Microsoft's have up to 3 KB; gateways' pages are longer, but say nothing more.
const ERROR_BYTES_MAX: usize = 16 * 1024;

/// Shortest wait for the limiter. Together with the wait budget it bounds how often a call asks again.
const LIMITED_WAIT_MIN: Duration = Duration::from_millis(5);

/// A request to the API, without the token.
pub(super) struct Request {
    operation: Operation,
    tenant: TenantId,
    cloud: Cloud,
    /// Whose turn of the quota it takes. Where it is not known for certain, a guess does no harm.
    content_type: Option<ContentType>,
    method: Method,
    url: Url,
    /// JSON, or empty.
    body: Bytes,
}

/// How the body of a success is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    /// Whole. The attempt counts as a success only when all of it has arrived.
    Whole {
        /// Longest body accepted, decoded.
        body_bytes_max: usize,
    },
    /// By the caller, as it comes.
    Streamed,
}

/// A success.
pub(super) struct Answer {
    /// Its headers, and the body if it is streamed.
    pub(super) response: Response,
    /// The body if it was read whole, otherwise empty.
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn with_body(self, body: Vec<u8>) -> Self {
        let body = Bytes::from(body);
        Self { body, ..self }
    }

    pub(super) fn fail(&self, failure: Failure) -> Error {
        Error::new(self.operation, self.tenant, failure)
    }

    /// Parses the JSON of an answer.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> Result<T, Error> {
        json::parse(body).map_err(|error| self.fail(Failure::Unreadable(json_error(&error))))
    }

    /// Whether the request may be sent again when the first one may have arrived. A start may not: Microsoft forbids two
    /// within 15 minutes.
    fn is_repeatable(&self) -> bool {
        self.operation != Operation::Start
    }

    /// Of a GET only status 200 has the content that was asked for.
    fn succeeded(&self, status: StatusCode) -> bool {
        if self.method == Method::GET {
            status == StatusCode::OK
        } else {
            status.is_success()
        }
    }
}

impl Client {
    /// `{manage}/api/v1.0/{tenant}/activity/feed/{path}?{query}&PublisherIdentifier=…`, without a body.
    pub(super) fn request(
        &self,
        operation: Operation,
        tenant: TenantId,
        cloud: Cloud,
        content_type: Option<ContentType>,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Request, Error> {
        let config = self.config();
        let base = config.endpoints.manage_url(cloud);
        let text = format!("{base}/api/v1.0/{tenant}/activity/feed/{path}");
        let mut url = Url::parse(&text).map_err(|error| {
            let why = format!("no address can be made: {error}");
            Error::new(operation, tenant, Failure::Misuse(why))
        })?;
        url.query_pairs_mut()
            .extend_pairs(query)
            .append_pair("PublisherIdentifier", &config.publisher_id.to_string());
        let method = match operation {
            Operation::Start | Operation::Stop => Method::POST,
            _ => Method::GET,
        };
        Ok(Request {
            operation,
            tenant,
            cloud,
            content_type,
            method,
            url,
            body: Bytes::new(),
        })
    }

    /// Sends a request, retries it within the limits, and reads the answer.
    pub(super) async fn perform(
        &self,
        request: &Request,
        reading: Reading,
    ) -> Result<Answer, Error> {
        let config = self.config();
        let limits = config.retry;
        let backoff = Backoff {
            base: limits.delay_base,
            max: limits.delay_max,
        };
        let limiter = self.inner().limiters.of(request.cloud, request.tenant);
        let mut waited = Duration::ZERO;
        let mut attempt: u32 = 1;
        let mut last = None;
        loop {
            if let Err(limited) = limiter.admit(request.content_type).await {
                // Nothing was sent, so this is neither an attempt nor a retry: only the wait counts.
                let wait = limited.wait.max(LIMITED_WAIT_MIN);
                waited = waited.saturating_add(wait);
                if waited > limits.wait_budget {
                    return Err(limited_after(last, request.fail(limited.into())));
                }
                tokio::time::sleep(wait).await;
                continue;
            }
            let answer = self.attempt(request, reading, &limiter).await;
            let outcome = outcome_of(answer.as_ref().err());
            limiter.record(outcome, fraction(&config.random));
            let error = match answer {
                Ok(answer) => {
                    if attempt == 1 {
                        limiter.earn_retry();
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let Disposition::Retry { after } = error.disposition() else {
                return Err(error);
            };
            let wait = backoff.full_jitter(attempt - 1, fraction(&config.random));
            let wait = wait.max(after.unwrap_or_default());
            waited = waited.saturating_add(wait);
            let allowed = attempt < limits.attempts_max
                && error.may_pass_at_once()
                && waited <= limits.wait_budget
                && (request.is_repeatable() || error.is_unsent());
            if !allowed || !limiter.spend_retry() {
                return Err(error);
            }
            tracing::debug!(tenant.id = %request.tenant, attempt, error = %error, "trying again");
            tokio::time::sleep(wait).await;
            last = Some(error);
            attempt += 1;
        }
    }

    /// Sends a request once, or twice when the token is refused the first time.
    async fn attempt(
        &self,
        request: &Request,
        reading: Reading,
        limiter: &Limiter,
    ) -> Result<Answer, Error> {
        let tokens = &self.inner().tokens;
        let mut token = tokens.token(request.tenant, request.cloud).await?;
        let mut response = self.send(request, &token).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let error = self.error_of(request, &token, &mut response).await;
            // A new token would have no more permissions than a young one.
            if error.disposition() == Disposition::Consent
                && tokens.age(&token) < MISSING_PERMISSION_LIFETIME
            {
                return Err(error);
            }
            tokens.forget(request.cloud, request.tenant, &token);
            // Microsoft counts the second request too.
            if limiter.admit(request.content_type).await.is_err() {
                return Err(error);
            }
            token = tokens.token(request.tenant, request.cloud).await?;
            response = self.send(request, &token).await?;
        }
        if !request.succeeded(response.status()) {
            return Err(self.error_of(request, &token, &mut response).await);
        }
        let body = match reading {
            Reading::Whole { body_bytes_max } => response.body(body_bytes_max).await,
            Reading::Streamed => Ok(Bytes::new()),
        };
        let body = body.map_err(|failure| request.fail(failure))?;
        Ok(Answer { response, body })
    }

    async fn send(&self, request: &Request, token: &Token) -> Result<Response, Error> {
        let mut http_request = reqwest::Request::new(request.method.clone(), request.url.clone());
        let headers = http_request.headers_mut();
        headers.insert(AUTHORIZATION, token.header.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if !request.body.is_empty() {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            headers.insert(CONTENT_TYPE, json);
            *http_request.body_mut() = Some(request.body.clone().into());
        } else if request.method == Method::POST {
            // Microsoft's front end refuses a POST without a length.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let sent = self.inner().http.send(http_request).await;
        sent.map_err(|failure| request.fail(failure))
    }

    /// Reads an error answer.
    async fn error_of(&self, request: &Request, token: &Token, response: &mut Response) -> Error {
        let status = response.status().as_u16();
        let now = (self.config().clock)();
        let retry_after = response.retry_after(now);
        let skew = response.server_date().map(|date| date.duration_since(now));
        let body = response.body_start(ERROR_BYTES_MAX).await;
        let bearer = token.header.to_str().unwrap_or_default();
        let secrets = [bearer.trim_start_matches("Bearer ")];
        let mut failure = error_body::read(request.operation, status, retry_after, &body, &secrets);
        if let Failure::Answered {
            code,
            disposition,
            message,
            ..
        } = &mut failure
        {
            // The API may answer a missing permission with 401 and no code. The token tells.
            if status == 401 && code.is_none() && token.lacks(FEED_PERMISSION) {
                *disposition = Disposition::Consent;
            }
            // A time range is refused (AF20030, AF20055) also when the two clocks disagree, which the message must tell.
            if matches!(code.as_deref(), Some("AF20030" | "AF20055"))
                && let Some(skew) = skew
            {
                let seconds = skew.as_secs();
                message.push_str(&format!(
                    " (the server's clock is {seconds} s ahead of this one)"
                ));
            }
        }
        request.fail(failure)
    }
}

/// The error of a call that the limiter ends. An error that Microsoft answered before says more, so it is kept, with the
/// limiter's wait.
fn limited_after(last: Option<Error>, limited: Error) -> Error {
    match (last, limited.disposition()) {
        (Some(mut last), Disposition::Retry { after: Some(wait) }) => {
            last.postpone(wait);
            last
        }
        _ => limited,
    }
}

/// What an attempt tells the tenant's breaker.
fn outcome_of(error: Option<&Error>) -> AttemptOutcome {
    let Some(error) = error else {
        return AttemptOutcome::Answered;
    };
    let Disposition::Retry { after } = error.disposition() else {
        return AttemptOutcome::Answered;
    };
    match error.status() {
        _ if error.is_throttled() => AttemptOutcome::Throttled(after),
        Some(status) if status < 500 => AttemptOutcome::Answered,
        _ => AttemptOutcome::Failed,
    }
}
