//! From settings to what each function works with. Nothing here calls AWS or Microsoft: a cold start reaches its first poll
//! without a network round trip.

use std::sync::Arc;

use aws_config::SdkConfig;
use office365::AllowedHosts;

use crate::aws::secrets::Secret;
use crate::microsoft::Microsoft;
use crate::microsoft::credential::AppCredential;
use crate::settings::{
    ApiSettings, CompactorSettings, CredentialSettings, DetectorSettings, FetcherSettings,
    ForwarderSettings, MicrosoftSettings, NotifierSettings, ReceiverSettings, ReconcilerSettings,
    WebhookSettings,
};
use crate::store::detections::{Detections, WindowLimits};
use crate::store::lake::{Lake, OpenError};
use crate::store::ledger::Ledger;
use crate::store::ledger::budget::{FETCHES_PER_MINUTE, REQUESTS_PER_MINUTE};
use crate::store::queue::{Queue, SweepQueue};
use crate::verbs::api::{Access, Api, Fleet};
use crate::verbs::compact::Compactor;
use crate::verbs::detect::{Announcer, Detector, Ruleset};
use crate::verbs::fetch::Fetcher;
use crate::verbs::forward::{Forwarder, Stream};
use crate::verbs::notify::{Notifier, NotifierError};
use crate::verbs::receive::Receiver;
use crate::verbs::reconcile::{Dispatcher, Periods, Reconciler, Sweeper};
use crate::verbs::subscription::Webhooks;

/// What the receiver works with.
#[must_use]
pub fn receiver(settings: ReceiverSettings, aws: &SdkConfig) -> Receiver {
    Receiver {
        client_id: settings.client_id,
        webhook_key: secret(aws, settings.webhook_key_arn),
        hosts: AllowedHosts::of_any_cloud(&settings.endpoints),
        queue: queue(aws, settings.queue_url),
    }
}

/// What the fetcher works with.
///
/// # Errors
/// The lake's address cannot be used.
pub fn fetcher(settings: FetcherSettings, aws: &SdkConfig) -> Result<Fetcher, OpenError> {
    let ledger = ledger(aws, settings.table);
    Ok(Fetcher::new(
        ledger.clone(),
        queue(aws, settings.queue_url),
        Lake::open(&settings.lake_url)?,
        microsoft(aws, settings.microsoft).shared_by(ledger, FETCHES_PER_MINUTE),
        settings.events,
    ))
}

/// What the API works with.
///
/// # Errors
/// The lake's address cannot be used.
pub fn api(settings: ApiSettings, aws: &SdkConfig) -> Result<Api, OpenError> {
    let ledger = ledger(aws, settings.table);
    // API Gateway has one address for Microsoft's calls and for browsers.
    let public_url = settings.webhook.base_url.clone();
    Ok(Api {
        ledger: ledger.clone(),
        detections: detections(aws, settings.detections_table),
        detects: settings.detects,
        lake: Lake::open(&settings.lake_url)?,
        lake_table: settings.lake_table,
        queue: queue(aws, settings.queue_url),
        microsoft: microsoft(aws, settings.microsoft).shared_by(ledger, REQUESTS_PER_MINUTE),
        webhooks: webhooks(aws, settings.webhook),
        public_url,
        api_key: secret(aws, settings.api_key_arn),
        fleet: Fleet::default(),
        access: Access::default(),
    })
}

/// What the reconciler works with.
///
/// # Errors
/// The lake's address cannot be used.
pub fn reconciler(settings: ReconcilerSettings, aws: &SdkConfig) -> Result<Reconciler, OpenError> {
    let (ledger, periods) = (ledger(aws, settings.table), Periods::DEPLOYED);
    let sqs = aws_sdk_sqs::Client::new(aws);
    Ok(Reconciler {
        dispatcher: Dispatcher {
            ledger: ledger.clone(),
            sweeps: SweepQueue::new(sqs, settings.sweep_queue_url),
            periods,
        },
        sweeper: Arc::new(Sweeper::new(
            ledger.clone(),
            queue(aws, settings.queue_url),
            Lake::open(&settings.lake_url)?,
            microsoft(aws, settings.microsoft).shared_by(ledger, REQUESTS_PER_MINUTE),
            webhooks(aws, settings.webhook),
            periods,
        )),
    })
}

/// What the compactor works with.
///
/// # Errors
/// The lake's address cannot be used.
pub fn compactor(settings: CompactorSettings) -> Result<Compactor, OpenError> {
    Ok(Compactor {
        lake: Lake::open(&settings.lake_url)?,
        destination: settings.destination,
    })
}

/// What the forwarder works with.
///
/// # Errors
/// The lake's address cannot be used.
pub fn forwarder(settings: ForwarderSettings, aws: &SdkConfig) -> Result<Forwarder, OpenError> {
    Ok(Forwarder {
        lake: Lake::open(&settings.lake_url)?,
        stream: Stream::new(aws, settings.stream),
    })
}

/// What the detector works with.
///
/// # Errors
/// The lake's address cannot be used.
pub fn detector(settings: DetectorSettings, aws: &SdkConfig) -> Result<Detector, OpenError> {
    let mut announcer = Announcer::default();
    if let Some(bus) = settings.bus {
        announcer = announcer.with_bus(aws, bus);
    }
    if let Some(queue_url) = settings.webhook_queue_url {
        announcer = announcer.with_webhook(aws_sdk_sqs::Client::new(aws), queue_url);
    }
    Ok(Detector {
        lake: Lake::open(&settings.lake_url)?,
        detections: Detections::with_limits(
            aws_sdk_dynamodb::Client::new(aws),
            settings.table,
            WindowLimits::of_memory(settings.memory_mb),
        ),
        ruleset: Ruleset::default(),
        announcer,
        schema: settings.schema,
        version: settings.version,
    })
}

/// What the notifier works with.
///
/// # Errors
/// The address cannot be used, or there is no TLS.
pub fn notifier(settings: NotifierSettings, aws: &SdkConfig) -> Result<Notifier, NotifierError> {
    Notifier::new(settings.url, secret(aws, settings.secret_arn))
}

fn secret(aws: &SdkConfig, arn: String) -> Secret {
    Secret::managed(aws_sdk_secretsmanager::Client::new(aws), arn)
}

fn detections(aws: &SdkConfig, table: String) -> Detections {
    Detections::new(aws_sdk_dynamodb::Client::new(aws), table)
}

fn ledger(aws: &SdkConfig, table: String) -> Ledger {
    Ledger::new(aws_sdk_dynamodb::Client::new(aws), table)
}

fn queue(aws: &SdkConfig, url: String) -> Queue {
    Queue::new(aws_sdk_sqs::Client::new(aws), url, true)
}

/// Microsoft's API, and the credential from where the settings say.
#[must_use]
pub fn microsoft(aws: &SdkConfig, settings: MicrosoftSettings) -> Microsoft {
    let credential = match settings.credential {
        CredentialSettings::Secret(arn) => AppCredential::ClientSecret(secret(aws, arn)),
        CredentialSettings::Certificate(arn) => AppCredential::Certificate(secret(aws, arn)),
        CredentialSettings::Federated => AppCredential::Federated(aws_sdk_sts::Client::new(aws)),
    };
    Microsoft::new(
        settings.client_id,
        settings.publisher_id,
        settings.endpoints,
        credential,
    )
}

fn webhooks(aws: &SdkConfig, settings: WebhookSettings) -> Webhooks {
    Webhooks {
        base_url: settings.base_url,
        key: secret(aws, settings.webhook_key_arn),
    }
}
