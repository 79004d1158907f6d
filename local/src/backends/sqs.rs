//! The embedded SQS: rustack, in memory. Its messages are lost when the process is killed; the sweep finds their blobs again.

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::server::{self, Server, ServerError};

/// Serves an empty SQS.
pub(super) fn start(region: &'static str) -> Result<Server, ServerError> {
    server::spawn("sqs", async move |listener, stop| {
        serve(listener, stop, region).await;
    })
}

async fn serve(listener: TcpListener, mut stop: oneshot::Receiver<()>, region: &str) {
    let Ok(address) = listener.local_addr() else {
        tracing::error!("embedded SQS has no address");
        return;
    };
    let provider = Arc::new(RustackSqs::new(SqsConfig {
        default_region: region.to_owned(),
        host: address.ip().to_string(),
        port: address.port(),
        ..SqsConfig::default()
    }));
    let service = SqsHttpService::new(
        Arc::new(RustackSqsHandler::new(Arc::clone(&provider))),
        SqsHttpConfig {
            region: region.to_owned(),
            ..SqsHttpConfig::default()
        },
    );
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        // The peer has reset the connection, or no file descriptor is free for the moment: neither ends the server.
        let Ok((stream, _)) = accepted else {
            tokio::task::yield_now().await;
            continue;
        };
        let service = service.clone();
        tokio::spawn(async move {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "connection to the embedded SQS ended");
            }
        });
    }
    provider.shutdown_all().await;
}
