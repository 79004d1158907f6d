//! The detector of a world, stepped by hand as the fetcher is.

use std::sync::Arc;
use std::time::Duration;

use local::backends::{Announcements, Backends, DETECTIONS_TABLE};
use pipeline::aws::secrets::Secret;
use pipeline::clock::Clock;
use pipeline::detect::{self, Announcer, Detector, Ruleset};
use pipeline::detections::Detections;
use pipeline::lake::Lake;
use pipeline::lake::key::RAW;
use pipeline::notify::{self, Notifier};
use pipeline::settings::EventSettings;
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use super::{BATCH_WITHIN, ROUNDS_MAX, World, dynamodb, sqs};
use crate::Outcome;
use crate::flaky::Flaky;

/// Where the world's fetcher announces raw copies.
pub(super) fn announcements(backends: &Backends) -> Announcements {
    Announcements {
        client: backends.sqs.clone(),
        queue_url: backends.detect_queue_url.clone(),
        folder: RAW,
    }
}

/// The table of findings.
pub(super) fn detections(backends: &Backends, flaky_dynamodb: &Flaky) -> Detections {
    let table = DETECTIONS_TABLE.to_owned();
    Detections::new(dynamodb(backends, flaky_dynamodb), table)
}

/// A detector whose findings go to the queue of the webhook, too.
pub(super) fn detector(
    backends: &Backends,
    (detections, flaky_sqs): (Detections, &Flaky),
    lake: Lake,
    events: &EventSettings,
) -> Arc<Detector> {
    let announcer = Announcer::default();
    Arc::new(Detector {
        lake,
        detections,
        ruleset: Ruleset::default(),
        announcer: announcer.with_webhook(
            sqs(backends, flaky_sqs),
            backends.findings_queue_url.clone(),
        ),
        schema: events.options.schema,
        version: events.options.version,
    })
}

impl World {
    /// The table of findings, for checks.
    #[must_use]
    pub fn detections(&self) -> &Detections {
        &self.detector.detections
    }

    /// Announces a raw copy once more, as S3 may.
    ///
    /// # Errors
    /// The queue does not take it.
    pub async fn announce_again(&self, key: &str) -> Outcome<()> {
        announcements(&self.backends).announce(&key.into()).await?;
        Ok(())
    }

    /// Takes up to ten announced raw copies and looks at their records. Returns how many were taken, and which failed.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn detect(&self) -> Outcome<(usize, Vec<String>)> {
        let clock = Clock::starting_at(self.now());
        let deadline = Instant::now() + BATCH_WITHIN;
        let work = |deliveries| detect::batch(&self.detector, deliveries, clock, deadline);
        self.take(&self.backends.detect_queue_url, work).await
    }

    /// Looks at records until no raw copy is left. A failed attempt comes again once its message can be seen.
    ///
    /// # Errors
    /// It does not happen within the bounds.
    pub async fn detect_until_empty(&self) -> Outcome<()> {
        for _ in 0..ROUNDS_MAX {
            self.detect().await?;
            if self.waiting(&self.backends.detect_queue_url).await? == 0 {
                return Ok(());
            }
        }
        Err("the queue of raw copies does not become empty".into())
    }

    /// Takes up to ten findings and sends them to a webhook. Returns how many were taken, and which failed.
    ///
    /// # Errors
    /// The address cannot be used, or SQS does not answer.
    pub async fn send_findings(&self, url: Url, secret: &str) -> Outcome<(usize, Vec<String>)> {
        let secret = Secret::fixed(SecretString::from(secret), None);
        let notifier = Arc::new(Notifier::new(url, secret)?);
        let clock = Clock::starting_at(self.now());
        let deadline = Instant::now() + Duration::from_secs(30);
        let work = |deliveries| notify::batch(&notifier, deliveries, clock, deadline);
        self.take(&self.backends.findings_queue_url, work).await
    }

    /// Puts the findings of the lake into the webhook's queue once more.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn queue_findings_again(&self) -> Outcome<()> {
        let sqs = &self.backends.sqs;
        let url = &self.backends.findings_queue_url;
        for file in crate::lake::files(&self.lake().join("findings"))? {
            for finding in crate::lake::events_of(&file)? {
                let uid = finding["metadata"]["uid"].clone();
                let body = serde_json::json!({"v": "finding-1", "uid": uid, "event": finding});
                let send = sqs.send_message().queue_url(url);
                send.message_body(body.to_string()).send().await?;
            }
        }
        Ok(())
    }
}
