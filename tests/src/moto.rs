//! AWS on a loopback port, by other people than ministack's: moto.

use std::net::SocketAddr;
use std::path::Path;

use tokio::process::Command;

use crate::served::Served;
use crate::{Outcome, repo, tools};

/// Starts moto on a free port. Its log goes into `dir`.
///
/// # Errors
/// It does not start. The error has its log.
pub async fn start(dir: &Path) -> Outcome<Served> {
    tools::install_moto().await?;
    let command = |address: SocketAddr| {
        let mut command = Command::new(tools::bin("moto").join("python"));
        command
            .arg(repo::root().join("tests/tools/serve_moto.py"))
            .arg(address.port().to_string())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TMPDIR", dir)
            .current_dir(dir);
        command
    };
    Served::start("moto", dir, command).await
}
