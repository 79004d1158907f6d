//! AWS on a loopback port: ministack, with permissions enforced.

use std::net::SocketAddr;
use std::path::Path;

use tokio::process::Command;

use crate::served::Served;
use crate::{Outcome, repo, tools};

/// Starts ministack on a free port. Its files go into `dir`, including the unpacked functions.
///
/// # Errors
/// It does not start. The error has its log.
pub async fn start(dir: &Path) -> Outcome<Served> {
    tools::install_ministack().await?;
    let command = |address: SocketAddr| {
        let mut command = Command::new(tools::bin("ministack").join("python"));
        command
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
            .current_dir(dir);
        command
    };
    Served::start("ministack", dir, command).await
}
