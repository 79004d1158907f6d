//! AWS on a loopback port: ministack, with permissions enforced.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::{Outcome, repo, tools};

/// It starts within two seconds on an idle machine, but builds may run at the same time.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// Time between checks whether it answers.
const POLL: Duration = Duration::from_millis(200);

/// A free port may be taken before ministack listens on it, but not three times in a row.
const ATTEMPTS_MAX: usize = 3;

/// A running ministack. It stops when this value is dropped, and with this process.
#[derive(Debug)]
pub struct Ministack {
    address: SocketAddr,
    log: PathBuf,
    // Closing its standard input stops it; dropping it kills it.
    child: Child,
}

impl Ministack {
    /// Starts ministack on a free port. Its files go into `dir`, including the unpacked functions.
    ///
    /// # Errors
    /// It does not start. The error has its log.
    pub async fn start(dir: &Path) -> Outcome<Self> {
        tools::install().await?;
        let mut last = None;
        for _ in 0..ATTEMPTS_MAX {
            match launch(dir).await {
                Ok(ministack) => return Ok(ministack),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| "ministack was not started".into()))
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

async fn launch(dir: &Path) -> Outcome<Ministack> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let log = dir.join(format!("ministack-{}.log", address.port()));
    let bin = tools::bin("ministack");
    let file = File::create(&log)?;
    let child = Command::new(bin.join("python"))
        .arg(repo::root().join("tests/tools/serve_aws.py"))
        // Functions inherit ministack's environment, so it only gets variables that AWS would set.
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", dir)
        .env("GATEWAY_PORT", address.port().to_string())
        .env("BIND_HOST", "127.0.0.1")
        .env("AWS_ENDPOINT_URL", format!("http://{address}"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        // Checks every call against the caller's policies, and the functions' calls against their roles.
        .env("AUTH", "true")
        // With the package that checks tokens it would listen on MQTT's own port too.
        .env("IOT_MTLS_ENABLED", "0")
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(file.try_clone()?)
        .stderr(file)
        .kill_on_drop(true)
        .spawn()?;
    let mut ministack = Ministack {
        address,
        log,
        child,
    };
    let deadline = Instant::now() + START_TIMEOUT;
    while tokio::net::TcpStream::connect(address).await.is_err() {
        let ended = ministack.child.try_wait()?;
        if ended.is_some() || Instant::now() > deadline {
            return Err(format!(
                "ministack does not answer ({ended:?}):\n{}",
                ministack.log()
            )
            .into());
        }
        sleep(POLL).await;
    }
    Ok(ministack)
}
