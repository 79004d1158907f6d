//! What DNS does on AWS: one loopback address for an API that is known by a host name.
//!
//! Its port is known before the stack is deployed, so it can be the stack's `WebhookBaseUrl`; where it leads is known after.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest request head taken, in bytes; API Gateway refuses headers of more than 10,240.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Forwards connections, one request each, with another `Host`. It stops when it is dropped.
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
    /// Listens on a free loopback port; until [`Forwarder::lead_to`], connections are closed.
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
                    // Whoever called sees the broken connection and says so.
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

    /// Where it listens, as a URL that ends in a slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Sets, once, where requests go and under which `Host`.
    pub fn lead_to(&self, address: SocketAddr, host: String) {
        // A second target would be a mistake of the harness; the first stays.
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
    // One request a connection: the next one's head would not be rewritten.
    sent.push_str(&format!("\r\nHost: {}\r\nConnection: close", target.host));
    let mut server = TcpStream::connect(target.address).await?;
    server.write_all(sent.as_bytes()).await?;
    server.write_all(rest).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
