//! Arrow 3: the operator's API. Tenants in and out, how they stand, and the proof of what was delivered.
//!
//! docs/API.md has requests and answers, and `/v1/openapi.json` has them for programs. What is not open to everybody needs
//! `Authorization: Bearer <API key>`. Errors are RFC 9457 problem details.

mod access;
mod answer;
mod consent;
mod doctor;
mod error;
mod evidence;
mod findings;
mod fleet;
mod manners;
mod openapi;
mod pages;
mod query;
mod replays;
mod request;
mod route;
mod tenants;
mod timeline;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, IF_MATCH};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use url::Url;

pub use self::access::sign_on::SIGN_ON_PATH;
pub use self::access::{Access, KEY_READ_AGAIN_AFTER, Origin};
use self::access::{Caller, audit, keys};
use self::answer::Health;
use self::error::ApiError;
pub use self::fleet::snapshot::Fleet;
use self::fleet::snapshot::Snapshot;
use self::manners::{etag, repeats};
use self::query::Query;
use self::route::{Need, Route};
use crate::aws::secrets::Secret;
use crate::clock::Clock;
use crate::microsoft::Microsoft;
use crate::response::{empty_response, json_response};
use crate::store::detections::Detections;
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
    /// Findings and exceptions.
    pub detections: Detections,
    /// Whether there is a detector. Without one, that nothing is found says nothing.
    pub detects: bool,
    /// Where the timeline finds events. It is only read.
    pub lake: Lake,
    /// What queries for Athena name: `database.table`.
    pub lake_table: String,
    /// Where replays go.
    pub queue: Queue,
    /// Microsoft's API.
    pub microsoft: Microsoft,
    /// What subscriptions are started with. The HMACs of keys are made with its master key, too.
    pub webhooks: Webhooks,
    /// Where browsers reach this API, for the way back from Microsoft's consent page; without it there are no consent links.
    pub public_url: Option<Url>,
    /// The operator's key. Only the current version opens: a key is rotated because it leaked.
    pub api_key: Secret,
    /// The last look at all tenants; begins empty.
    pub fleet: Fleet,
    /// What this process remembers of keys.
    pub access: Access,
}

impl Api {
    /// Whether subscriptions have a webhook here.
    fn has_webhook(&self) -> bool {
        self.webhooks.base_url.is_some()
    }

    /// All tenants, as they were some seconds ago.
    async fn snapshot(&self, now: Timestamp) -> Result<Arc<Snapshot>, ApiError> {
        let snapshot = self.fleet.snapshot(&self.ledger, self.has_webhook(), now);
        Ok(Box::pin(snapshot).await?)
    }
}

/// Answers one request. Never fails: every fault is a problem.
///
/// The paths of a request whose origin has claims begin with [`SIGN_ON_PATH`].
pub async fn handle(
    api: &Api,
    request: Request<Bytes>,
    origin: &Origin,
    clock: Clock,
) -> Response<Bytes> {
    if let Some(page) = pages::answer(&request) {
        return page;
    }
    // An administrator's browser, sent by Microsoft: its state is what it has instead of a key.
    if request.uri().path() == consent::CALLBACK_PATH {
        return Box::pin(consent::callback::handle(
            api,
            &request,
            origin.source,
            clock,
        ))
        .await;
    }
    // On the heap: the futures of all handlers are in it, and it is moved about.
    let answering = Box::pin(answer(api, &request, origin, clock));
    let answered = tokio::time::timeout(ANSWER_WITHIN, answering).await;
    let response = answered
        .unwrap_or(Err(ApiError::TooSlow))
        .unwrap_or_else(ApiError::into_response);
    etag::unless_known(request.headers(), response)
}

async fn answer(
    api: &Api,
    request: &Request<Bytes>,
    origin: &Origin,
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    let found = match (&origin.claims, request.uri().path()) {
        (None, path) => Route::of(path),
        (Some(_), path) => {
            let path = path.strip_prefix(SIGN_ON_PATH);
            path.ok_or(ApiError::NoSuchPath).and_then(Route::of)
        }
    };
    let method = asked(request);
    if let Ok(route) = &found {
        if method == Method::OPTIONS {
            return Ok(options(route));
        }
        if route.need(method) == Need::Nothing {
            return open(route, method);
        }
    }
    let caller = access::authenticate(api, request.headers(), origin, clock.now()).await?;
    let route = found?;
    if !route.takes(method) {
        return Err(ApiError::NoSuchMethod(route.methods()));
    }
    caller.may(route.need(method), route.tenant())?;
    if request.body().len() > BODY_BYTES_MAX {
        return Err(ApiError::BodyTooLong);
    }
    if method != Method::POST {
        return Box::pin(dispatch(api, &caller, route, request, clock)).await;
    }
    let is_secret = route.answers_with_a_secret();
    let repeat = repeats::Repeat::of(api, &caller, request, is_secret).await?;
    let work = Box::pin(dispatch(api, &caller, route, request, clock));
    match repeat {
        None => work.await,
        Some(repeat) => repeat.once(api, work, clock.now()).await,
    }
}

