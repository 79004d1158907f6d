//! The emulator as a program: one line of JSON says where it is and how to log in, then it serves until Ctrl-C.

mod arguments;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use emulator::{Emulator, generator};
use serde_json::json;
use tracing_subscriber::EnvFilter;

use arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")),
        )
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(count) = arguments.print_records {
        return Ok(print_records(arguments.seed, count)?);
    }
    let microsoft = Emulator::start(arguments.config()?).await?;
    let line = json!({
        "login_url": microsoft.login_url().as_str(),
        "manage_url": microsoft.manage_url().as_str(),
        "client_id": microsoft.client_id(),
        "client_secret": microsoft.client_secret(),
        "tenants": microsoft.tenants(),
    });
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    microsoft.shutdown().await;
    Ok(())
}

fn print_records(seed: u64, count: usize) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for record in generator::ordinary(seed).take(count) {
        writeln!(out, "{record}")?;
    }
    out.flush()
}
