//! The HTTP server: connections, faults, the journal, and which part answers.

mod faults;
mod handle;
mod tls;

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use faults::Reset;
pub(crate) use tls::acceptor;

use crate::config::NextPageHeader;
use crate::world::SharedState;

/// An idle connection is closed after this.
const HEADER_TIMEOUT: Duration = Duration::from_mins(2);

/// Longest TLS handshake. A client needs some milliseconds; one that says nothing is hung up on.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Wait after a failed accept (no file descriptors left), so that it is not a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until the emulator stops.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<SharedState>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                shared.spawn(connection(stream, tls.clone(), Arc::clone(&shared)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<SharedState>) {
    // Small answers in one packet each; a failure only costs speed.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return answer(stream, |stream| stream, shared).await;
    };
    match timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => answer(stream, |stream| stream.get_ref().0, shared).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// Answers the requests of a connection. `socket` is what carries the stream.
async fn answer<S>(stream: S, socket: impl Fn(&S) -> &TcpStream, shared: Arc<SharedState>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let title_case = shared.config.behaviour.next_page_header != NextPageHeader::Lower;
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
            let stream = connection.into_parts().io.into_inner();
            let _ = socket(&stream).set_zero_linger();
        }
    }
}
