//! A loopback server on a thread of its own.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A server could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the embedded {name} server cannot start: {cause}")]
pub struct ServerError {
    name: &'static str,
    cause: std::io::Error,
}

/// A running server. Dropping it stops it without waiting for it.
pub(super) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Runs `serve(listener, stop)` on a new thread. It should return when `stop` resolves.
pub(super) fn spawn<F, Fut>(name: &'static str, serve: F) -> Result<Server, ServerError>
where
    F: FnOnce(TcpListener, oneshot::Receiver<()>) -> Fut + Send + 'static,
    Fut: Future<Output = ()>,
{
    let failed = |cause| ServerError { name, cause };
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                match TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, stopped).await,
                    Err(error) => tracing::error!(%error, server = name, "no listener"),
                }
            });
        })
        .map_err(failed)?;
    Ok(Server {
        address,
        stop,
        thread,
    })
}

impl Server {
    /// The server's address, without a slash at the end.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks the server to stop and waits for the end of its thread.
    pub(super) async fn stop(self) {
        let Self { stop, thread, .. } = self;
        drop(stop);
        // Joining blocks. If the server panicked, its thread has printed that.
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}
