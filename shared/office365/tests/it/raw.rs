//! A server that writes bytes as a test wants them, below HTTP: cut bodies, resets, silence.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens after the request has been read.
#[derive(Clone)]
pub(crate) enum Act {
    /// These bytes, then the end of the connection.
    Write(Vec<u8>),
    /// These bytes, then a reset.
    Reset(Vec<u8>),
    /// These bytes, then nothing.
    Hang(Vec<u8>),
    /// These bytes one by one, with a pause after each.
    Drip(Vec<u8>),
}

/// Pause of a dripping server: shorter than any time out between two bytes.
const DRIP_PAUSE: Duration = Duration::from_millis(20);

/// Longest request head read.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Starts a server that does `act` for every request; gives its base address.
pub(crate) async fn start(act: Act) -> String {
    start_after("", act).await
}

/// The same, with these bytes at once before `act`.
pub(crate) async fn start_after(head: &'static str, act: Act) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, head, act.clone()));
        }
    });
    base
}

async fn serve(mut stream: TcpStream, first: &str, act: Act) {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(read) => head.extend_from_slice(&piece[..read]),
        }
    }
    if stream.write_all(first.as_bytes()).await.is_err() {
        return;
    }
    if let Act::Drip(bytes) = &act {
        for byte in bytes {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(DRIP_PAUSE).await;
        }
        return;
    }
    let (Act::Write(bytes) | Act::Reset(bytes) | Act::Hang(bytes) | Act::Drip(bytes)) = &act;
    if stream.write_all(bytes).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    match act {
        Act::Write(_) | Act::Drip(_) => drop(stream.shutdown().await),
        Act::Reset(_) => drop(stream.set_zero_linger()),
        Act::Hang(_) => std::future::pending().await,
    }
}
