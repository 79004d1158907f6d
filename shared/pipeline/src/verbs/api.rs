//! Arrow 3: the operator's API. Tenants in and out, how they stand, and the proof of what was delivered.
//!
//! docs/API.md has requests and answers. Every request needs `Authorization: Bearer <API key>`, but for the way back from
//! Microsoft's consent page. Errors are RFC 9457 problem
//! details.

mod answer;
mod consent;
mod doctor;
mod error;
mod evidence;
mod fleet;
mod pages;
mod query;
mod replays;
mod request;
mod route;
mod tenants;
mod timeline;

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::Url;

use self::error::ApiError;
pub use self::fleet::snapshot::Fleet;
use self::query::Query;
use self::route::Route;
use crate::aws::secrets::Secret;
use crate::clock::Clock;
use crate::microsoft::Microsoft;
use crate::store::lake::Lake;
use crate::store::ledger::Ledger;
use crate::store::queue::Queue;
use crate::verbs::subscription::Webhooks;

/// Longest body taken, in bytes: a registration has a few hundred.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// Time for one request. API Gateway gives up after 30 s; what is not started by then, the reconciler starts.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(27);

/// What the API works with.
#[derive(Debug)]
pub struct Api {
    /// The ledger.
    pub ledger: Ledger,
    /// Where the timeline finds events. It is only read.
    pub lake: Lake,
    /// What queries for Athena name: `database.table`.
    pub lake_table: String,
    /// Where replays go.
    pub queue: Queue,
    /// Microsoft's API.
    pub microsoft: Microsoft,
    /// What subscriptions are started with.
    pub webhooks: Webhooks,
    /// Where browsers reach this API, for the way back from Microsoft's consent page; without it there are no consent links.
    pub public_url: Option<Url>,
    /// The operator's key. Only the current version opens: a key is rotated because it leaked.
    pub api_key: Secret,
    /// The last look at all tenants; begins empty.
    pub fleet: Fleet,
}

impl Api {
    /// Whether subscriptions have a webhook here.
    fn has_webhook(&self) -> bool {
        self.webhooks.base_url.is_some()
    }
}

/// Answers one request. Never fails: every fault is a problem.
pub async fn handle(api: &Api, request: Request<Bytes>, now: Timestamp) -> Response<Bytes> {
    if let Some(page) = pages::answer(&request) {
        return page;
    }
    let clock = Clock::starting_at(now);
    // An administrator's browser, sent by Microsoft: its state is what it has instead of a key.
    if request.uri().path() == consent::CALLBACK_PATH {
        return consent::callback::handle(api, &request, clock).await;
    }
    let answered = tokio::time::timeout(ANSWER_WITHIN, answer(api, &request, clock)).await;
    answered
        .unwrap_or(Err(ApiError::TooSlow))
        .unwrap_or_else(ApiError::into_response)
}

async fn answer(
    api: &Api,
    request: &Request<Bytes>,
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    authenticate(api, request).await?;
    let body = request.body();
    if body.len() > BODY_BYTES_MAX {
        return Err(ApiError::BodyTooLong);
    }
    let route = Route::of(request.uri().path())?;
    let text = request.uri().query().unwrap_or_default();
    let query = Query::parse(text);
    let (this, now) = (api, clock.now());
    match (route, request.method()) {
        (Route::Overview, &Method::GET) => fleet::overview::overview(this, |_| true, now).await,
        (Route::Tenants, &Method::GET) => tenants::list(this, query?, |_| true, now).await,
        (Route::Tenants, &Method::POST) => tenants::register(this, body, clock).await,
        (Route::Tenant(id), &Method::GET) => tenants::show(this, id, now).await,
        (Route::Tenant(id), &Method::PATCH) => tenants::change(this, id, body, clock).await,
        (Route::Tenant(id), &Method::DELETE) => tenants::remove(this, id).await,
        (Route::Backfill(id), &Method::GET) => evidence::backfill(this, id).await,
        // On the heap: so many calls at once would make every request's future as large as this one's.
        (Route::Check(id), &Method::GET) => Box::pin(doctor::check(this, id, now)).await,
        (Route::Certificate(id), &Method::GET) => {
            evidence::certificate(this, id, query?, now).await
        }
        (Route::Losses(id), &Method::GET) => evidence::losses(this, id, query?).await,
        (Route::Acknowledge(id, loss), &Method::POST) => {
            evidence::acknowledge(this, id, &loss, body, now).await
        }
        (Route::Replays(id), &Method::GET) => replays::list(this, id, now).await,
        (Route::Replays(id), &Method::POST) => replays::begin(this, id, body, now).await,
        (Route::Replay(id, replay), &Method::GET) => replays::show(this, id, &replay, now).await,
        (Route::Restart(id, replay), &Method::POST) => {
            replays::restart(this, id, &replay, now).await
        }
        (Route::Consents, &Method::POST) => consent::create(this, body, now).await,
        (Route::Consent(id), &Method::GET) => consent::show(this, id, now).await,
        (Route::Events(id), &Method::GET) => timeline::list(this, id, text, clock).await,
        (Route::Event(id, event), &Method::GET) => timeline::show(this, id, &event).await,
        (Route::Volume(id), &Method::GET) => timeline::volume(this, id, query?, now).await,
        (route, _) => Err(ApiError::NoSuchMethod(route.methods())),
    }
}

/// Compares hashes of the keys, so that neither content nor length shows in the time it takes.
async fn authenticate(api: &Api, request: &Request<Bytes>) -> Result<(), ApiError> {
    let presented = request
        .headers()
        .get(AUTHORIZATION)
        .map(http::HeaderValue::as_bytes)
        .and_then(|value| {
            let (scheme, key) = value.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key)
        })
        .ok_or(ApiError::NotAuthenticated)?;
    let expected = api.api_key.versions().await?.current;
    let expected = Sha256::digest(expected.expose_secret());
    let presented = Sha256::digest(presented);
    if bool::from(expected.as_slice().ct_eq(presented.as_slice())) {
        Ok(())
    } else {
        Err(ApiError::NotAuthenticated)
    }
}
