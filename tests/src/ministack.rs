//! AWS on a loopback port: ministack, with rights enforced.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::{Outcome, repo, tools};

/// It starts in two seconds on an idle machine; builds may be running beside it.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// How often it is asked whether it answers.
const POLL: Duration = Duration::from_millis(200);

/// A port that was free may be taken before it listens; not three times in a row.
const ATTEMPTS_MAX: usize = 3;

/// A running ministack. It dies with this value, and with this process.
#[derive(Debug)]
pub struct Ministack {
    address: SocketAddr,
    log: PathBuf,
    // Closing its standard input ends it, and dropping it kills it.
    child: Child,
}

impl Ministack {
    /// Starts one on a free port. Its files, the unpacked functions among them, go into `dir`.
    ///
    /// # Errors
    /// It does not start; with its log.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it is to `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it logged so far.
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
        // Functions inherit ministack's environment: give it nothing that AWS would not.
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", dir)
        .env("GATEWAY_PORT", address.port().to_string())
        .env("BIND_HOST", "127.0.0.1")
        .env("AWS_ENDPOINT_URL", format!("http://{address}"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        // Every call is checked against the caller's policies, the functions' own calls against their roles.
        .env("AUTH", "true")
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
