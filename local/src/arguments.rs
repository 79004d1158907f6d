//! Options that several commands take.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use normalize::{Filter, OcsfVersion, Options, RawData, RulesError, Schema, SeverityRules};
use pipeline::lake::Codec;
use pipeline::settings::{EventSettings, RecordDedupe};
use secrecy::SecretString;
use url::Url;

/// The pipeline's options: the same for `demo` and `serve`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pipeline")]
pub struct PipelineArgs {
    /// Folder of the lake [default: the folder lake in the data folder]
    #[arg(long, value_name = "DIR")]
    pub lake: Option<PathBuf>,
    /// Address on which the API and the webhook listen
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    pub listen: IpAddr,
    /// Subscribe without a webhook: the sweep alone finds content
    #[arg(long)]
    pub no_webhook: bool,
    /// Seconds between two sweeps
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub sweep_seconds: u64,
    /// Seconds that a batch of blobs may take; after a crash, its blobs are fetched again when they are over
    #[arg(long, default_value_t = 120, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(5..=900))]
    pub batch_seconds: u64,
    /// record: write a record that is in two blobs once; blob: write it twice
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
    /// Replace secrets in the raw copies too
    #[arg(
        long,
        default_value = "off",
        env = "REDACT_RAW",
        value_name = "on|off",
        hide_possible_values = true
    )]
    pub redact_raw: Switch,
    /// How events are made.
    #[command(flatten)]
    pub events: EventArgs,
}

impl PipelineArgs {
    /// The fetcher's settings.
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

/// Which installation a command speaks to.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Installation")]
pub struct ApiArgs {
    /// Address of the API: that of serve, or the output ApiUrl of the stack
    #[arg(
        long,
        env = "API_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    pub api: Url,
    /// Bearer key of the API [default: the one in the file api-key of the data folder]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "KEY", value_parser = secret)]
    pub api_key: Option<SecretString>,
    /// Folder that serve keeps its data in
    #[arg(long, default_value = ".ualstream", value_name = "DIR")]
    pub data: PathBuf,
}

/// The key of the API is neither given nor there.
#[derive(Debug, thiserror::Error)]
#[error(
    "no API key: give it in the environment as API_KEY, or name serve's folder with --data ({file}: {cause})"
)]
pub struct NoApiKey {
    file: String,
    cause: std::io::Error,
}

impl ApiArgs {
    /// The address, with a slash at its end.
    #[must_use]
    pub fn base(&self) -> Url {
        let mut base = self.api.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        base
    }

    /// The key, from the argument or from the file `name` of the data folder.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn key(&self, name: &str) -> Result<SecretString, NoApiKey> {
        if let Some(key) = &self.api_key {
            return Ok(key.clone());
        }
        let file = self.data.join(name);
        match std::fs::read_to_string(&file) {
            Ok(key) => Ok(key.trim().into()),
            Err(cause) => Err(NoApiKey {
                file: file.display().to_string(),
                cause,
            }),
        }
    }
}

/// A moment on the command line: RFC 3339, or a day, which begins at midnight in UTC.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let day: Result<Date, _> = text.parse();
    let at = match day {
        Ok(day) if text.len() == "2026-03-01".len() => {
            day.to_zoned(TimeZone::UTC).map(|at| at.timestamp())
        }
        _ => text.parse(),
    };
    at.map_err(|_| "give a day such as 2026-03-01, or a time such as 2026-03-01T10:00:00Z".into())
}

/// How events are made: the same for records from Microsoft and from files.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Events")]
pub struct EventArgs {
    /// Schema of the events: ocsf, or ecs for Elastic and OpenSearch
    #[arg(long, default_value_t, env = "SCHEMA", value_name = "ocsf|ecs")]
    pub schema: Schema,
    /// OCSF version of the events, from 1.1.0 to 1.8.0
    #[arg(long, default_value_t, env = "OCSF_VERSION", value_name = "VERSION")]
    pub ocsf_version: OcsfVersion,
    /// Events that carry their original record; unmapped: if it could not be mapped in full
    #[arg(
        long,
        default_value = "unmapped",
        env = "RAW_DATA",
        value_name = "always|unmapped|never",
        hide_possible_values = true
    )]
    pub raw_data: RawDataArg,
    /// Replace passwords, keys, tokens and the texts that DLP matched
    #[arg(
        long,
        default_value = "on",
        env = "REDACT",
        value_name = "on|off",
        hide_possible_values = true
    )]
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
#[expect(
    missing_docs,
    reason = "clap would print the documentation of each value as a paragraph"
)]
pub enum Switch {
    On,
    Off,
}

/// [`RawData`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[expect(
    missing_docs,
    reason = "clap would print the documentation of each value as a paragraph"
)]
pub enum RawDataArg {
    Always,
    Unmapped,
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

/// A value parser for secrets, which keeps them out of every `Debug` output of the arguments.
pub(crate) fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_day() {
        let at = |text: &str| moment(text).map(|at| at.to_string());
        assert_eq!(at("2026-03-01").unwrap(), "2026-03-01T00:00:00Z");
        assert_eq!(
            at("2026-03-01T10:00:00+01:00").unwrap(),
            "2026-03-01T09:00:00Z"
        );
        for bad in ["yesterday", "2026-03-01T10:00:00", ""] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }
}
