//! The command line.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use normalize::{Filter, OcsfVersion, Options, RawData, RulesError, Schema, SeverityRules};
use pipeline::compact::LOOK_BACK_DAYS;
use pipeline::lake::Codec;
use pipeline::lake::PartitionValue;
use pipeline::settings::{EventSettings, RecordDedupe};
use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

/// Office 365 audit records, without gaps: the whole pipeline in this process, on embedded back ends.
#[derive(Debug, Parser)]
#[command(name = "local", version, about, long_about = None)]
pub struct Cli {
    /// Log lines on standard error: error, warn, info, debug, or such as `pipeline=debug,warn`
    #[arg(
        long,
        env = "LOG_LEVEL",
        global = true,
        value_name = "FILTER",
        display_order = 1_000
    )]
    pub log_level: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run against an emulated Microsoft that publishes audit records
    ///
    /// Everything is in this process: Microsoft, DynamoDB (a SQLite file), SQS, the API and the four functions. A second
    /// start goes on where the first ended. Nothing leaves this machine.
    Demo(DemoArgs),
    /// Run against Microsoft, or any server that speaks like it
    ///
    /// Register a tenant with `POST /v1/tenants` when it runs; the address and the key are printed at the start.
    Serve(Box<ServeArgs>),
    /// Turn raw audit records into OCSF events on standard output
    Normalize(NormalizeArgs),
    /// Merge the events of a lake's closed hours into Parquet files below its folder ext
    Compact(CompactArgs),
    /// Print the columns of the Parquet files, with the types of a Glue table, as JSON
    Columns,
    /// Tell what a filter would do with the records of a lake or of files; nothing is written
    Filter(FilterArgs),
}

/// What both ways to run have in common.
#[derive(Debug, Args)]
pub struct CommonArgs {
    /// Folder of the lake; default is the folder `lake` in the data folder
    #[arg(long, value_name = "DIR")]
    pub lake: Option<PathBuf>,
    /// Address that API and webhook listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    pub listen: IpAddr,
    /// Leave delivery to the sweep alone
    #[arg(long)]
    pub no_webhook: bool,
    /// Seconds between two sweeps
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub sweep_seconds: u64,
    /// Seconds for one batch of blobs; after a kill, what it was at is taken up again when they are over
    #[arg(long, default_value_t = 120, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(5..=900))]
    pub batch_seconds: u64,
    /// Records in several blobs: `record` writes each once, `blob` as often as it comes
    #[arg(
        long,
        default_value = "record",
        env = "RECORD_DEDUPE",
        value_name = "record|blob"
    )]
    pub record_dedupe: RecordDedupe,
    /// Compression of events
    #[arg(
        long,
        default_value = "gzip",
        env = "LAKE_COMPRESSION",
        value_name = "gzip|zstd"
    )]
    pub lake_compression: Codec,
    /// Store raw copies without passwords, keys, tokens and what DLP matched
    #[arg(long, default_value = "off", env = "REDACT_RAW", value_name = "on|off")]
    pub redact_raw: Switch,
    /// How events are made.
    #[command(flatten)]
    pub events: EventArgs,
}

impl CommonArgs {
    /// How events are written.
    #[must_use]
    pub fn events(&self) -> EventSettings {
        EventSettings {
            dedupe: self.record_dedupe,
            options: self.events.options(),
            codec: self.lake_compression,
            redact_raw: self.redact_raw == Switch::On,
        }
    }

    /// Time between two sweeps.
    #[must_use]
    pub fn sweep_every(&self) -> Duration {
        Duration::from_secs(self.sweep_seconds)
    }

    /// Time for one batch.
    #[must_use]
    pub fn batch_within(&self) -> Duration {
        Duration::from_secs(self.batch_seconds)
    }

