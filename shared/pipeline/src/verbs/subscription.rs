//! Keeping a tenant's subscriptions as they should be: started, with our webhook, never started twice within 15 minutes.
//!
//! The one mechanism behind registration and healing: list what is, [`plan`] what is missing, start that. Never `/stop` to
//! repair: what Microsoft publishes between stop and start is gone.

mod plan;
mod stop;
pub mod webhook;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use office365::{
    Client, ContentType, Disposition, Failure, Started, SubscriptionStatus, TenantId, Webhook,
    WebhookStatus,
};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;
use url::Url;

pub use self::plan::{StartPlan, plan};
pub use self::stop::{StopError, stop, stop_all};
use self::webhook::{ShortKey, check_keys, registration};
use crate::aws::AwsError;
use crate::aws::secrets::Secret;
use crate::clock::{Clock, later};
use crate::logging::{field, message};
use crate::store::ledger::registry::{Registered, Status, Subscription, Tenant, TenantState};
use crate::store::ledger::{Ledger, LedgerError};
use crate::teeth::{Tooth, bites};

/// Microsoft's code for a webhook that could not be validated.
const WEBHOOK_NOT_VALIDATED: &str = "AF20021";

/// How old "observed at" may be of a subscription that stands as it stood: when the tenant was last swept says how fresh it is.
const OBSERVATION_KEPT: Duration = Duration::from_secs(24 * 3600);

/// What subscriptions are started with.
#[derive(Debug)]
pub struct Webhooks {
    /// The receiver's base address; `None` leaves delivery to the sweep.
    pub base_url: Option<Url>,
    /// Master key of the authIds.
    pub key: Secret,
}

/// What came of looking after a tenant's subscriptions.
#[derive(Debug, Default)]
pub struct Ensured {
    /// How many were started.
    pub started: usize,
    /// Those that are as they should be.
    pub healthy: BTreeSet<ContentType>,
}

