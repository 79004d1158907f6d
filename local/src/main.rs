//! `local demo`, `local serve`, `local normalize`, `local filter`, `local compact`, `local columns`.

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;
use local::cli::{Cli, Command, CompactArgs, DemoArgs, FilterArgs, NormalizeArgs, ServeArgs};
use local::files::{Tally, normalize_file};
use local::story::Story;
use local::{demo, dry_run, installation, parquet, signals, story, wall_clock};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, filter, fmt};

/// The embedded servers log every refused condition as a warning; here that is how the ledger works.
const QUIET: &str = "dynoxide=error,rustack_sqs_core=error,rustack_sqs_http=error";

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let began = Instant::now();
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Normalize(args) => normalize(args),
        Command::Filter(args) => dry_run(args),
        Command::Demo(args) => run_demo(args, cli.log_level.as_deref(), began),
        Command::Serve(args) => run_serve(args, cli.log_level.as_deref()),
        Command::Compact(args) => run_compact(args, cli.log_level.as_deref()),
        Command::Columns => {
            parquet::write_columns(&mut io::stdout().lock()).map(|()| ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "error: {error}");
        ExitCode::FAILURE
    })
}

fn normalize(args: &NormalizeArgs) -> Result<ExitCode, AnyError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut code = ExitCode::SUCCESS;
    let options = args.events.options();
    let mut tally = Tally::default();
    for file in &args.files {
        match normalize_file(file, &options, &mut out) {
            Ok(more) => tally += more,
            Err(error) if error.is_broken_pipe() => return Ok(code),
            Err(error) => {
                writeln!(io::stderr(), "error: {} {error}", file.display())?;
                code = ExitCode::FAILURE;
            }
        }
    }
    if tally.dropped > 0 {
        writeln!(
            io::stderr(),
            "of {} records, the filter dropped {}",
            tally.records,
            tally.dropped
        )?;
    }
    if tally.unknown_types > 0 || tally.unknown_operations > 0 {
        writeln!(
            io::stderr(),
            "of {} records, {} are of a type and {} have an operation that is not known",
            tally.records,
            tally.unknown_types,
            tally.unknown_operations
        )?;
    }
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(code),
    }
}

#[tokio::main]
async fn dry_run(args: &FilterArgs) -> Result<ExitCode, AnyError> {
    let report = dry_run::run(args, wall_clock::now()).await?;
    let text = if args.json {
        serde_json::to_string(&report)? + "\n"
    } else {
        report.to_string()
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[tokio::main]
async fn run_demo(
    args: &DemoArgs,
    log_level: Option<&str>,
    began: Instant,
) -> Result<ExitCode, AnyError> {
    let out: Box<dyn io::Write + Send> = if args.json {
        Box::new(io::stderr())
    } else {
        Box::new(io::stdout())
    };
    let story = story::begin(out, began)?;
    log(log_level.unwrap_or("warn"), Some(&story));
    let summary = demo::run(args, &story, began, signals::interrupted()?).await;
    story.end();
    let summary = summary?;
    if args.json {
        writeln!(io::stdout(), "{}", serde_json::to_string(&summary)?)?;
    }
    let good = if args.once {
        summary.is_exact()
    } else {
        summary.lost == 0 && summary.duplicates == 0
    };
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[tokio::main]
async fn run_serve(args: &ServeArgs, log_level: Option<&str>) -> Result<ExitCode, AnyError> {
    log(
        log_level.unwrap_or("warn,pipeline=info,office365=info,local=info"),
        None,
    );
    let interrupted = signals::interrupted()?;
    let serving = installation::start(args).await?;
    writeln!(io::stdout(), "{}", installation::header(&serving, args))?;
    interrupted.await;
    writeln!(
        io::stdout(),
        "stopping: what is under way is finished first"
    )?;
    let finished = serving.stop().await;
    Ok(if finished {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[tokio::main]
async fn run_compact(args: &CompactArgs, log_level: Option<&str>) -> Result<ExitCode, AnyError> {
    log(log_level.unwrap_or("warn,pipeline=info"), None);
    let report = parquet::compact(args).await?;
    writeln!(io::stdout(), "{}", serde_json::to_string(&report)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Log lines to standard error; the story, if there is one, from the pipeline's events whatever the level.
fn log(level: &str, story: Option<&Story>) {
    let filter =
        EnvFilter::try_new(format!("{QUIET},{level}")).unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = fmt::layer().with_writer(io::stderr).with_filter(filter);
    let told = story.map(|story| {
        story
            .layer()
            .with_filter(filter::Targets::new().with_target("pipeline", tracing::Level::INFO))
    });
    tracing_subscriber::registry().with(lines).with(told).init();
}
