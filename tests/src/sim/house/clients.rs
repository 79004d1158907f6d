//! What the parts of a house are made of: clients through its weather, and the product's own parts over them.

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use emulator::{Clock, Emulator};
use jiff::{SignedDuration, Timestamp};
use office365::Endpoints;
use pipeline::api::{Access, Api, Fleet};
use pipeline::aws::secrets::Secret;
use pipeline::detections::Detections;
use pipeline::lake::Lake;
use pipeline::ledger::Ledger;
use pipeline::microsoft::Microsoft;
use pipeline::microsoft::credential::AppCredential;
use pipeline::queue::Queue;
use pipeline::subscription::Webhooks;
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use super::CANARIES;
use crate::Outcome;
use crate::sim::sqs::CONTENT_QUEUE;

const REGION: &str = "eu-central-1";

/// What the product's clock shows.
pub(super) fn shown(clock: &Clock, ahead: Option<SignedDuration>) -> Timestamp {
    clock.now() + ahead.unwrap_or_default()
}

pub(super) fn microsoft(
    emulator: &Emulator,
    secret: &str,
    ahead: Option<SignedDuration>,
) -> Outcome<Microsoft> {
    let (login, manage) = (emulator.login_url(), emulator.manage_url());
    let endpoints = Endpoints::overridden(Some(login.as_str()), Some(manage.as_str()))?;
    let microsoft = Microsoft::new(
        emulator.client_id(),
        Uuid::from_u128(7),
        endpoints,
        AppCredential::ClientSecret(Secret::fixed(secret.into(), None)),
    );
    let clock = emulator.clock().clone();
    Ok(match ahead {
        None => microsoft,
        Some(_) => microsoft.on_clock(Arc::new(move || shown(&clock, ahead))),
    })
}

pub(super) fn webhooks(base_url: &Url) -> Webhooks {
    Webhooks {
        base_url: Some(base_url.clone()),
        key: Secret::fixed(CANARIES[0].into(), None),
    }
}

pub(super) fn lake(folder: &TempDir) -> Outcome<Lake> {
    let url = Url::from_directory_path(folder.path()).map_err(|()| "no lake address")?;
    Ok(Lake::open(&url)?)
}

pub(super) fn queue(http: SharedHttpClient) -> Queue {
    Queue::new(sqs_client(http), queue_url(CONTENT_QUEUE), true)
}

pub(super) fn queue_url(name: &str) -> String {
    format!("http://sqs.simulation/{name}")
}

/// The operator's API.
pub(super) fn api(
    (ledger, detections, lake): (Ledger, Detections, Lake),
    queue: Queue,
    microsoft: Microsoft,
    url: &Url,
) -> Api {
    Api {
        ledger,
        detections,
        detects: true,
        lake,
        lake_table: "events".to_owned(),
        queue,
        microsoft,
        webhooks: webhooks(url),
        public_url: Some(url.clone()),
        api_key: Secret::fixed(CANARIES[1].into(), None),
        fleet: Fleet::default(),
        access: Access::default(),
    }
}

/// As the product configures it, but for waits, which would be of real time, and for signatures, which nobody checks.
pub(super) fn dynamodb_client(http: SharedHttpClient) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .allow_no_auth()
            .retry_config(retries())
            .endpoint_url("http://dynamodb.simulation")
            .http_client(http)
            .build(),
    )
}

pub(super) fn sqs_client(http: SharedHttpClient) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::from_conf(
        aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .allow_no_auth()
            .retry_config(retries())
            .endpoint_url("http://sqs.simulation")
            .http_client(http)
            .build(),
    )
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_initial_backoff(Duration::ZERO)
        .with_max_backoff(Duration::ZERO)
}
