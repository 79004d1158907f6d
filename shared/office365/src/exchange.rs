//! A call to the API: its request, the attempts it gets, and what an answer that is not a success means.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use jiff::SignedDuration;
use url::Url;

use crate::breaker::Outcome;
use crate::claims::FEED_PERMISSION;
use crate::error::{Disposition, Error, Failure, Operation};
use crate::token::{ROLELESS_LIFE, Token};
use crate::wire::{self, Head};
use crate::{Client, Cloud, ContentType, TenantId, envelope, quota};

/// Longest error answer read. Microsoft's have up to 3 KB, gateways' pages more, but nothing of use in them.
const ERROR_BYTES_MAX: usize = 16 * 1024;

/// Shortest pause while held back, so that the budget for waiting is also a bound on rounds.
const HELD_BACK_MIN: Duration = Duration::from_millis(5);

/// Whom a request is for, and what it asks.
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) tenant: TenantId,
    pub(crate) cloud: Cloud,
    /// Shares the tenant's quota fairly; a guess does no harm.
    pub(crate) content_type: Option<ContentType>,
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// JSON; empty for none.
    pub(crate) body: Bytes,
}

/// How an answer is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reading {
    /// Whole, before the attempt counts as a success.
    Whole {
        /// Longest body taken, decoded.
        body_bytes_max: usize,
    },
    /// Piece by piece, by the caller.
    Streamed,
}

/// A success.
pub(crate) struct Answer {
    /// Its headers, and what is still to be read.
    pub(crate) head: Head,
    /// The body, if it was to be read whole.
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn fail(&self, failure: Failure) -> Error {
        Error::new(self.operation, self.tenant, failure)
    }

    /// Whether the request may be sent again when it is not known if it arrived. A start may not: two within 15 minutes
    /// are against Microsoft's rules.
    fn repeatable(&self) -> bool {
        self.operation != Operation::Start
    }

    /// A GET that is not exactly 200 has no content to give.
    fn succeeded(&self, status: StatusCode) -> bool {
        if self.method == Method::GET {
            status == StatusCode::OK
        } else {
            status.is_success()
        }
    }
}

