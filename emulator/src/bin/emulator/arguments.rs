//! The program's arguments.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Parser;
use emulator::{Config, ContentType, Scenario, Story, StoryEntry, Tls};
use url::Url;
use uuid::Uuid;

/// The Office 365 Management Activity API on your own machine: token endpoint, subscriptions, webhooks, content, blobs.
///
/// Prints one line of JSON (login_url, manage_url, client_id, client_secret, tenants), then serves until Ctrl-C.
/// Give your collector the two URLs in place of https://login.microsoftonline.com and https://manage.office.com, the id and secret, and a tenant.
#[derive(Debug, Parser)]
#[command(name = "emulator", version, after_long_help = CONTROL)]
pub(crate) struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8765)]
    port: u16,
    /// Address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// How the emulator spells its own addresses (contentUri, NextPageUri), if not by host and port.
    #[arg(long, value_name = "URL")]
    public_url: Option<Url>,
    /// Answer HTTPS alone, with this PEM certificate and, after it, those between it and the authority that clients trust.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The PEM key of the TLS certificate.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// The same seed gives the same tenants, credentials, records, blobs and faults.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Number of tenants.
    #[arg(long, default_value_t = 1)]
    tenants: usize,
    /// A further tenant, by its id. May be given several times.
    #[arg(long = "tenant", value_name = "GUID")]
    more_tenants: Vec<Uuid>,
    /// Content type to publish in. May be given several times; all five by default.
    #[arg(long = "content-type", value_name = "NAME")]
    content_types: Vec<ContentType>,
    /// Blobs published per tenant, once its content types are subscribed.
    #[arg(long, default_value_t = 20)]
    blobs: usize,
    /// Records in a blob: a number, or a range such as 0-500.
    #[arg(long, default_value = "1-50", value_parser = range)]
    records_per_blob: RangeInclusive<usize>,
    /// Pace per tenant; as fast as possible by default.
    #[arg(long, value_name = "NUMBER")]
    blobs_per_second: Option<f64>,
    /// Publish the raw audit records of this file (one JSON object a line) instead of generated ones.
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Tell an attack among the records of each tenant: password_spray, consent_phishing, insider_mass_download, federation_takeover or onedrive_ransomware. May be given several times.
    #[arg(long = "story", value_name = "NAME")]
    stories: Vec<Story>,
    /// Print this many records of an ordinary mix, one a line, and end: as --seed says, of one tenant, one record a second.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) print_records: Option<usize>,
    /// A scenario: {"behaviour": {...}, "faults": [...], "stories": [...], "tenants": {"<guid>": {...}}, "administrator": {...}}; see the README.
    #[arg(long, alias = "plan", value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Announce nothing to webhooks: content is found by listing alone.
    #[arg(long)]
    no_notify: bool,
    /// Accept http:// webhook addresses, which Microsoft refuses.
    #[arg(long)]
    allow_http_webhooks: bool,
    /// Accept any certificate of an https:// webhook, such as a self-signed one.
    #[arg(long)]
    allow_any_webhook_certificate: bool,
    /// Tenants have not consented: tokens carry no roles.
    #[arg(long)]
    no_consent: bool,
    /// The application's id instead of one from the seed.
    #[arg(long, value_name = "GUID")]
    client_id: Option<Uuid>,
    /// The application's secret instead of one from the seed.
    #[arg(long, value_name = "TEXT")]
    client_secret: Option<String>,
    /// PEM certificate whose key may sign client assertions. May be given several times.
    #[arg(long = "client-certificate", value_name = "FILE")]
    client_certificates: Vec<PathBuf>,
    /// Redirect URI registered for consent. May be given several times; any is accepted when there is none.
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<Url>,
    /// The resource that tokens are for.
    #[arg(long, value_name = "URL", default_value = "https://manage.office.com")]
    resource: String,
}