/// The subscriptions could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum EnsureError {
    /// Microsoft does not list them.
    #[error(transparent)]
    Microsoft(#[from] office365::Error),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It took too long. A start that was under way may have succeeded.
    #[error("the subscriptions were not looked after within {0:?}")]
    TooSlow(Duration),
    /// The webhook key cannot be read.
    #[error(transparent)]
    Secret(#[from] AwsError),
    /// The webhook key cannot be used.
    #[error(transparent)]
    Key(#[from] ShortKey),
}

/// Lists a tenant's subscriptions, starts what needs it, and writes down how each stands, all of it within `within`.
///
/// A start that fails is written down as its subscription's last error and does not keep the others from being started.
///
/// # Errors
/// [`EnsureError`] when nothing could be looked at, or something took too long: a webhook that swallows Microsoft's call, for
/// example.
pub async fn ensure(
    ledger: &Ledger,
    client: &Client,
    webhooks: &Webhooks,
    registered: &Registered,
    (clock, within): (Clock, Duration),
) -> Result<Ensured, EnsureError> {
    let ensured = ensure_all(ledger, client, webhooks, registered, clock);
    timeout(within, ensured)
        .await
        .unwrap_or(Err(EnsureError::TooSlow(within)))
}

async fn ensure_all(
    ledger: &Ledger,
    client: &Client,
    webhooks: &Webhooks,
    registered: &Registered,
    clock: Clock,
) -> Result<Ensured, EnsureError> {
    let tenant = &registered.tenant;
    let webhook = match &webhooks.base_url {
        None => None,
        Some(base_url) => {
            let keys = webhooks.key.versions().await?;
            check_keys(&keys)?;
            Some((base_url, keys))
        }
    };
    let listed = client
        .list_subscriptions(tenant.tenant_id, tenant.cloud)
        .await?;
    let each = registered.subscriptions.iter().map(|(of, known)| {
        let seen = Observation {
            content_type: *of,
            known,
            observed: listed.iter().find(|seen| seen.content_type == *of),
            wanted: webhook
                .as_ref()
                .map(|(base, keys)| registration(base, keys, tenant.tenant_id, *of)),
        };
        ensure_one(ledger, client, tenant, seen, clock)
    });
    let each: Vec<_> = each.collect();
    // One start per content type: there are five.
    let done = stream::iter(each)
        .buffer_unordered(ContentType::ALL.len())
        .collect::<Vec<Result<EnsuredOne, EnsureError>>>()
        .await;
    let mut ensured = Ensured::default();
    for one in done {
        match one? {
            EnsuredOne::Started => ensured.started += 1,
            EnsuredOne::Healthy(content_type) => {
                ensured.healthy.insert(content_type);
            }
            EnsuredOne::NotStarted => {}
        }
    }
    Ok(ensured)
}

/// What was done for one subscription.
enum EnsuredOne {
    Started,
    Healthy(ContentType),
    NotStarted,
}

/// One subscription: what should be, what is, and what we know of it.
struct Observation<'a> {
    content_type: ContentType,
    known: &'a Subscription,
    observed: Option<&'a office365::Subscription>,
    wanted: Option<Webhook>,
}

async fn ensure_one(
    ledger: &Ledger,
    client: &Client,
    tenant: &Tenant,
    seen: Observation<'_>,
    clock: Clock,
) -> Result<EnsuredOne, EnsureError> {
    let (id, content_type, now) = (tenant.tenant_id, seen.content_type, clock.now());
    let needed = plan(seen.wanted.as_ref(), seen.known, seen.observed, now);
    let (status, webhook) = observed_status(seen.observed);
    // Unchanged, it is written once a day: for a quiet tenant this would be the most of what it costs.
    let known = (seen.known.status, seen.known.webhook.as_deref());
    let is_fresh = |at| now < later(at, OBSERVATION_KEPT);
    if known != (status, Some(webhook)) || !seen.known.observed_at.is_some_and(is_fresh) {
        ledger
            .note_observed(id, content_type, status, webhook, now)
            .await?;
    }
    match needed {
        _ if bites(Tooth::NotHealed) && seen.known.observed_at.is_some() => {
            Ok(EnsuredOne::Healthy(content_type))
        }
        StartPlan::NotNeeded => Ok(EnsuredOne::Healthy(content_type)),
        StartPlan::Wait { until, why } => {
            tracing::info!(tenant.id = %id, content.type = %content_type, why, %until, "start put off: Microsoft asks for 15 minutes between two");
            Ok(EnsuredOne::NotStarted)
        }
        StartPlan::Start { with_webhook, why } => {
            let webhook = seen.wanted.as_ref().filter(|_| with_webhook);
            let started = start(ledger, client, tenant, &seen, webhook, why, clock).await?;
            Ok(if started {
                EnsuredOne::Started
            } else {
                EnsuredOne::NotStarted
            })
        }
    }
}

/// Starts one subscription, if nobody else does. `false` when it was not started.
async fn start(
    ledger: &Ledger,
    client: &Client,
    tenant: &Tenant,
    seen: &Observation<'_>,
    webhook: Option<&Webhook>,
    why: &str,
    clock: Clock,
) -> Result<bool, EnsureError> {
    let (id, cloud, content_type) = (tenant.tenant_id, tenant.cloud, seen.content_type);
    // The tenant may have begun to leave, or the type been taken out, since it was read; a start then would outlive it.
    let wanted = ledger.tenant(id).await?.is_some_and(|tenant| {
        tenant.state == TenantState::Active && tenant.content_types.contains(&content_type)
    });
    if !wanted || !ledger.may_start(id, content_type, clock.now()).await? {
        tracing::info!(tenant.id = %id, content.type = %content_type, why, "start left to whoever began it, or not wanted any more");
        return Ok(false);
    }
    tracing::info!({ field::TENANT_ID } = %id, { field::CONTENT_TYPE } = %content_type, why, webhook = webhook.is_some(), "{}", message::STARTING_SUBSCRIPTION);
    // Microsoft calls the webhook before it answers. One that lets it wait counts as refused, also when this call is given up
    // meanwhile: the next start must be a bare one.
    let was_refused = seen.known.webhook_refused;
    if webhook.is_some() && !was_refused {
        ledger.note_webhook_refused(id, content_type, true).await?;
    }
    if bites(Tooth::StopAndStart) && seen.observed.is_some() {
        client.stop(id, cloud, content_type).await?;
    }
    match client.start(id, cloud, content_type, webhook).await {
        Ok(started) => {
            if seen.known.auditing_off {
                ledger.note_auditing_off(id, content_type, false).await?;
            }
            note_started(ledger, id, content_type, webhook, &started, clock.now()).await?;
            let auth_id = webhook.map(|of| of.auth_id.expose_secret());
            if bites(Tooth::AuthIdLogged) {
                tracing::debug!(tenant.id = %id, auth_id, "subscription started");
            }
            if bites(Tooth::AuthIdKept) {
                let note = ledger.note_error(id, content_type, auth_id, clock.now());
                note.await?;
            }
            Ok(true)
        }
        Err(error) => {
            tracing::warn!(tenant.id = %id, content.type = %content_type, %error, "subscription not started");
            if error.is_unsent() {
                ledger.start_not_sent(id, content_type).await?;
            }
            let waited = matches!(error.failure(), Failure::TimedOut { .. });
            let refused = waited || error.code() == Some(WEBHOOK_NOT_VALIDATED);
            if webhook.is_some() && !refused && !was_refused {
                ledger.note_webhook_refused(id, content_type, false).await?;
            }
            if error.disposition() == Disposition::AuditingOff {
                ledger.note_auditing_off(id, content_type, true).await?;
            }
            let error = error.to_string();
            ledger
                .note_error(id, content_type, Some(&error), clock.now())
                .await?;
            Ok(false)
        }
    }
}

async fn note_started(
    ledger: &Ledger,
    tenant: TenantId,
    content_type: ContentType,
    webhook: Option<&Webhook>,
    started: &Started,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let (status, state, error) = match started {
        Started::Changed(seen) => {
            let (status, state) = observed_status(Some(seen));
            // A body that Microsoft does not understand is ignored with status 200: only the echo tells.
            let ignored = webhook.is_some() && seen.webhook.is_none();
            let error = ignored.then_some(
                "Microsoft started the subscription without its webhook; it is added at the next start",
            );
            (status, state, error)
        }
        Started::AlreadyEnabled => {
            let state = if webhook.is_some() { "enabled" } else { "none" };
            (Status::Enabled, state, None)
        }
    };
    ledger
        .note_observed(tenant, content_type, status, state, now)
        .await?;
    if webhook.is_some() {
        ledger
            .note_webhook_refused(tenant, content_type, false)
            .await?;
    }
    ledger.note_error(tenant, content_type, error, now).await
}

/// Shows on the status page, for every content type, what keeps a tenant from being looked after. Not worth failing for.
pub async fn note_on_all(ledger: &Ledger, registered: &Registered, error: &str, now: Timestamp) {
    let id = registered.tenant.tenant_id;
    for content_type in registered.subscriptions.keys() {
        let noted = ledger.note_error(id, *content_type, Some(error), now).await;
        if let Err(error) = noted {
            tracing::warn!(tenant.id = %id, %error, "error not noted on the status page");
        }
    }
}

/// Status and webhook as the status page shows them.
fn observed_status(observed: Option<&office365::Subscription>) -> (Status, &'static str) {
    let Some(seen) = observed else {
        return (Status::Pending, "none");
    };
    let status = match seen.status {
        // One documented answer lacks the status; a subscription that is listed runs.
        SubscriptionStatus::Enabled | SubscriptionStatus::Other => Status::Enabled,
        SubscriptionStatus::Disabled => Status::Disabled,
    };
    let webhook = match seen.webhook.as_ref().map(|webhook| webhook.status) {
        None => "none",
        Some(WebhookStatus::Enabled | WebhookStatus::Other) => "enabled",
        Some(WebhookStatus::Disabled) => "disabled",
        Some(WebhookStatus::Expired) => "expired",
    };
    (status, webhook)
}