impl Client {
    /// `{manage}/api/v1.0/{tenant}/activity/feed/{path}?{query}&PublisherIdentifier=…`
    pub(crate) fn url(
        &self,
        operation: Operation,
        tenant: TenantId,
        cloud: Cloud,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Url, Error> {
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
        Ok(url)
    }

    /// Sends a call and reads the answer as wanted, within the limits on trying again.
    pub(crate) async fn perform(&self, call: &Call, reading: Reading) -> Result<Answer, Error> {
        let limits = self.config().retry;
        let restraint = self.inner().restraints.of(call.cloud, call.tenant);
        let lane = quota::lane(call.content_type);
        let mut waited = Duration::ZERO;
        let mut attempt: u32 = 1;
        let mut last = None;
        loop {
            if let Err(held_back) = restraint.admit(lane).await {
                // Nothing was sent, so this is neither an attempt nor a retry: only the time counts.
                let wait = held_back.wait().max(HELD_BACK_MIN);
                waited = waited.saturating_add(wait);
                if waited > limits.wait_budget {
                    return Err(held_back_after(last, call.fail(held_back.into())));
                }
                tokio::time::sleep(wait).await;
                continue;
            }
            let outcome = self.attempt(call, reading).await;
            let judged = judge(call.operation, outcome.as_ref().err());
            restraint.record(judged, self.fraction());
            let error = match outcome {
                Ok(done) => {
                    if attempt == 1 {
                        restraint.earn_retry();
                    }
                    return Ok(done);
                }
                Err(error) => error,
            };
            let Disposition::Retry { after } = error.disposition() else {
                return Err(error);
            };
            let wait = self.jitter(attempt).max(after.unwrap_or_default());
            waited = waited.saturating_add(wait);
            let allowed = attempt < limits.attempts_max
                && waited <= limits.wait_budget
                && (call.repeatable() || error.is_unsent());
            if !allowed || !restraint.spend_retry() {
                return Err(error);
            }
            tracing::debug!(tenant.id = %call.tenant, attempt, error = %error, "trying again");
            tokio::time::sleep(wait).await;
            last = Some(error);
            attempt += 1;
        }
    }

    /// One attempt; the token is renewed once if it is refused.
    async fn attempt(&self, call: &Call, reading: Reading) -> Result<Answer, Error> {
        let mut token = self.token(call.tenant, call.cloud).await?;
        let mut head = self.send(call, &token).await?;
        if head.response.status() == StatusCode::UNAUTHORIZED {
            let refusal = self.refusal(call, &token, &mut head).await;
            // A young token has the permissions a new one would have; a new one is no help.
            if refusal.disposition() == Disposition::Consent && self.age(&token) < ROLELESS_LIFE {
                return Err(refusal);
            }
            self.inner().tokens.forget(call.cloud, call.tenant, &token);
            token = self.token(call.tenant, call.cloud).await?;
            head = self.send(call, &token).await?;
        }
        if !call.succeeded(head.response.status()) {
            return Err(self.refusal(call, &token, &mut head).await);
        }
        let body = match reading {
            Reading::Whole { body_bytes_max } => head.body(body_bytes_max).await,
            Reading::Streamed => Ok(Bytes::new()),
        };
        let body = body.map_err(|failure| call.fail(failure))?;
        Ok(Answer { head, body })
    }

    async fn send(&self, call: &Call, token: &Token) -> Result<Head, Error> {
        let mut request = reqwest::Request::new(call.method.clone(), call.url.clone());
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, token.header.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if !call.body.is_empty() {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            headers.insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(call.body.clone().into());
        } else if call.method == Method::POST {
            // Microsoft's front end refuses a POST that says nothing about its length.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        wire::send(&self.inner().http, request, self.config().timeouts)
            .await
            .map_err(|failure| call.fail(failure))
    }

    /// Reads an answer that is no success.
    async fn refusal(&self, call: &Call, token: &Token, head: &mut Head) -> Error {
        let status = head.response.status().as_u16();
        let now = (self.config().clock)();
        let retry_after = wire::retry_after(head.response.headers(), now);
        let skew = wire::date(head.response.headers()).map(|date| date.duration_since(now));
        let body = head.body_start(ERROR_BYTES_MAX).await;
        let bearer = token.header.to_str().unwrap_or_default();
        let secrets = [bearer.trim_start_matches("Bearer ")];
        let mut failure = envelope::read(call.operation, status, retry_after, &body, &secrets);
        if let Failure::Answered {
            code,
            disposition,
            message,
            ..
        } = &mut failure
        {
            // 401 without a code, to a token that lacks the permission, is a matter of consent.
            if status == 401 && code.is_none() && token.lacks(FEED_PERMISSION) {
                *disposition = Disposition::Consent;
            }
            // A time range is refused wherever the two clocks disagree.
            if matches!(code.as_deref(), Some("AF20030" | "AF20055"))
                && let Some(skew) = skew
            {
                let seconds = skew.as_secs();
                message.push_str(&format!(
                    " (the server's clock is {seconds} s ahead of this one)"
                ));
            }
        }
        call.fail(failure)
    }

    /// How long ago the token was asked for.
    pub(crate) fn age(&self, token: &Token) -> SignedDuration {
        (self.config().clock)().duration_since(token.asked_at)
    }

    /// Full jitter: anything between nothing and a doubling bound.
    fn jitter(&self, attempt: u32) -> Duration {
        let limits = self.config().retry;
        let doubled = limits.delay_base.saturating_mul(1 << (attempt - 1).min(16));
        doubled.min(limits.delay_max).mul_f64(self.fraction())
    }

    /// An even random number in [0, 1).
    fn fraction(&self) -> f64 {
        let random = (self.config().random)() as u64;
        (random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Being held back says less than the error that led to it; only its wait counts.
fn held_back_after(last: Option<Error>, held_back: Error) -> Error {
    match (last, held_back.disposition()) {
        (Some(mut last), Disposition::Retry { after: Some(wait) }) => {
            last.postpone(wait);
            last
        }
        _ => held_back,
    }
}

/// What an attempt says about the tenant's service, for its brake.
fn judge(operation: Operation, error: Option<&Error>) -> Outcome {
    let Some(error) = error else {
        return Outcome::Works;
    };
    let Disposition::Retry { after } = error.disposition() else {
        return Outcome::Works;
    };
    match (error.status(), error.code()) {
        // The start's cool-down concerns one subscription, not the tenant.
        (Some(429), _) | (_, Some("AF429")) if operation != Operation::Start => {
            Outcome::Throttled(after)
        }
        (Some(status), _) if status < 500 => Outcome::Works,
        _ => Outcome::Faulty,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::{ClientConfig, Credential, RetryLimits};

    /// The wait before each of five further attempts, in milliseconds, where chance gives `random`.
    #[track_caller]
    fn check(random: u128, expect: [u128; 5]) {
        let credential = Credential::Secret("fixture".into());
        let client = Client::new(ClientConfig {
            retry: RetryLimits {
                delay_base: Duration::from_millis(200),
                delay_max: Duration::from_secs(1),
                ..RetryLimits::default()
            },
            random: Arc::new(move || random),
            ..ClientConfig::new(Uuid::from_u128(1), credential, Uuid::from_u128(2))
        })
        .unwrap();
        let waits = [1, 2, 3, 4, 400].map(|attempt| client.jitter(attempt).as_millis());
        assert_eq!(waits, expect);
    }

    #[test]
    fn waits_are_random_up_to_a_doubling_bound() {
        check(0, [0, 0, 0, 0, 0]);
        check(1 << 63, [100, 200, 400, 500, 500]);
        check(u128::MAX, [200, 400, 800, 1000, 1000]);
    }
}
