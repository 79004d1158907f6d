//! `ualstream`: reads the command line and runs the command.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use local::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    let began = Instant::now();
    let cli = Cli::from_arguments(std::env::args_os());
    cli::run(&cli, began).await.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "error: {error}");
        ExitCode::FAILURE
    })
}
