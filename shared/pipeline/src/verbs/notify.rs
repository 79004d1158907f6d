//! Each finding in the queue goes to the operator's webhook, signed as Standard Webhooks says
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! At least once: a call that fails comes again with the same `webhook-id`, until the queue gives the message to its dead
//! letters. A webhook that is down holds up this queue, and nothing else.

mod sign;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use url::{Host, Url};

pub use self::sign::{SIGNING_KEY_PREFIX, SignatureError, signature};
use crate::aws::AwsError;
use crate::aws::batch::{self, Delivery};
use crate::aws::secrets::Secret;
use crate::clock::Clock;
use crate::store::queue::FindingMessage;

/// Calls in flight at once: those of one batch.
pub const CALLS_IN_FLIGHT_MAX: usize = 10;

/// Time for one call: Standard Webhooks asks senders to wait 15 to 30 seconds.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// `type` of the payload.
const EVENT_TYPE: &str = "finding.created";

/// What the notifier works with.
#[derive(Debug)]
pub struct Notifier {
    client: Client,
    url: Url,
    secret: Secret,
}

/// The webhook cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NotifierError {
    /// Findings would go over the network in the open.
    #[error(
        "findings are sent by https only, or by http to this machine; the address begins with {0}"
    )]
    NotHttps(String),
    /// There is no TLS.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Why a call failed. Displays without the address, which may hold a token, and without the finding.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The secret cannot be read.
    #[error(transparent)]
    Secret(#[from] AwsError),
    /// It is no secret of Standard Webhooks.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// No answer.
    #[error("the webhook does not answer: {0}")]
    NoAnswer(reqwest::Error),
    /// It answered, and not with 2xx. Redirects are not followed.
    #[error("the webhook answered {0}")]
    Refused(StatusCode),
    /// The payload cannot be written.
    #[error("the payload cannot be written: {0}")]
    Payload(#[from] serde_json::Error),
}

/// What is sent, as Standard Webhooks recommends it.
#[derive(Serialize)]
struct Payload<'f> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: &'f RawValue,
}

impl Notifier {
    /// A notifier of this webhook. `secret` is the base64 of 24 to 64 bytes, with or without `whsec_` in front.
    ///
    /// # Errors
    /// [`NotifierError`]
    pub fn new(url: Url, secret: Secret) -> Result<Self, NotifierError> {
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            return Err(NotifierError::NotHttps(url.scheme().to_owned()));
        }
        let client = Client::builder()
            .timeout(CALL_TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("ualstream/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            url,
            secret,
        })
    }
}

/// Works through a batch until `deadline`; returns the ids of the messages that must come again.
pub async fn batch(
    notifier: &Arc<Notifier>,
    deliveries: Vec<Delivery>,
    clock: Clock,
    deadline: Instant,
) -> Vec<String> {
    batch::each(deliveries, CALLS_IN_FLIGHT_MAX, deadline, |delivery| {
        let notifier = Arc::clone(notifier);
        async move { one(&notifier, &delivery, clock.now()).await }
    })
    .await
}

/// Whether the message is dealt with.
async fn one(notifier: &Notifier, delivery: &Delivery, now: Timestamp) -> bool {
    let Some(message) = batch::read::<FindingMessage>(delivery) else {
        return false;
    };
    match run(notifier, &message, now).await {
        Ok(()) => {
            tracing::info!(finding.uid = %message.uid, "finding sent to the webhook");
            true
        }
        Err(error) => {
            tracing::error!(finding.uid = %message.uid, %error, "finding not sent to the webhook, comes again");
            false
        }
    }
}

/// Sends one finding.
///
/// # Errors
/// [`NotifyError`]; it may have arrived.
pub async fn run(
    notifier: &Notifier,
    message: &FindingMessage,
    now: Timestamp,
) -> Result<(), NotifyError> {
    let versions = notifier.secret.versions().await?;
    let payload = Payload {
        r#type: EVENT_TYPE,
        timestamp: now,
        data: &message.event,
    };
    let body = serde_json::to_vec(&payload)?;
    let (id, at) = (message.uid.to_string(), now.as_second().to_string());
    // Both while a secret is rotated: receivers take either.
    let mut signatures = vec![signature(&versions.current, &id, &at, &body)?];
    if let Some(previous) = &versions.previous {
        signatures.extend(signature(previous, &id, &at, &body));
    }
    let answer = notifier
        .client
        .post(notifier.url.clone())
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", at)
        .header("webhook-signature", signatures.join(" "))
        .body(body)
        .send()
        .await
        .map_err(|error| NotifyError::NoAnswer(error.without_url()))?;
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(NotifyError::Refused(status))
    }
}
