//! Header names in a spelling of their own. hyper writes them in small letters or with a capital in every word; anything else
//! only as it read it itself. So a request with the names is read once, and what hyper noted goes with each response.

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Mutex, PoisonError};

use http::Extensions;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

/// `NextPageUri` as Microsoft documents it.
pub(crate) const DOCUMENTED_NEXT_PAGE: &str = "NextPageUri";

/// Longer than the request that is read, and the answer to it.
const PIPE_BYTES: usize = 4096;

/// Makes responses with these extensions spell a header's name like this.
pub(crate) async fn spelling(name: &str) -> Extensions {
    let noted = Mutex::new(Extensions::new());
    let (mut client, server) = tokio::io::duplex(PIPE_BYTES);
    let request = format!("GET / HTTP/1.1\r\n{name}: x\r\nConnection: close\r\n\r\n");
    // Neither fails in memory. If one did, the name would be spelled as all others are.
    let _ = client.write_all(request.as_bytes()).await;
    let note = service_fn(|request: http::Request<Incoming>| {
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = request.into_parts().0.extensions;
        ready(Ok::<_, Infallible>(http::Response::new(
            Empty::<Bytes>::new(),
        )))
    });
    let _ = http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(server), note)
        .await;
    noted.into_inner().unwrap_or_else(PoisonError::into_inner)
}
