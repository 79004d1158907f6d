//! The only reader of the environment: every setting typed, all faults reported at once.
//!
//! Each function asks for its own set ([`receiver`], [`fetcher`], [`api`], [`reconciler`], [`compactor`],
//! [`forwarder`], [`detector`], [`notifier`]), so that a deployment gives a function no more than it needs. An empty value counts as absent, because a SAM
//! parameter left out arrives as "".

mod events;
mod microsoft;
mod variables;

use office365::Endpoints;
use url::Url;
use uuid::Uuid;

pub use self::events::{EventSettings, FILTER_BYTES_MAX, RecordDedupe, SEVERITY_RULES_BYTES_MAX};
pub use self::microsoft::{CredentialSettings, MicrosoftSettings};
pub use self::variables::SettingsError;
use self::variables::Variables;
use normalize::{OcsfVersion, Schema};

use crate::store::lake::Destination;

/// What the receiver needs.
#[derive(Debug)]
pub struct ReceiverSettings {
    /// `QUEUE_URL`: where content descriptors go.
    pub queue_url: String,
    /// `CLIENT_ID`: our app registration; notifications of another are refused.
    pub client_id: Uuid,
    /// `WEBHOOK_KEY_SECRET_ARN`: the master key of `Webhook-AuthID`.
    pub webhook_key_arn: String,
    /// `LOGIN_URL`, `MANAGE_URL`: which hosts are Microsoft.
    pub endpoints: Endpoints,
}

/// What the fetcher needs.
#[derive(Debug)]
pub struct FetcherSettings {
    /// `TABLE_NAME`
    pub table: String,
    /// `QUEUE_URL`
    pub queue_url: String,
    /// `LAKE_URL`: `s3://bucket[/prefix]`, `file:///dir` or `memory:///`
    pub lake_url: Url,
    /// See [`EventSettings`].
    pub events: EventSettings,
    /// See [`MicrosoftSettings`].
    pub microsoft: MicrosoftSettings,
}

/// How subscriptions are started.
#[derive(Debug)]
pub struct WebhookSettings {
    /// `WEBHOOK_BASE_URL`: the receiver's address; absent, subscriptions are started without a webhook and the sweep
    /// alone delivers.
    pub base_url: Option<Url>,
    /// `WEBHOOK_KEY_SECRET_ARN`
    pub webhook_key_arn: String,
}

/// What the function api needs.
#[derive(Debug)]
pub struct ApiSettings {
    /// `TABLE_NAME`
    pub table: String,
    /// `DETECTIONS_TABLE`
    pub detections_table: String,
    /// `DETECTIONS`: whether there is a detector; `on` when absent.
    pub detects: bool,
    /// `QUEUE_URL`: where replays go.
    pub queue_url: String,
    /// `LAKE_URL`: where the timeline reads.
    pub lake_url: Url,
    /// `LAKE_TABLE`: the table of events that queries for Athena name; `events` when absent.
    pub lake_table: String,
    /// `API_KEY_SECRET_ARN`: the operator's bearer key.
    pub api_key_arn: String,
    /// See [`WebhookSettings`].
    pub webhook: WebhookSettings,
    /// See [`MicrosoftSettings`].
    pub microsoft: MicrosoftSettings,
}

/// What the reconciler needs.
#[derive(Debug)]
pub struct ReconcilerSettings {
    /// `TABLE_NAME`
    pub table: String,
    /// `QUEUE_URL`: where unknown blobs go.
    pub queue_url: String,
    /// `SWEEP_QUEUE_URL`: where the dispatcher says who is due.
    pub sweep_queue_url: String,
    /// `LAKE_URL`: where certificates go.
    pub lake_url: Url,
    /// See [`WebhookSettings`].
    pub webhook: WebhookSettings,
    /// See [`MicrosoftSettings`].
    pub microsoft: MicrosoftSettings,
}

