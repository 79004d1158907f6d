//! `restore`: which blob each record belongs to, told to a ledger that was lost.

use std::process::ExitCode;

use aws_config::BehaviorVersion;
use clap::Args;
use office365::TenantId;
use pipeline::lake::Lake;
use pipeline::ledger::Ledger;
use pipeline::restore::{self, Wanted};
use url::Url;

use crate::commands::{CommandError, log, print, progress};
use crate::wall_clock;

/// Status of a run that could not restore everything.
const NOT_WHOLE: u8 = 2;

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Address of the lake: s3://BUCKET, as the stack's output LakeBucket names it, with the AWS settings of the environment
    #[arg(long, value_name = "URL")]
    pub lake: Url,
    /// The ledger's new table in DynamoDB
    #[arg(long, value_name = "NAME")]
    pub table: String,
    /// Restore the claims of this tenant only
    #[arg(long, value_name = "TENANT_ID")]
    pub tenant: Option<TenantId>,
}

pub(crate) async fn main(
    args: &RestoreArgs,
    log_level: Option<&str>,
) -> Result<ExitCode, CommandError> {
    log(log_level.unwrap_or("warn"), None);
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(&aws), args.table.clone());
    let lake = Lake::open(&args.lake)?;
    let wanted = Wanted {
        tenant: args.tenant,
    };
    let bar = progress::waiting();
    let told = |so_far: &restore::Restored| {
        let restore::Restored {
            objects, records, ..
        } = so_far;
        bar.set_message(format!("{records} records of {objects} objects"));
    };
    let restored = restore::run((&ledger, &lake), wanted, wall_clock::now(), told).await;
    bar.finish_and_clear();
    let restored = restored?;
    if restored.objects + restored.passed_over == 0 {
        let lake = &args.lake;
        return Err(format!("{lake} has no events of the last 35 days, nothing is restored: is it the lake's address, and the tenant's id?").into());
    }
    print(&(serde_json::to_string(&restored)? + "\n"))?;
    Ok(if restored.is_whole() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_WHOLE)
    })
}
