//! The command line: which commands there are.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::time::Instant;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::CommandError;
use crate::commands::files::{
    columns, compact, detect, filter, normalize, restore, rules, with_remedy,
};
use crate::commands::operate::{
    certificate, check, consent, events, keys, losses, replay, tenants,
};
use crate::commands::run::{demo, serve};

/// Microsoft 365 audit records as OCSF events: the whole pipeline on this machine, and tools for records and lakes
#[derive(Debug, Parser)]
#[command(name = "ualstream", version)]
pub struct Cli {
    /// Log lines on standard error: error, warn, info, debug, or directives such as pipeline=debug,warn
    #[arg(
        long,
        env = "LOG_LEVEL",
        global = true,
        value_name = "FILTER",
        display_order = 1_000
    )]
    pub log_level: Option<String>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

const DEMO_NOTES: &str = "\
Everything is in this process: Microsoft, DynamoDB (a SQLite file), SQS, the API, the fetcher and the reconciler. Nothing leaves \
this machine. Ctrl-C stops it, and the next start goes on where this one stopped.";

const SERVE_NOTES: &str = "\
Once it runs, register a tenant with POST /v1/tenants. The address and the file of the key are printed at the start.";

const CONSENT_NOTES: &str = "\
The link works once, for 15 minutes. Without --tenant, the first tenant that has consented and comes back with it is registered: \
compare its id with whom you sent the link to.";

const CERTIFICATE_NOTES: &str = "\
An hour is complete when a later sweep went past it and nothing of it is open, and final when Microsoft lists it no more. Hours \
are those in which Microsoft made content available, in UTC.";

const CHECK_NOTES: &str = "\
It changes nothing, and takes at most six of the requests that Microsoft grants the tenant. It ends with status 2 when the tenant \
is broken.";

const KEYS_NOTES: &str = "\
It takes a key of scope admin that is good for all tenants, such as the installation's own. That one is not listed: a new one is \
stored in its secret, or in the file api-key of serve's folder.";

const REPLAY_NOTES: &str = "\
Ctrl-C stops the report, not the replay. Without --generation the events replace those that are there: that is right after a \
correction of the program, and wrong after a change of schema or filter.";

const RESTORE_NOTES: &str = "\
It reads the events of the last 35 days in the lake and claims their records in the table, with the AWS credentials of this shell; \
nothing else changes, and doing it again goes on. Without it, a record that Microsoft has put into two blobs could be delivered a \
second time. It prints what it did as JSON, and ends with status 2 when a number other than objects and records is not 0.";

/// The commands, each with its options.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the pipeline against an emulated Microsoft that publishes audit records
    #[command(after_help = DEMO_NOTES)]
    Demo(demo::DemoArgs),
    /// Run the pipeline against Microsoft, or a server that speaks like it
    #[command(after_help = SERVE_NOTES)]
    Serve(Box<serve::ServeArgs>),
    /// List, show, register and remove tenants
    Tenants(tenants::TenantsArgs),
    /// Make a link at which another organization's administrator consents, and wait for it
    #[command(after_help = CONSENT_NOTES)]
    Consent(consent::ConsentArgs),
    /// Show what was delivered of each hour, as proof
    #[command(after_help = CERTIFICATE_NOTES)]
    Certificate(certificate::CertificateArgs),
    /// Examine a tenant: what is wrong, what it means, and what to do
    #[command(after_help = CHECK_NOTES)]
    Check(check::CheckArgs),
    /// Show the newest events of a tenant, or those that are looked for
    Events(events::EventsArgs),
    /// List what could not be delivered, or acknowledge it
    Losses(losses::LossesArgs),
    /// List, make, revoke and rotate the keys of the API
    #[command(after_help = KEYS_NOTES)]
    Keys(keys::KeysArgs),
    /// Make the events of a period anew, from the raw copies
    #[command(after_help = REPLAY_NOTES)]
    Replay(replay::ReplayArgs),
    /// Turn raw audit records into events, on standard output
    Normalize(normalize::NormalizeArgs),
    /// Show what a filter would keep, drop and route; writes nothing
    Filter(filter::FilterArgs),
    /// Show what rules would find in records; writes nothing
    Detect(detect::DetectArgs),
    /// List, show, test and lint rules that find threats
    Rules(rules::RulesArgs),
    /// Merge the events of a lake's closed hours into Parquet files in its folder ext
    Compact(compact::CompactArgs),
    /// Tell a ledger that was lost which blob each record belongs to, before its tenants are registered again
    #[command(after_help = RESTORE_NOTES)]
    Restore(restore::RestoreArgs),
    /// Print a script that completes the commands and options in a shell
    Completions {
        /// For which shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the columns of the Parquet files as JSON, with the types of a Glue table
    Columns,
}

impl Cli {
    /// Parses the arguments, the program's name first. Ends the process when they are wrong, or only ask for help.
    #[must_use]
    pub fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self::parse_from(without_separator(arguments))
    }
}

