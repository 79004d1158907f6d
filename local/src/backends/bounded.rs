//! An HTTP client for the embedded servers with a limit on requests in flight.
//!
//! On AWS each instance of a function is a process of its own. Here all of them and the servers share one process, in which each
//! connection takes two file descriptors, and a shell allows 1,024.

use std::sync::Arc;

use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::Semaphore;

/// Requests in flight to one embedded server. A server works on one at a time, so a few waiting ones keep it busy; and each poller
/// of the queue holds one for as long as it waits for messages.
const REQUESTS_IN_FLIGHT_MAX: usize = 32;

/// A client without TLS: the embedded servers have none.
pub(super) fn client() -> SharedHttpClient {
    SharedHttpClient::new(Bounded {
        inner: SharedHttpClient::new(Builder::new().build_http()),
        permits: Arc::new(Semaphore::new(REQUESTS_IN_FLIGHT_MAX)),
    })
}

#[derive(Debug)]
struct Bounded {
    inner: SharedHttpClient,
    permits: Arc<Semaphore>,
}

impl HttpClient for Bounded {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            inner: self.inner.http_connector(settings, components),
            permits: Arc::clone(&self.permits),
        })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    permits: Arc<Semaphore>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, permits) = (self.inner.clone(), Arc::clone(&self.permits));
        HttpConnectorFuture::new(async move {
            let _permit = permits
                .acquire()
                .await
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            inner.call(request).await
        })
    }
}
