//! Lambda: the operator's API. Adds and removes tenants, shows the state of their subscriptions, and searches their events.

use bytes::Bytes;
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt as _, Response, run, service_fn};
use pipeline::clock::Clock;
use pipeline::{api, aws, logging, settings, wiring};

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "a main reads the clock, and hands it on"
)]
async fn main() -> Result<(), Error> {
    logging::init_json(settings::environment("LOG_LEVEL").as_deref());
    let settings = settings::api(settings::environment)?;
    let this = &wiring::api(settings, &aws::config(settings::environment))?;
    run(service_fn(move |request: Request| async move {
        let origin = request.request_context_ref().map(origin);
        let origin = origin.unwrap_or_default();
        let request = request.map(|body| Bytes::copy_from_slice(body.as_ref()));
        let answer =
            api::handle(this, request, &origin, Clock::starting_at(Timestamp::now())).await;
        Ok::<Response<Body>, Error>(answer.map(|body| match String::from_utf8(body.into()) {
            Ok(text) if text.is_empty() => Body::Empty,
            Ok(text) => Body::Text(text),
            Err(bytes) => Body::Binary(bytes.into_bytes()),
        }))
    }))
    .await
}

/// What API Gateway says of a request beside the request itself.
fn origin(context: &RequestContext) -> api::Origin {
    let RequestContext::ApiGatewayV2(context) = context else {
        return api::Origin::default();
    };
    let address = context.http.source_ip.as_ref();
    let token = context.authorizer.as_ref().and_then(|by| by.jwt.as_ref());
    api::Origin {
        source: address.and_then(|address| address.parse().ok()),
        claims: token.map(|token| token.claims.clone()),
    }
}