    /// The API's address.
    #[must_use]
    pub fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.listen, port)
    }
}

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// End when everything published is in the lake, with status 0 only if it is there exactly once or the filter drops it
    #[arg(long)]
    pub once: bool,
    /// With --once: one line of JSON as the only standard output
    #[arg(long, requires = "once")]
    pub json: bool,
    /// Tenants
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub tenants: u32,
    /// Blobs each tenant publishes; default is 40 with --once, and no end without
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub blobs: Option<u32>,
    // More would exceed the 96 MiB that the fetcher takes of one blob.
    /// Records in each blob
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub records_per_blob: u32,
    /// Publish the raw records of this NDJSON file instead of generated ones
    #[arg(long, value_name = "FILE")]
    pub records: Option<PathBuf>,
    /// The same seed publishes the same records; default is 1, and another at each further start
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder of ledger, lake and keys; default is .ualstream, and with --once a new one that is removed at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Port of API and webhook; default is any that is free
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
    /// Port of the emulated Microsoft; default is any that is free
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub emulator_port: u16,
    #[command(flatten)]
    /// See [`CommonArgs`].
    pub common: CommonArgs,
}

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Application (client) id of the app registration
    #[arg(long, env = "CLIENT_ID", value_name = "GUID")]
    pub client_id: Uuid,
    /// Client secret of the app registration; rather in the environment, where process lists do not show it
    #[arg(long, env = "CLIENT_SECRET", hide_env_values = true, value_name = "SECRET", value_parser = secret)]
    pub client_secret: SecretString,
    /// Tenant GUID of whoever runs this: Microsoft counts requests by it
    #[arg(long, env = "PUBLISHER_ID", value_name = "GUID")]
    pub publisher_id: Uuid,
    /// Where tokens come from, instead of Microsoft
    #[arg(long, env = "LOGIN_URL", value_name = "URL")]
    pub login_url: Option<Url>,
    /// Where the Management Activity API is, instead of at Microsoft
    #[arg(long, env = "MANAGE_URL", value_name = "URL")]
    pub manage_url: Option<Url>,
    /// Address under which Microsoft reaches --port; it must be https, with a certificate the world trusts
    #[arg(long, env = "WEBHOOK_BASE_URL", value_name = "URL")]
    pub public_url: Option<Url>,
    /// Port of API and webhook
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    pub port: u16,
    /// Folder of ledger, lake and keys
    #[arg(long, default_value = ".ualstream", value_name = "DIR")]
    pub data: PathBuf,
    /// Key of the API; default is the one in the file `api-key` of the data folder, made at the first start
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "KEY", value_parser = secret)]
    pub api_key: Option<SecretString>,
    /// Master key of the webhook, 32 characters at least; default is the one in the file `webhook-key`
    #[arg(long, env = "WEBHOOK_KEY", hide_env_values = true, value_name = "KEY", value_parser = secret)]
    pub webhook_key: Option<SecretString>,
    #[command(flatten)]
    /// See [`CommonArgs`].
    pub common: CommonArgs,
}

/// `normalize`
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// Files of raw records: one a line, or one JSON array; plain or gzip; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How events are made.
    #[command(flatten)]
    pub events: EventArgs,
}

/// `compact`
#[derive(Debug, Args)]
pub struct CompactArgs {
    /// Folder of the lake
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
    /// As if it were this time, such as 2026-03-01T12:00:00Z: hours that are over by then are merged
    #[arg(long, value_name = "TIME")]
    pub now: Option<Timestamp>,
    /// Days to look back for events that are in no file yet
    #[arg(long, default_value_t = LOOK_BACK_DAYS, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=4_000))]
    pub look_back_days: u32,
    /// What stands behind region= in the files' paths
    #[arg(long, default_value = "local", value_name = "NAME")]
    pub region: PartitionValue,
    /// What stands behind accountId= in the files' paths
    #[arg(long, default_value = "000000000000", value_name = "NAME")]
    pub account_id: PartitionValue,
}

