//! Does what DNS does on AWS: a loopback address for an API that is known by its host name.
//!
//! Its port is known before the stack is deployed, so it can be the stack's `WebhookBaseUrl`. Its target is only known
//! afterwards.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest request head in bytes. API Gateway refuses headers of more than 10,240.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Forwards connections with another `Host`, one request each. It stops when it is dropped.
#[derive(Debug)]
pub struct Forwarder {
    address: SocketAddr,
    target: Arc<OnceLock<Target>>,
    task: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Target {
    address: SocketAddr,
    host: String,
}

impl Forwarder {
    /// Listens on a free loopback port. Connections are closed until [`Forwarder::lead_to`] is called.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let target = Arc::new(OnceLock::<Target>::new());
        let shared = Arc::clone(&target);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Some(target) = shared.get().cloned() {
                    // The client sees a broken connection and reports it.
                    tokio::spawn(async move { forward(client, &target).await.ok() });
                }
            }
        });
        Ok(Self {
            address,
            target,
            task,
        })
    }

    /// Its address, as a URL that ends in a slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Sets where requests are forwarded to, and with which `Host`. Only the first call has an effect.
    pub fn lead_to(&self, address: SocketAddr, host: String) {
        // A second target would be a mistake in the harness.
        let _ = self.target.set(Target { address, host });
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut client: TcpStream, target: &Target) -> io::Result<()> {
    let mut received = Vec::new();
    let end = loop {
        if let Some(at) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if received.len() > HEAD_BYTES_MAX || client.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    };
    let (head, rest) = received.split_at(end);
    let head = String::from_utf8_lossy(head);
    let kept = head.split("\r\n").filter(|line| {
        let name = line.split(':').next().unwrap_or_default();
        !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("connection")
    });
    let mut sent: String = kept.collect::<Vec<_>>().join("\r\n");
    // One request per connection: the head of a second one would not be rewritten.
    sent.push_str(&format!("\r\nHost: {}\r\nConnection: close", target.host));
    let mut server = TcpStream::connect(target.address).await?;
    server.write_all(sent.as_bytes()).await?;
    server.write_all(rest).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
