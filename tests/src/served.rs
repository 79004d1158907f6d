//! A server on a loopback port, in a process of its own that ends with this one.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::Outcome;

/// It starts within two seconds on an idle machine, but builds may run at the same time.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// Time between checks whether it answers.
const POLL: Duration = Duration::from_millis(200);

/// A free port may be taken before the server listens on it, but not three times in a row.
const ATTEMPTS_MAX: usize = 3;

/// A running server. It stops when this value is dropped, and with this process.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    log: PathBuf,
    // Closing its standard input stops it; dropping it kills it.
    child: Child,
}

impl Served {
    /// Starts a server on a free port. `command` makes it listen at an address, and end with its standard input. What it prints
    /// goes into a log in `dir`.
    ///
    /// # Errors
    /// It does not start. The error has its log.
    pub async fn start(
        name: &str,
        dir: &Path,
        command: impl Fn(SocketAddr) -> Command,
    ) -> Outcome<Self> {
        let mut last = None;
        for _ in 0..ATTEMPTS_MAX {
            match launch(name, dir, &command).await {
                Ok(served) => return Ok(served),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| format!("{name} was not started").into()))
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a value for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_else(|error| format!("no log: {error}"))
    }
}

async fn launch(
    name: &str,
    dir: &Path,
    command: impl Fn(SocketAddr) -> Command,
) -> Outcome<Served> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let log = dir.join(format!("{name}-{}.log", address.port()));
    let file = File::create(&log)?;
    let child = command(address)
        .stdin(Stdio::piped())
        .stdout(file.try_clone()?)
        .stderr(file)
        .kill_on_drop(true)
        .spawn()?;
    let mut served = Served {
        address,
        log,
        child,
    };
    let deadline = Instant::now() + START_TIMEOUT;
    while tokio::net::TcpStream::connect(address).await.is_err() {
        let ended = served.child.try_wait()?;
        if ended.is_some() || Instant::now() > deadline {
            let log = served.log();
            return Err(format!("{name} does not answer ({ended:?}):\n{log}").into());
        }
        sleep(POLL).await;
    }
    Ok(served)
}