/// What the compactor needs.
#[derive(Debug)]
pub struct CompactorSettings {
    /// `LAKE_URL`: `s3://bucket[/prefix]`, `file:///dir` or `memory:///`
    pub lake_url: Url,
    /// `LAKE_REGION`, `LAKE_ACCOUNT_ID`: what the files' keys say of where they are.
    pub destination: Destination,
}

/// What the forwarder needs.
#[derive(Debug)]
pub struct ForwarderSettings {
    /// `LAKE_URL`: `s3://bucket[/prefix]`
    pub lake_url: Url,
    /// `FIREHOSE_STREAM`: the name of the stream.
    pub stream: String,
}

/// What the detector needs.
#[derive(Debug)]
pub struct DetectorSettings {
    /// `LAKE_URL`: `s3://bucket[/prefix]`
    pub lake_url: Url,
    /// `DETECTIONS_TABLE`
    pub table: String,
    /// `SCHEMA`: how findings are written; `ocsf` when absent.
    pub schema: Schema,
    /// `OCSF_VERSION`: that of findings; the newest when absent.
    pub version: OcsfVersion,
    /// `FINDINGS_BUS`: the bus of EventBridge that is told of findings; absent, none is.
    pub bus: Option<String>,
    /// `FINDINGS_QUEUE_URL`: the webhook's queue; absent, there is no webhook.
    pub webhook_queue_url: Option<String>,
    /// `MEMORY_MB`: the function's memory in MB; 0 when absent.
    pub memory_mb: usize,
}

/// What the notifier needs.
#[derive(Debug)]
pub struct NotifierSettings {
    /// `FINDINGS_WEBHOOK_URL`: where findings are sent, by https.
    pub url: Url,
    /// `FINDINGS_WEBHOOK_SECRET_ARN`: what signs them.
    pub secret_arn: String,
}

/// The process environment as a getter, for the mains.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads the receiver's settings.
///
/// # Errors
/// Every missing or malformed variable, by name.
pub fn receiver(get: impl Fn(&str) -> Option<String>) -> Result<ReceiverSettings, SettingsError> {
    let mut env = Variables::new(&get);
    let settings = (
        env.required("QUEUE_URL"),
        env.parsed("CLIENT_ID"),
        env.required("WEBHOOK_KEY_SECRET_ARN"),
        env.endpoints(),
    );
    match settings {
        (Some(queue_url), Some(client_id), Some(webhook_key_arn), Some(endpoints)) => {
            env.finish(ReceiverSettings {
                queue_url,
                client_id,
                webhook_key_arn,
                endpoints,
            })
        }
        _ => Err(env.failed()),
    }
}

/// Reads the fetcher's settings.
///
/// # Errors
/// Every missing or malformed variable, by name.
pub fn fetcher(get: impl Fn(&str) -> Option<String>) -> Result<FetcherSettings, SettingsError> {
    let mut env = Variables::new(&get);
    let events = env.events();
    let settings = (
        env.required("TABLE_NAME"),
        env.required("QUEUE_URL"),
        env.parsed("LAKE_URL"),
        env.microsoft(),
    );
    match settings {
        (Some(table), Some(queue_url), Some(lake_url), Some(microsoft)) => {
            env.finish(FetcherSettings {
                table,
                queue_url,
                lake_url,
                events,
                microsoft,
            })
        }
        _ => Err(env.failed()),
    }
}

/// Reads the settings of the function api.
///
/// # Errors
/// Every missing or malformed variable, by name.
pub fn api(get: impl Fn(&str) -> Option<String>) -> Result<ApiSettings, SettingsError> {
    let mut env = Variables::new(&get);
    let lake_table = env
        .value("LAKE_TABLE")
        .unwrap_or_else(|| "events".to_owned());
    let detects = env.switch("DETECTIONS", true);
    let settings = (
        env.required("TABLE_NAME"),
        env.required("DETECTIONS_TABLE"),
        env.required("QUEUE_URL"),
        env.parsed("LAKE_URL"),
        env.required("API_KEY_SECRET_ARN"),
        env.webhook(),
        env.microsoft(),
    );
    match settings {
        (
            Some(table),
            Some(detections_table),
            Some(queue_url),
            Some(lake_url),
            Some(api_key_arn),
            Some(webhook),
            Some(microsoft),
        ) => env.finish(ApiSettings {
            table,
            detections_table,
            detects,
            queue_url,
            lake_url,
            lake_table,
            api_key_arn,
            webhook,
            microsoft,
        }),
        _ => Err(env.failed()),
    }
}