/// What is asked for. `HEAD` is `GET`, and the server in front leaves the body out.
fn asked(request: &Request<Bytes>) -> &Method {
    match request.method() {
        &Method::HEAD => &Method::GET,
        method => method,
    }
}

/// What needs no key.
fn open(route: &Route, method: &Method) -> Result<Response<Bytes>, ApiError> {
    match (route, method) {
        (Route::Health, &Method::GET) => Ok(health()),
        (Route::OpenApi, &Method::GET) => Ok(openapi::document()),
        (Route::Docs, &Method::GET) => Ok(openapi::page()),
        (Route::Errors, &Method::GET) => Ok(openapi::errors()),
        (route, _) => Err(ApiError::NoSuchMethod(route.methods())),
    }
}

async fn dispatch(
    this: &Api,
    caller: &Caller,
    route: Route,
    request: &Request<Bytes>,
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    let (body, now) = (request.body(), clock.now());
    let text = request.uri().query().unwrap_or_default();
    let query = Query::parse(text);
    let sees = |id| caller.sees(id);
    match (route, asked(request)) {
        (Route::Me, &Method::GET) => keys::me(caller).await,
        (Route::Keys, &Method::GET) => keys::list(this).await,
        (Route::Keys, &Method::POST) => keys::create(this, caller, body, now).await,
        (Route::Key(id), &Method::DELETE) => keys::revoke(this, caller, &id, now).await,
        (Route::RotateKey(id), &Method::POST) => keys::rotate(this, caller, &id).await,
        (Route::AuditLog, &Method::GET) => audit::list(this, query?, now).await,
        (Route::Overview, &Method::GET) => fleet::overview::overview(this, sees, now).await,
        (Route::Tenants, &Method::GET) => fleet::list::list(this, caller, query?, now).await,
        (Route::Tenants, &Method::POST) => tenants::register(this, caller, body, clock).await,
        (Route::Tenant(id), &Method::GET) => tenants::show(this, id, now).await,
        (Route::Tenant(id), &Method::PATCH) => {
            let seen = request.headers().get(IF_MATCH);
            tenants::change(this, caller, id, body, seen, clock).await
        }
        (Route::Tenant(id), &Method::DELETE) => tenants::remove(this, caller, id).await,
        (Route::Backfill(id), &Method::GET) => evidence::backfill(this, id).await,
        // On the heap: so many calls at once would make every request's future as large as this one's.
        (Route::Check(id), &Method::GET) => Box::pin(doctor::check(this, id, now)).await,
        (Route::Certificate(id), &Method::GET) => {
            evidence::certificate(this, id, query?, now).await
        }
        (Route::Losses(id), &Method::GET) => evidence::losses(this, id, query?).await,
        (Route::Acknowledge(id, loss), &Method::POST) => {
            evidence::acknowledge(this, caller, id, &loss, body, now).await
        }
        (Route::Replays(id), &Method::GET) => replays::list(this, id, now).await,
        (Route::Replays(id), &Method::POST) => replays::begin(this, caller, id, body, now).await,
        (Route::Replay(id, replay), &Method::GET) => replays::show(this, id, &replay, now).await,
        (Route::Restart(id, replay), &Method::POST) => {
            replays::restart(this, caller, id, &replay, now).await
        }
        (Route::Consents, &Method::POST) => consent::create(this, caller, body, now).await,
        (Route::Consent(id), &Method::GET) => consent::show(this, id, now).await,
        (Route::Events(id), &Method::GET) => timeline::list(this, id, text, clock).await,
        (Route::Event(id, event), &Method::GET) => timeline::show(this, id, &event).await,
        (Route::Volume(id), &Method::GET) => timeline::volume(this, id, query?, now).await,
        (route, method) => {
            let asked = (method, text, body);
            Box::pin(findings::dispatch(this, caller, route, asked, clock)).await
        }
    }
}

/// Says that this process answers. It asks nothing else: who wants to know how the rest is asks for the tenants.
#[utoipa::path(get, path = "/v1/health", tag = "service", security(()), responses((status = 200, body = Health)))]
fn health() -> Response<Bytes> {
    let health = Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    };
    json_response(StatusCode::OK, &health)
}

/// What a path takes. There are no cross-origin rights to be had: pages of other origins have no business here.
fn options(route: &Route) -> Response<Bytes> {
    let methods = route.methods().replace("GET", "GET, HEAD") + ", OPTIONS";
    let mut response = empty_response(StatusCode::NO_CONTENT);
    if let Ok(methods) = HeaderValue::from_str(&methods) {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}
