//! `compact`: the compactor on a folder.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use pipeline::compact::{self, Compactor, LOOK_BACK_DAYS, Looks, Report, Run};
use pipeline::lake::Lake;
use pipeline::lake::{Destination, PartitionValue};
use tokio::time::Instant;
use url::Url;

use crate::commands::{CommandError, log, print};
use crate::wall_clock;

/// Time for a run. On AWS it is minutes; here nobody bills it, but a run without an end would never be noticed.
const WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Options of `compact`.
#[derive(Debug, Args)]
pub struct CompactArgs {
    /// Folder of the lake
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
    /// Merge the hours that were over at this time, such as 2026-03-01T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub now: Option<Timestamp>,
    /// Days to look back for events that are in no file yet
    #[arg(long, default_value_t = LOOK_BACK_DAYS, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=4_000))]
    pub look_back_days: u32,
    /// Region in the files' paths: region=NAME
    #[arg(long, default_value = "local", value_name = "NAME")]
    pub region: PartitionValue,
    /// Account in the files' paths: accountId=NAME
    #[arg(long, default_value = "000000000000", value_name = "NAME")]
    pub account_id: PartitionValue,
}

pub(crate) async fn main(
    args: &CompactArgs,
    log_level: Option<&str>,
) -> Result<ExitCode, CommandError> {
    log(log_level.unwrap_or("warn,pipeline=info"), None);
    let report = run(args).await?;
    print(&(serde_json::to_string(&report)? + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

async fn run(args: &CompactArgs) -> Result<Report, CommandError> {
    let folder = fs::canonicalize(&args.lake)
        .map_err(|error| format!("{}: {error}", args.lake.display()))?;
    let url = Url::from_directory_path(&folder).map_err(|()| {
        format!(
            "{} cannot be written as a file:// address",
            folder.display()
        )
    })?;
    let compactor = Compactor {
        lake: Lake::open(&url)?,
        destination: Destination {
            region: args.region.clone(),
            account_id: args.account_id.clone(),
        },
    };
    let run = Run {
        now: args.now.unwrap_or_else(wall_clock::now),
        look_back_days: args.look_back_days,
        // Whoever calls it by hand has a reason.
        looks: Looks::All,
        deadline: Instant::now() + WITHIN,
    };
    Ok(compact::run(&compactor, run).await?)
}