/// Reads the reconciler's settings.
///
/// # Errors
/// Every missing or malformed variable, by name.
pub fn reconciler(
    get: impl Fn(&str) -> Option<String>,
) -> Result<ReconcilerSettings, SettingsError> {
    let mut env = Variables::new(&get);
    let settings = (
        env.required("TABLE_NAME"),
        env.required("QUEUE_URL"),
        env.required("SWEEP_QUEUE_URL"),
        env.parsed("LAKE_URL"),
        env.webhook(),
        env.microsoft(),
    );
    match settings {
        (
            Some(table),
            Some(queue_url),
            Some(sweep_queue_url),
            Some(lake_url),
            Some(webhook),
            Some(microsoft),
        ) => env.finish(ReconcilerSettings {
            table,
            queue_url,
            sweep_queue_url,
            lake_url,
            webhook,
            microsoft,
        }),
        _ => Err(env.failed()),
    }
}

/// Reads the compactor's settings.
///
/// # Errors
/// Every missing or malformed variable, by name.
pub fn compactor(get: impl Fn(&str) -> Option<String>) -> Result<CompactorSettings, SettingsError> {
    let mut env = Variables::new(&get);
    let settings = (
        env.parsed("LAKE_URL"),
        env.parsed("LAKE_REGION"),
        env.parsed("LAKE_ACCOUNT_ID"),
    );
    match settings {
        (Some(lake_url), Some(region), Some(account_id)) => env.finish(CompactorSettings {
            lake_url,
            destination: Destination { region, account_id },
        }),
        _ => Err(env.failed()),
    }
}

/// Reads the forwarder's settings.
///
/// # Errors
/// Every missing or malformed variable, by name.
pub fn forwarder(get: impl Fn(&str) -> Option<String>) -> Result<ForwarderSettings, SettingsError> {
    let mut env = Variables::new(&get);
    let settings = (env.parsed("LAKE_URL"), env.required("FIREHOSE_STREAM"));
    match settings {
        (Some(lake_url), Some(stream)) => env.finish(ForwarderSettings { lake_url, stream }),
        _ => Err(env.failed()),
    }
}

/// Reads the detector's settings.
///
/// # Errors
/// Every missing or malformed variable, by name.
pub fn detector(get: impl Fn(&str) -> Option<String>) -> Result<DetectorSettings, SettingsError> {
    let mut env = Variables::new(&get);
    let schema = env.optional("SCHEMA").unwrap_or_default();
    let version = env.optional("OCSF_VERSION").unwrap_or_default();
    let bus = env.value("FINDINGS_BUS");
    let webhook_queue_url = env.value("FINDINGS_QUEUE_URL");
    let memory_mb = env.optional("MEMORY_MB");
    let settings = (env.parsed("LAKE_URL"), env.required("DETECTIONS_TABLE"));
    match settings {
        (Some(lake_url), Some(table)) => env.finish(DetectorSettings {
            lake_url,
            table,
            schema,
            version,
            bus,
            webhook_queue_url,
            memory_mb: memory_mb.unwrap_or_default(),
        }),
        _ => Err(env.failed()),
    }
}

/// Reads the notifier's settings.
///
/// # Errors
/// Every missing or malformed variable, by name.
pub fn notifier(get: impl Fn(&str) -> Option<String>) -> Result<NotifierSettings, SettingsError> {
    let mut env = Variables::new(&get);
    let settings = (
        env.parsed("FINDINGS_WEBHOOK_URL"),
        env.required("FINDINGS_WEBHOOK_SECRET_ARN"),
    );
    match settings {
        (Some(url), Some(secret_arn)) => env.finish(NotifierSettings { url, secret_arn }),
        _ => Err(env.failed()),
    }
}