const CONTROL: &str = "\
Control API, for other processes (JSON over HTTP on the same port):
  GET    /_emulator/published[?ids=true]  what an enabled subscriber must have in the end, and whether publishing is finished
  POST   /_emulator/publish               {\"tenant\", \"content_type\", \"records\": [...]} or \"body\": \"any text\"
  GET, POST /_emulator/stories            {\"tenant\", \"story\": \"password_spray\"}: tells an attack, in the content types that are subscribed
  GET    /_emulator/requests              requests that came in, with counts per operation
  GET    /_emulator/starts                calls of /subscriptions/start and their outcome
  GET    /_emulator/deliveries            attempts to notify webhooks
  GET    /_emulator/waiting               announcements that are not settled yet
  GET    /_emulator/violations            calls that broke one of Microsoft's rules
  GET, POST, DELETE /_emulator/faults     {\"kind\": \"throttle\", \"operation\": \"blob\", \"probability\": 0.1}; a list adds several
  GET, POST /_emulator/clock              {\"advance_seconds\": 604800}
  POST   /_emulator/notify                {\"on\": false}
  GET    /_emulator/tenants               their ids
  PUT    /_emulator/administrator         {\"decision\": \"accept\"|\"decline\"|\"ask\", \"tenant\", \"forged_tenant\", \"omit_state\"}
  PUT    /_emulator/credential            {\"state\": \"valid\"|\"expired\"|\"removed\"}: the secret and the certificates
  PUT    /_emulator/tenants/{id}          adds or changes one: {\"consent\": \"granted\"|\"roleless\"|\"missing\", \"roles\", \"auditing\", ...}

Example, from an empty shell:
  TOKEN=$(curl -s $LOGIN_URL$TENANT/oauth2/v2.0/token -d grant_type=client_credentials -d client_id=$CLIENT_ID \\
    -d client_secret=$CLIENT_SECRET -d scope=https://manage.office.com/.default | jq -r .access_token)
  FEED=${MANAGE_URL}api/v1.0/$TENANT/activity/feed
  curl -X POST -H \"Authorization: Bearer $TOKEN\" -H 'Content-Length: 0' \"$FEED/subscriptions/start?contentType=Audit.General&PublisherIdentifier=$TENANT\"
  curl -H \"Authorization: Bearer $TOKEN\" \"$FEED/subscriptions/content?contentType=Audit.General&PublisherIdentifier=$TENANT\"";

/// `7` or `0-500`.
fn range(text: &str) -> Result<RangeInclusive<usize>, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<usize>()
            .map_err(|error| format!("{text}: {error}"))
    };
    let range = match text.split_once('-') {
        Some((least, most)) => number(least)?..=number(most)?,
        None => number(text)?..=number(text)?,
    };
    if range.is_empty() {
        Err(format!("{text} is an empty range"))
    } else {
        Ok(range)
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn read_scenario(path: &Path) -> Result<Scenario, String> {
    Scenario::parse(&read(path)?).map_err(|error| format!("cannot use {}: {error}", path.display()))
}

fn read_tls(certificates: &Path, key: &Path) -> Result<Tls, String> {
    Ok(Tls {
        certificates: read(certificates)?,
        key: read(key)?,
    })
}

fn each_tenant(stories: Vec<Story>) -> Vec<StoryEntry> {
    let entry = |story| StoryEntry {
        story,
        tenant: None,
    };
    stories.into_iter().map(entry).collect()
}

impl Arguments {
    /// The configuration asked for.
    pub(crate) fn config(self) -> Result<Config, String> {
        let all = ContentType::ALL.to_vec();
        let scenario = self.scenario.as_deref().map(read_scenario).transpose()?;
        let client_certificates = self
            .client_certificates
            .iter()
            .map(|path| read(path))
            .collect::<Result<_, _>>()?;
        let tls = self.tls_certificate.as_deref().zip(self.tls_key.as_deref());
        let tls = tls.map(|(certificates, key)| read_tls(certificates, key));
        let mut config = Config {
            tls: tls.transpose()?,
            listen: SocketAddr::new(self.host, self.port),
            seed: self.seed,
            tenants: self.tenants,
            more_tenants: self.more_tenants,
            consented: !self.no_consent,
            content_types: if self.content_types.is_empty() {
                all
            } else {
                self.content_types
            },
            blobs_per_tenant: self.blobs,
            records_per_blob: self.records_per_blob,
            records: self.records,
            stories: each_tenant(self.stories),
            blobs_per_second: self.blobs_per_second,
            notify: !self.no_notify,
            allow_http_webhooks: self.allow_http_webhooks,
            allow_any_webhook_certificate: self.allow_any_webhook_certificate,
            public_url: self.public_url,
            client_id: self.client_id,
            client_secret: self.client_secret,
            client_certificates,
            redirect_uris: self.redirect_uris,
            resource: self.resource,
            ..Config::default()
        };
        if let Some(scenario) = scenario {
            scenario.apply(&mut config);
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_range_is_one_number_or_two() {
        assert_eq!(range("7"), Ok(7..=7));
        assert_eq!(range("0-500"), Ok(0..=500));
        assert!(range("5-1").is_err());
        assert!(range("many").is_err());
    }
}
