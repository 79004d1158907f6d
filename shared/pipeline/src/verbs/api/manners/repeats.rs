//! `Idempotency-Key`: a POST that is sent again, because its answer was lost, is done once.
//!
//! A request is taken before it is done, its answer is kept for 24 hours, and the same request gets that answer. Only what
//! succeeded is kept: after an error nothing was done, or going on is harmless, so the request is done again. When a process
//! dies in the middle, the request can be sent again once the time for an answer is over; each of our POSTs may be done twice.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use crate::response::json_bytes;
use crate::store::ledger::access::given::{GIVEN_BYTES_MAX, GivenAnswer};
use crate::store::ledger::access::id::{GivenId, KeyId};
use crate::verbs::api::Api;
use crate::verbs::api::access::Caller;
use crate::verbs::api::error::ApiError;
use crate::verbs::subscription::webhook::mac;

/// The header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is one that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest value of the header: a UUID has 36 characters, and some people write more.
const VALUE_BYTES_MAX: usize = 255;

/// Time after which a request that was taken counts as abandoned: a Lambda is ended after 29 s.
const ABANDONED_AFTER: Duration = Duration::from_secs(35);

/// Separates these uses of the webhook's master key from every other.
const PURPOSE_OF_NAME: &[u8] = b"ualstream/idempotency-key/v1";
const PURPOSE_OF_REQUEST: &[u8] = b"ualstream/idempotency-request/v1";

/// A request that may come again.
pub(in crate::verbs::api) struct Repeat {
    /// Whose it is: keys do not see each other's answers.
    of: KeyId,
    id: GivenId,
    /// HMAC of the request: a request may hold what should not be kept.
    request: String,
    is_secret: bool,
}

impl Repeat {
    /// Reads the header. `None` when there is none.
    pub(in crate::verbs::api) async fn of(
        api: &Api,
        caller: &Caller,
        request: &Request<Bytes>,
        is_secret: bool,
    ) -> Result<Option<Self>, ApiError> {
        let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else {
            return Ok(None);
        };
        let value = value.as_bytes();
        let is_visible = value.iter().all(|byte| (0x20..0x7f).contains(byte));
        if value.is_empty() || value.len() > VALUE_BYTES_MAX || !is_visible {
            return Err(ApiError::BadIdempotencyKey);
        }
        let master = api.webhooks.key.versions().await?.current;
        let master = master.expose_secret().as_bytes();
        let uri = request.uri();
        let target = uri.path_and_query().map_or(uri.path(), |of| of.as_str());
        let parts = [target.as_bytes(), request.body().as_ref()];
        Ok(Some(Self {
            of: caller.actor.key_id.clone(),
            id: mac(master, PURPOSE_OF_NAME, &[value]).into(),
            request: hex::encode(mac(master, PURPOSE_OF_REQUEST, &parts)),
            is_secret,
        }))
    }

    /// Does the work, unless it was done before: then the answer of that time is given.
    pub(in crate::verbs::api) async fn once(
        &self,
        api: &Api,
        work: impl Future<Output = Result<Response<Bytes>, ApiError>>,
        now: Timestamp,
    ) -> Result<Response<Bytes>, ApiError> {
        let name = (&self.of, &self.id);
        let taken = api
            .ledger
            .take_request(name, &self.request, ABANDONED_AFTER, now)
            .await?;
        if let Some(given) = taken {
            return match given.answer {
                _ if given.request != self.request => Err(ApiError::IdempotencyKeyReused),
                None => Err(ApiError::IdempotencyKeyInUse),
                Some(answer) => again(answer),
            };
        }
        let answered = work.await;
        let kept = match &answered {
            Ok(response) if response.status().is_success() => {
                let body = response.body();
                let fits = !self.is_secret && body.len() <= GIVEN_BYTES_MAX;
                let answer = GivenAnswer {
                    status: response.status().as_u16(),
                    body: fits.then(|| body.to_vec()),
                };
                api.ledger.keep_answer(name, &answer, now).await
            }
            _ => api.ledger.give_back(name, now).await,
        };
        if let Err(error) = kept {
            // It is done; what is lost is only that a repetition would be told so.
            tracing::warn!(%error, "answer not kept for a repetition");
        }
        answered
    }
}

/// An answer that was given before.
fn again(answer: GivenAnswer) -> Result<Response<Bytes>, ApiError> {
    let body = answer.body.ok_or(ApiError::AnswerNotKept)?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = json_bytes(status, body);
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