impl Variables<'_> {
    fn webhook(&mut self) -> Option<WebhookSettings> {
        let base_url = self.optional::<Url>("WEBHOOK_BASE_URL");
        let webhook_key_arn = self.required("WEBHOOK_KEY_SECRET_ARN");
        Some(WebhookSettings {
            base_url,
            webhook_key_arn: webhook_key_arn?,
        })
    }
}

#[cfg(test)]
mod tests {
    use normalize::{RawData, Schema};

    use super::*;

    fn from(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        }
    }

    const FETCHER: &[(&str, &str)] = &[
        ("TABLE_NAME", "ualstream"),
        ("QUEUE_URL", "https://sqs.example/1/content"),
        ("LAKE_URL", "s3://lake"),
        ("CLIENT_ID", "6f7c5e2a-93a9-4a40-9d6a-6f9c7d3f0b11"),
        ("PUBLISHER_ID", "0d5a3c1e-1c2d-4e5f-8a9b-0c1d2e3f4a5b"),
        (
            "APP_SECRET_ARN",
            "arn:aws:secretsmanager:eu-west-1:1:secret:app",
        ),
        ("LOGIN_URL", ""),
    ];

    #[test]
    fn defaults_fill_what_is_absent_or_empty() {
        let settings = fetcher(from(FETCHER)).unwrap();
        assert_eq!(settings.events.dedupe, RecordDedupe::Record);
        assert_eq!(settings.events.options.raw_data, RawData::Unmapped);
        assert_eq!(settings.events.options.version.to_string(), "1.8.0");
        assert_eq!(settings.events.options.schema, Schema::Ocsf);
        assert_eq!(settings.lake_url.as_str(), "s3://lake");
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = fetcher(|_| None).unwrap_err().to_string();
        for name in [
            "TABLE_NAME",
            "QUEUE_URL",
            "LAKE_URL",
            "CLIENT_ID",
            "PUBLISHER_ID",
            "APP_SECRET_ARN",
        ] {
            assert!(error.contains(&format!("{name} is not set")), "{error}");
        }
    }

    #[test]
    fn a_malformed_optional_variable_fails_too() {
        let error = fetcher(|name| match name {
            "RECORD_DEDUPE" => Some("both".to_owned()),
            "RAW_DATA" => Some("sometimes".to_owned()),
            "OCSF_VERSION" => Some("1.0.0".to_owned()),
            "SCHEMA" => Some("cef".to_owned()),
            _ => from(FETCHER)(name),
        })
        .unwrap_err()
        .to_string();
        assert_eq!(
            error,
            "settings cannot be used: RECORD_DEDUPE must be record or blob; RAW_DATA must be always, unmapped or never; \
             OCSF_VERSION must be 1.1.0, 1.2.0, 1.3.0, 1.4.0, 1.5.0, 1.6.0, 1.7.0 or 1.8.0; SCHEMA must be ocsf or ecs"
        );
    }

    #[test]
    fn the_compactor_refuses_what_cannot_be_part_of_a_key() {
        let error = compactor(|name| match name {
            "LAKE_REGION" => Some("eu/central".to_owned()),
            "LAKE_ACCOUNT_ID" => Some("1111 2222".to_owned()),
            _ => from(FETCHER)(name),
        })
        .unwrap_err()
        .to_string();
        assert_eq!(
            error,
            "settings cannot be used: LAKE_REGION must be 1 to 64 letters, digits, - or _; \
             LAKE_ACCOUNT_ID must be 1 to 64 letters, digits, - or _"
        );
    }

    #[test]
    fn the_receiver_needs_no_table_and_no_credential() {
        let settings = receiver(|name| match name {
            "TABLE_NAME" | "APP_SECRET_ARN" | "PUBLISHER_ID" => panic!("asked for {name}"),
            "WEBHOOK_KEY_SECRET_ARN" => Some("arn:key".to_owned()),
            _ => from(FETCHER)(name),
        })
        .unwrap();
        assert_eq!(settings.webhook_key_arn, "arn:key");
    }
}
