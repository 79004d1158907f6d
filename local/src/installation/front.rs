//! One HTTP server in front of receiver and API, as API Gateway is on AWS.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use pipeline::api::{self, Api, Origin};
use pipeline::clock::Clock;
use pipeline::receive::{self, Receiver};
use pipeline::response::empty_response;
use pipeline::subscription::webhook::NOTIFICATIONS_PATH;
use tokio::net::TcpListener;

use crate::wall_clock;

/// Longest body read, in bytes: API Gateway's limit. The handlers have lower limits of their own.
const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The handlers behind the routes.
#[derive(Clone)]
pub struct Front {
    /// Answers `/v1/notifications`.
    pub receiver: Arc<Receiver>,
    /// Answers everything else.
    pub api: Arc<Api>,
}

/// Serves until `stop` resolves, then answers the requests under way.
pub async fn serve(
    listener: TcpListener,
    front: Front,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let router = Router::new().fallback(answer).with_state(front);
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, router).with_graceful_shutdown(stop);
    if let Err(error) = served.await {
        tracing::error!(%error, "the API ended");
    }
}

async fn answer(
    State(front): State<Front>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    // Either the body is too long, or it broke off and nobody reads the answer.
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return empty_response(StatusCode::PAYLOAD_TOO_LARGE).map(Body::from);
    };
    route(&front, Request::from_parts(head, body), peer)
        .await
        .map(Body::from)
}

async fn route(front: &Front, request: Request<Bytes>, peer: SocketAddr) -> Response<Bytes> {
    let now = wall_clock::now();
    if request.uri().path().starts_with(NOTIFICATIONS_PATH) {
        receive::handle(&front.receiver, request, now).await
    } else {
        let origin = Origin {
            source: Some(peer.ip()),
            claims: None,
        };
        api::handle(&front.api, request, &origin, Clock::starting_at(now)).await
    }
}
