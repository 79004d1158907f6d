//! The HTTP server: connections, faults, the journal, and which part answers.

mod faults;
mod handle;

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use faults::Reset;

use crate::world::SharedState;

/// An idle connection is closed after this.
const HEADER_TIMEOUT: Duration = Duration::from_mins(2);

/// Wait after a failed accept (no file descriptors left), so that it is not a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until the emulator stops.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<SharedState>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => shared.spawn(connection(stream, Arc::clone(&shared))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<SharedState>) {
    // Small answers in one packet each; a failure only costs speed.
    let _ = stream.set_nodelay(true);
    let title_case = shared.config.behaviour.title_case_headers;
    let service = service_fn(move |request| Box::pin(handle::handle(request, Arc::clone(&shared))));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .title_case_headers(title_case);
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = poll_fn(|context| connection.poll_without_shutdown(context)).await {
        tracing::debug!(%error, "a connection ended early");
        if error.source().is_some_and(<dyn Error>::is::<Reset>) {
            // Without lingering the system sends RST instead of FIN.
            let _ = connection.into_parts().io.into_inner().set_zero_linger();
        }
    }
}