/// `filter`
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// File of rules (docs/FILTER.md)
    #[arg(long, value_name = "FILE")]
    pub filter: PathBuf,
    /// Lake whose raw copies are read: a folder, or s3://bucket with the AWS settings of the environment
    #[arg(long, value_name = "DIR|URL", required_unless_present = "files")]
    pub lake: Option<String>,
    /// Days of the lake that are read, today (UTC) being the last
    #[arg(long, default_value_t = 7, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3660))]
    pub days: u16,
    /// JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Files of raw records, as `normalize` takes them
    #[arg(value_name = "FILE", conflicts_with = "lake")]
    pub files: Vec<PathBuf>,
}

/// How events are made: the same for records from Microsoft and from files.
#[derive(Args, Clone, Debug)]
pub struct EventArgs {
    /// When an event carries its original
    #[arg(
        long,
        default_value = "unmapped",
        env = "RAW_DATA",
        value_name = "WHEN"
    )]
    pub raw_data: RawDataArg,
    /// The version of OCSF that events are valid in: 1.8.0 down to 1.1.0
    #[arg(long, default_value_t, env = "OCSF_VERSION", value_name = "VERSION")]
    pub ocsf_version: OcsfVersion,

    /// What events are written in: ocsf, or ecs for Elastic and OpenSearch
    #[arg(long, default_value_t, env = "SCHEMA", value_name = "SCHEMA")]
    pub schema: Schema,
    /// Replace passwords, keys, tokens and what DLP matched
    #[arg(long, default_value = "on", env = "REDACT", value_name = "on|off")]
    pub redact: Switch,
    /// File of rules that drop, keep or route records (docs/FILTER.md)
    #[arg(long, value_name = "FILE", value_parser = rules_of(Filter::parse))]
    pub filter: Option<Filter>,
    /// File of rules that set severities (docs/EVENTS.md)
    #[arg(long, value_name = "FILE", value_parser = rules_of(SeverityRules::parse))]
    pub severity_rules: Option<SeverityRules>,
}

impl EventArgs {
    /// The normalizer's options.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            raw_data: self.raw_data.into(),
            version: self.ocsf_version,
            schema: self.schema,
            redact: self.redact == Switch::On,
            filter: self.filter.clone().unwrap_or_default(),
            severity: self.severity_rules.clone().unwrap_or_default(),
        }
    }
}

/// Reads rules from a file.
fn rules_of<T>(
    parse: impl Fn(&str) -> Result<T, RulesError> + Clone,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |path| {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        parse(&text).map_err(|error| error.to_string())
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// [`RawData`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RawDataArg {
    /// Every event
    Always,
    /// Events that the record could not be mapped to in full
    Unmapped,
    /// No event
    Never,
}

impl From<RawDataArg> for RawData {
    fn from(of: RawDataArg) -> Self {
        match of {
            RawDataArg::Always => Self::Always,
            RawDataArg::Unmapped => Self::Unmapped,
            RawDataArg::Never => Self::Never,
        }
    }
}

/// Keeps a secret from being printed with the arguments.
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_json_line_is_for_a_single_run_only() {
        assert!(Cli::try_parse_from(["local", "demo", "--json"]).is_err());
        assert!(Cli::try_parse_from(["local", "demo", "--once", "--json"]).is_ok());
    }

    #[test]
    fn a_dry_run_reads_a_lake_or_files() {
        let parse = |more: &[&str]| {
            Cli::try_parse_from(["local", "filter", "--filter", "f"].iter().chain(more)).is_ok()
        };
        assert!(parse(&["--lake", "d"]) && parse(&["a", "b"]));
        assert!(
            !parse(&[]) && !parse(&["--lake", "d", "a"]) && !parse(&["--lake", "d", "--days", "0"])
        );
    }

    #[test]
    fn counts_are_bounded() {
        for bad in [
            "--tenants=0",
            "--blobs=0",
            "--records-per-blob=0",
            "--sweep-seconds=0",
        ] {
            assert!(
                Cli::try_parse_from(["local", "demo", bad]).is_err(),
                "{bad}"
            );
        }
    }
}