/// Runs the command; `began` is when the process started.
///
/// # Errors
/// What kept the command from its work.
pub async fn run(cli: &Cli, began: Instant) -> Result<ExitCode, CommandError> {
    let log_level = cli.log_level.as_deref();
    match &cli.command {
        Command::Demo(args) => demo::main(args, log_level, began).await,
        Command::Serve(args) => serve::main(args, log_level).await,
        Command::Tenants(args) => tenants::main(args).await,
        Command::Consent(args) => consent::main(args).await,
        Command::Certificate(args) => certificate::main(args).await,
        Command::Check(args) => check::main(args).await,
        Command::Events(args) => events::main(args).await,
        Command::Losses(args) => losses::main(args).await,
        Command::Keys(args) => keys::main(args).await,
        Command::Replay(args) => replay::main(args).await,
        Command::Normalize(args) => normalize::main(args),
        Command::Filter(args) => filter::main(args).await.map_err(with_remedy),
        Command::Detect(args) => detect::main(args).await.map_err(with_remedy),
        Command::Rules(args) => rules::main(args),
        Command::Compact(args) => compact::main(args, log_level).await,
        Command::Restore(args) => restore::main(args, log_level).await.map_err(with_remedy),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "ualstream", &mut io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Columns => columns::main(),
    }
}

/// Leaves out a `--` right after `demo`: who types `cargo demo -- --once` means it for cargo, whose alias has one already. The
/// demo takes no operands, so there is nothing else that it could mean.
fn without_separator(
    arguments: impl IntoIterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let mut is_after_demo = false;
    let mut found = false;
    arguments.into_iter().filter(move |argument| {
        let is_separator = !found && is_after_demo && argument == "--";
        found |= is_separator;
        is_after_demo = argument == "demo";
        !is_separator
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        let arguments = line.split_whitespace().map(OsString::from);
        Cli::try_parse_from(without_separator(arguments))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn json_needs_once() {
        assert!(parse("ualstream demo --json").is_err());
        assert!(parse("ualstream demo --once --json").is_ok());
    }

    #[test]
    fn a_separator_after_demo_is_left_out() {
        for line in [
            "demo --once",
            "demo -- --once",
            "--log-level warn demo -- --once",
        ] {
            let cli = parse(&format!("ualstream {line}")).unwrap();
            assert!(
                matches!(cli.command, Command::Demo(args) if args.once),
                "{line}"
            );
        }
    }

    #[test]
    fn a_separator_before_files_is_kept() {
        let cli = parse("ualstream normalize -- --once").unwrap();
        let Command::Normalize(args) = cli.command else {
            panic!("parsed as another command");
        };
        assert_eq!(args.files, ["--once".into()] as [std::path::PathBuf; 1]);
    }

    #[test]
    fn filter_reads_a_lake_or_files() {
        let is_taken = |more: &str| parse(&format!("ualstream filter --filter f {more}")).is_ok();
        assert!(is_taken("--lake d") && is_taken("a b"));
        assert!(!is_taken("") && !is_taken("--lake d a") && !is_taken("--lake d --days 0"));
    }

    #[test]
    fn detect_reads_a_lake_or_files() {
        let is_taken = |more: &str| parse(&format!("ualstream detect {more}")).is_ok();
        assert!(
            is_taken("--rules d --places c --places n a b")
                && is_taken("--lake d --from 2026-03-01 --to 2026-03-02")
        );
        assert!(!is_taken("") && !is_taken("--lake d a") && !is_taken("a --from 2026-03-01"));
    }

    #[test]
    fn losses_are_listed_or_acknowledged() {
        const TENANT: &str = "11111111-2222-4333-8444-555555555555";
        let is_taken = |more: &str| parse(&format!("ualstream losses {more}")).is_ok();
        assert!(is_taken(TENANT) && is_taken(&format!("{TENANT} --open --json")));
        assert!(is_taken(&format!("acknowledge {TENANT} x --note seen")));
        assert!(!is_taken("") && !is_taken("contoso"));
        assert!(!is_taken(&format!("acknowledge {TENANT} x")));
    }

    #[test]
    fn keys_are_made_with_a_name_and_a_scope() {
        let is_taken = |more: &str| parse(&format!("ualstream keys {more}")).is_ok();
        assert!(is_taken("list --json") && is_taken("create page --scope admin"));
        assert!(is_taken("rotate 0123456789ab") && is_taken("revoke 0123456789ab"));
        assert!(!is_taken("") && !is_taken("create page --scope all") && !is_taken("revoke"));
    }

    #[test]
    fn counts_of_zero_are_refused() {
        for bad in [
            "--tenants=0",
            "--blobs=0",
            "--records-per-blob=0",
            "--sweep-seconds=0",
        ] {
            assert!(parse(&format!("ualstream demo {bad}")).is_err(), "{bad}");
        }
    }
}
