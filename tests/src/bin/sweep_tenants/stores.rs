//! The embedded DynamoDB and SQS in a process of their own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use local::backends::{self, Storage};
use serde::{Deserialize, Serialize};
use tests::Outcome;

/// As in template.yaml.
const VISIBILITY: Duration = Duration::from_secs(720);

/// Where they are.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) dynamodb: String,
    pub(crate) sqs: String,
    pub(crate) queue: String,
    pub(crate) sweep_queue: String,
}

/// The process, which ends with this.
#[derive(Debug)]
pub(crate) struct Stores {
    child: Child,
    pub(crate) at: Addresses,
}

impl Stores {
    /// Starts it.
    pub(crate) fn start() -> Outcome<Self> {
        let (child, line) = spawn(&["stores"])?;
        let at = serde_json::from_str(&line)?;
        Ok(Self { child, at })
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts this program with other arguments; returns it with its first line, which says that it is ready.
pub(crate) fn spawn(arguments: &[&str]) -> Outcome<(Child, String)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("no output")?;
    let mut reader = BufReader::new(stdout);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    child.stdout = Some(reader.into_inner());
    Ok((child, line))
}

/// Runs them until the input ends.
pub(crate) async fn serve() -> Outcome<()> {
    let running = backends::start(Storage::Memory, VISIBILITY).await?;
    let at = Addresses {
        dynamodb: running.dynamodb_url(),
        sqs: running.sqs_url(),
        queue: running.queue_url.clone(),
        sweep_queue: running.sweep_queue_url.clone(),
    };
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&at)?)?;
    let input = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    input.await?;
    running.stop().await;
    Ok(())
}
