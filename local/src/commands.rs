//! The commands, one file each: its options, what it does, and how it reports. They stand by what they work on.

pub mod files;
pub mod operate;
mod progress;
pub mod run;
mod table;

use std::io::{self, Write as _};

use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, filter as level, fmt};

use crate::story::Story;

/// What kept a command from its work, for standard error.
pub type CommandError = Box<dyn std::error::Error + Send + Sync>;

/// The embedded servers warn of every refused condition, and refused conditions are how the ledger works.
const QUIET: &str = "dynoxide=error,rustack_sqs_core=error,rustack_sqs_http=error";

/// Begins to log to standard error. A story, if there is one, gets the pipeline's events whatever the level is.
fn log(level: &str, story: Option<&Story>) {
    let filter =
        EnvFilter::try_new(format!("{QUIET},{level}")).unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = fmt::layer().with_writer(io::stderr).with_filter(filter);
    let steps = story.map(|story| {
        story
            .layer()
            .with_filter(level::Targets::new().with_target("pipeline", tracing::Level::INFO))
    });
    tracing_subscriber::registry()
        .with(lines)
        .with(steps)
        .init();
}

/// Prints to standard output. Who reads it may go away before the end, as `head` does: that is no error.
fn print(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
