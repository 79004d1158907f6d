//! Keeping a tenant's subscriptions as they should be: started, with our webhook, never started twice within 15 minutes.
//!
//! The one mechanism behind registration and healing: list what is, [`plan`] what is missing, start that. Never `/stop` to
//! repair: what Microsoft publishes between stop and start is gone.

pub mod webhook;

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use office365::{
    Client, ContentType, Disposition, Started, SubscriptionStatus, TenantId, Webhook, WebhookStatus,
};
use url::Url;

use self::webhook::{ShortKey, check_keys, registration};
use crate::aws::AwsError;
use crate::aws::secrets::Secret;
use crate::clock::{Clock, later};
use crate::logging::{field, message};
use crate::store::ledger::registry::{
    Registered, START_COOL_DOWN, Status, Subscription, Tenant, TenantState,
};
use crate::store::ledger::{Ledger, LedgerError};

/// Microsoft's code for a webhook that could not be validated.
const WEBHOOK_NOT_VALIDATED: &str = "AF20021";

/// What subscriptions are started with.
#[derive(Debug)]
pub struct Webhooks {
    /// The receiver's base address; `None` leaves delivery to the sweep.
    pub base_url: Option<Url>,
    /// Master key of the authIds.
    pub key: Secret,
}

/// What a subscription needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Fine,
    /// A start.
    Start {
        /// With our webhook, or bare: see [`plan`].
        with_webhook: bool,
        /// What is wrong.
        why: &'static str,
    },
    /// A start, but not before this time.
    Wait {
        /// End of the cool-down.
        until: Timestamp,
        /// What is wrong.
        why: &'static str,
    },
}

