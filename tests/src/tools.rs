//! The pinned command-line tools in `.tools/`, installed on first use.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::{Outcome, repo};

/// A first installation downloads 500 MB. It takes two minutes on a fast line, and perhaps five times that on a slow
/// one.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Most bytes shown of a failed command's output, from its end: enough for a compiler's errors.
const SHOWN_BYTES_MAX: usize = 20_000;

/// Installs what is missing. Fast when nothing is. Several test processes may call it at the same time.
///
/// # Errors
/// The installation fails. The error has its output.
pub async fn install() -> Outcome<()> {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    INSTALLED.get_or_try_init(|| installed(&[])).await.copied()
}

/// Only installs DuckDB and PyArrow, in the environment `lake`.
///
/// # Errors
/// The installation fails. The error has its output.
pub async fn install_lake() -> Outcome<()> {
    installed(&["lake"]).await
}

/// Only installs Schemathesis, in the environment `openapi`.
///
/// # Errors
/// The installation fails. The error has its output.
pub async fn install_openapi() -> Outcome<()> {
    installed(&["openapi"]).await
}

/// Only installs MSAL, in the environment `msal`.
///
/// # Errors
/// The installation fails. The error has its output.
pub async fn install_msal() -> Outcome<()> {
    installed(&["msal"]).await
}

/// Only installs ministack, in the environment `ministack`.
///
/// # Errors
/// The installation fails. The error has its output.
pub async fn install_ministack() -> Outcome<()> {
    installed(&["ministack"]).await
}

/// Only installs moto, in the environment `moto`.
///
/// # Errors
/// The installation fails. The error has its output.
pub async fn install_moto() -> Outcome<()> {
    installed(&["moto"]).await
}

async fn installed(arguments: &[&str]) -> Outcome<()> {
    let mut command = Command::new(repo::root().join("tests/tools/install.sh"));
    run(command.args(arguments), INSTALL_TIMEOUT)
        .await
        .map(drop)
}

/// A tool in `.tools/sam` (`sam`, `aws`, `cfn-lint`, `checkov`, `python`), without any settings of the developer's own
/// AWS account in its environment.
#[must_use]
pub fn sam_tool(name: &str) -> Command {
    let bin = bin("sam");
    let mut command = Command::new(bin.join(name));
    command
        .env("PATH", path_with(&bin))
        .env("SAM_CLI_TELEMETRY", "0")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_PAGER", "")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_REGION")
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_ENDPOINT_URL")
        .current_dir(repo::root());
    command
}

/// The folder with the executables of an environment.
#[must_use]
pub fn bin(environment: &str) -> PathBuf {
    repo::root().join(".tools").join(environment).join("bin")
}

/// `PATH` with `first` in front.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "not a setting: child processes need cargo and python from it"
)]
pub fn path_with(first: &std::path::Path) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = first.as_os_str().to_owned();
    all.push(":");
    all.push(path);
    all
}

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// It cannot be started, fails or takes too long. The error has the end of its output.
pub async fn run(command: &mut Command, limit: Duration) -> Outcome<String> {
    run_with_input(command, Stdio::null(), limit).await
}

/// The same as [`run`], with standard input.
///
/// # Errors
/// The same as for [`run`].
pub async fn run_with_input(
    command: &mut Command,
    input: Stdio,
    limit: Duration,
) -> Outcome<String> {
    let output = command.stdin(input).kill_on_drop(true).output();
    let name = || {
        command
            .as_std()
            .get_program()
            .to_string_lossy()
            .into_owned()
    };
    let output = match timeout(limit, output).await {
        Err(_) => return Err(format!("{} took more than {} s", name(), limit.as_secs()).into()),
        Ok(Err(error)) => return Err(format!("{}: {error}", name()).into()),
        Ok(Ok(output)) => output,
    };
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let all = printed + &String::from_utf8_lossy(&output.stderr);
    Err(format!("{} failed ({}):\n{}", name(), output.status, tail(&all)).into())
}

/// The end of a text, at most 20,000 bytes.
#[must_use]
pub fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(SHOWN_BYTES_MAX);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}
