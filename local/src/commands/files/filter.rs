//! `filter`: what a filter would do with the raw copies of a lake, or with files of records. It writes nothing.

mod dry_run;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use normalize::Filter;
use pipeline::lake::{Lake, LakeError};

use self::dry_run::{DryRun, DryRunError};
use self::report::Report;
use super::raw_copies;
use crate::commands::{CommandError, print};
use crate::wall_clock;

/// Options of `filter`.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// File of rules (docs/FILTER.md)
    #[arg(long, value_name = "FILE")]
    pub filter: PathBuf,
    /// Lake whose raw copies are read: a folder, or s3://bucket with the AWS settings of the environment
    #[arg(long, value_name = "DIR|URL", required_unless_present = "files")]
    pub lake: Option<String>,
    /// Days of the lake to read, up to today (UTC)
    #[arg(long, default_value_t = 7, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3660))]
    pub days: u16,
    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,
    /// Files of records: JSON lines, objects or arrays, or a CSV export, records in AuditData too; plain or gzip; - is standard input
    #[arg(value_name = "FILE", conflicts_with = "lake")]
    pub files: Vec<PathBuf>,
}

pub(crate) async fn main(args: &FilterArgs) -> Result<ExitCode, CommandError> {
    let report = run(args, wall_clock::now()).await?;
    let text = if args.json {
        serde_json::to_string(&report)? + "\n"
    } else {
        report.to_string()
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn run(args: &FilterArgs, now: Timestamp) -> Result<Report, DryRunError> {
    let text = std::fs::read_to_string(&args.filter).map_err(DryRunError::Filter)?;
    let filter = Filter::parse(&text)?;
    let mut run = DryRun::new(&filter);
    if let Some(lake) = &args.lake {
        let lake = Lake::open(&raw_copies::address(lake)?).map_err(LakeError::from)?;
        let today = now.to_zoned(TimeZone::UTC).date();
        let since = today.saturating_sub(Span::new().days(i64::from(args.days) - 1));
        run.lake(&lake, since).await?;
    }
    for file in &args.files {
        run.file(file)?;
    }
    Ok(Report::new(run, text.trim().len()))
}