/// What came of looking after a tenant's subscriptions.
#[derive(Debug, Default)]
pub struct Ensured {
    /// How many were started.
    pub started: usize,
    /// Those that needed nothing.
    pub fine: BTreeSet<ContentType>,
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
    /// The webhook key cannot be read.
    #[error(transparent)]
    Secret(#[from] AwsError),
    /// The webhook key cannot be used.
    #[error(transparent)]
    Key(#[from] ShortKey),
}

/// Decides what one subscription needs.
///
/// When Microsoft could not validate the webhook of a subscription that does not run, the next start is bare: content then
/// accumulates and the sweep delivers it, and a later start, which cannot harm a running subscription, adds the webhook.
#[must_use]
pub fn plan(
    wanted: Option<&Webhook>,
    known: &Subscription,
    observed: Option<&office365::Subscription>,
    now: Timestamp,
) -> Step {
    let runs = observed.is_some_and(|seen| seen.status != SubscriptionStatus::Disabled);
    let why = match (observed, wanted) {
        (None, _) => "the subscription is missing",
        (Some(_), _) if !runs => "the subscription is disabled",
        (Some(seen), Some(wanted)) => match &seen.webhook {
            None => "the webhook is missing",
            Some(webhook) if webhook.serves(wanted, now) => return Step::Fine,
            Some(webhook) => match webhook.status {
                WebhookStatus::Disabled => "the webhook is disabled",
                WebhookStatus::Expired => "the webhook has expired",
                _ => "the webhook has another address or authId",
            },
        },
        (Some(_), None) => return Step::Fine,
    };
    match known
        .start_attempted_at
        .map(|at| later(at, START_COOL_DOWN))
    {
        Some(until) if now < until => Step::Wait { until, why },
        _ => Step::Start {
            with_webhook: wanted.is_some() && (runs || !known.webhook_refused),
            why,
        },
    }
}

/// Lists a tenant's subscriptions, starts what needs it, and writes down how each stands.
///
/// A start that fails is written down as its subscription's last error and does not keep the others from being started.
///
/// # Errors
/// [`EnsureError`] when nothing could be looked at.
pub async fn ensure(
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
        let seen = Seen {
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
        .collect::<Vec<Result<Done, EnsureError>>>()
        .await;
    let mut ensured = Ensured::default();
    for one in done {
        match one? {
            Done::Started => ensured.started += 1,
            Done::Fine(content_type) => {
                ensured.fine.insert(content_type);
            }
            Done::NotYet => {}
        }
    }
    Ok(ensured)
}

/// What was done for one subscription.
enum Done {
    Started,
    Fine(ContentType),
    NotYet,
}

/// One subscription: what should be, what is, and what we know of it.
struct Seen<'a> {
    content_type: ContentType,
    known: &'a Subscription,
    observed: Option<&'a office365::Subscription>,
    wanted: Option<Webhook>,
}

async fn ensure_one(
    ledger: &Ledger,
    client: &Client,
    tenant: &Tenant,
    seen: Seen<'_>,
    clock: Clock,
) -> Result<Done, EnsureError> {
    let (id, content_type, now) = (tenant.tenant_id, seen.content_type, clock.now());
    let step = plan(seen.wanted.as_ref(), seen.known, seen.observed, now);
    let (status, webhook) = observed_status(seen.observed);
    ledger
        .note_observed(id, content_type, status, webhook, now)
        .await?;
    match step {
        Step::Fine => Ok(Done::Fine(content_type)),
        Step::Wait { until, why } => {
            tracing::info!(tenant.id = %id, content.type = %content_type, why, %until, "start put off: Microsoft asks for 15 minutes between two");
            Ok(Done::NotYet)
        }
        Step::Start { with_webhook, why } => {
            let webhook = seen.wanted.as_ref().filter(|_| with_webhook);
            let started = start(ledger, client, tenant, content_type, webhook, why, clock).await?;
            Ok(if started { Done::Started } else { Done::NotYet })
        }
    }
}

/// Starts one subscription, if nobody else does. `false` when it was not started.
async fn start(
    ledger: &Ledger,
    client: &Client,
    tenant: &Tenant,
    content_type: ContentType,
    webhook: Option<&Webhook>,
    why: &str,
    clock: Clock,
) -> Result<bool, EnsureError> {
    let (id, cloud) = (tenant.tenant_id, tenant.cloud);
    // The tenant may have begun to leave, or the type been taken out, since it was read; a start then would outlive it.
    let wanted = ledger.tenant(id).await?.is_some_and(|tenant| {
        tenant.state == TenantState::Active && tenant.content_types.contains(&content_type)
    });
    if !wanted || !ledger.may_start(id, content_type, clock.now()).await? {
        tracing::info!(tenant.id = %id, content.type = %content_type, why, "start left to whoever began it, or not wanted any more");
        return Ok(false);
    }
    tracing::info!({ field::TENANT_ID } = %id, { field::CONTENT_TYPE } = %content_type, why, webhook = webhook.is_some(), "{}", message::STARTING_SUBSCRIPTION);
    match client.start(id, cloud, content_type, webhook).await {
        Ok(started) => {
            note_started(ledger, id, content_type, webhook, &started, clock.now()).await?;
            Ok(true)
        }
        Err(error) => {
            tracing::warn!(tenant.id = %id, content.type = %content_type, %error, "subscription not started");
            if error.code() == Some(WEBHOOK_NOT_VALIDATED) {
                ledger.note_webhook_refused(id, content_type, true).await?;
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

/// Stops every subscription of a tenant that leaves. What Microsoft says cannot be stopped any more counts as stopped.
///
/// # Errors
/// The first stop that may succeed later.
pub async fn stop_all(client: &Client, registered: &Registered) -> Result<(), office365::Error> {
    let tenant = &registered.tenant;
    for content_type in &tenant.content_types {
        stop(client, tenant.tenant_id, tenant.cloud, *content_type).await?;
    }
    Ok(())
}

/// Stops one subscription.
///
/// # Errors
/// Microsoft may stop it later, or an operator has to act first. A subscription that is not there, and a tenant that took its
/// consent back or turned auditing off, are none.
pub async fn stop(
    client: &Client,
    tenant: TenantId,
    cloud: office365::Cloud,
    content_type: ContentType,
) -> Result<(), office365::Error> {
    match client.stop(tenant, cloud, content_type).await {
        Err(error)
            if matches!(
                error.disposition(),
                Disposition::Retry { .. } | Disposition::Operator
            ) =>
        {
            Err(error)
        }
        Err(error) => {
            tracing::warn!(tenant.id = %tenant, content.type = %content_type, %error, "subscription cannot be stopped, counted as stopped");
            Ok(())
        }
        Ok(()) => Ok(()),
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

#[cfg(test)]
mod tests {
    use office365::WebhookState;

    use super::*;

    const NOW: &str = "2026-03-01T12:00:00Z";

    fn wanted() -> Webhook {
        Webhook {
            address: Url::parse("https://hooks.example/v1/notifications/t/Audit.Exchange").unwrap(),
            auth_id: "v1.mac".into(),
        }
    }

    fn observed(
        status: SubscriptionStatus,
        change: impl FnOnce(&mut Option<WebhookState>),
    ) -> office365::Subscription {
        let mut webhook = Some(WebhookState {
            status: WebhookStatus::Enabled,
            address: wanted().address.to_string(),
            auth_id: Some("v1.mac".into()),
            expiration: None,
        });
        change(&mut webhook);
        office365::Subscription {
            content_type: ContentType::AuditExchange,
            status,
            webhook,
        }
    }

    #[track_caller]
    fn check(
        known: &Subscription,
        observed: Option<&office365::Subscription>,
        expect: Result<bool, &str>,
    ) {
        let step = plan(Some(&wanted()), known, observed, NOW.parse().unwrap());
        let found = match step {
            Step::Fine => Err("fine"),
            Step::Wait { .. } => Err("wait"),
            Step::Start { with_webhook, .. } => Ok(with_webhook),
        };
        assert_eq!(found, expect, "{step:?}");
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone() {
        let seen = observed(SubscriptionStatus::Enabled, |_| {});
        check(&Subscription::default(), Some(&seen), Err("fine"));
        let silent = observed(SubscriptionStatus::Other, |_| {});
        check(&Subscription::default(), Some(&silent), Err("fine"));
    }

    #[test]
    fn every_way_a_webhook_can_be_wrong_is_healed_by_a_start_with_it() {
        let known = Subscription::default();
        check(&known, None, Ok(true));
        let wrong: [fn(&mut Option<WebhookState>); 6] = [
            |webhook| *webhook = None,
            |webhook| webhook.as_mut().unwrap().status = WebhookStatus::Disabled,
            |webhook| webhook.as_mut().unwrap().status = WebhookStatus::Expired,
            |webhook| webhook.as_mut().unwrap().address.push('x'),
            |webhook| webhook.as_mut().unwrap().auth_id = Some("v1.other".into()),
            |webhook| {
                webhook.as_mut().unwrap().expiration =
                    Some("2026-03-01T11:59:59Z".parse().unwrap());
            },
        ];
        for change in wrong {
            check(
                &known,
                Some(&observed(SubscriptionStatus::Enabled, change)),
                Ok(true),
            );
        }
        check(
            &known,
            Some(&observed(SubscriptionStatus::Disabled, |_| {})),
            Ok(true),
        );
    }

    #[test]
    fn two_starts_are_fifteen_minutes_apart() {
        let known = |at: &str| Subscription {
            start_attempted_at: Some(at.parse().unwrap()),
            ..Subscription::default()
        };
        check(&known("2026-03-01T11:50:00Z"), None, Err("wait"));
        check(&known("2026-03-01T11:44:00Z"), None, Ok(true));
    }

    #[test]
    fn after_a_refused_webhook_a_dead_subscription_is_started_bare_and_a_live_one_with_it() {
        let known = Subscription {
            webhook_refused: true,
            ..Subscription::default()
        };
        check(&known, None, Ok(false));
        let live = observed(SubscriptionStatus::Enabled, |webhook| *webhook = None);
        check(&known, Some(&live), Ok(true));
    }

    #[test]
    fn without_a_webhook_wanted_a_running_subscription_keeps_the_one_it_has() {
        let seen = observed(SubscriptionStatus::Enabled, |_| {});
        let now = NOW.parse().unwrap();
        assert_eq!(
            plan(None, &Subscription::default(), Some(&seen), now),
            Step::Fine
        );
        assert!(matches!(
            plan(None, &Subscription::default(), None, now),
            Step::Start {
                with_webhook: false,
                ..
            }
        ));
    }
}
