//! Whether a subscription has to be started: decided here, from what should be, what is, and what we did before.

use jiff::Timestamp;
use office365::{SubscriptionStatus, Webhook, WebhookStatus};

use crate::clock::later;
use crate::store::ledger::registry::{START_COOL_DOWN, Subscription};
use crate::teeth::{Tooth, bites};

/// What a subscription needs of `/start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartPlan {
    /// Nothing: it is as it should be.
    NotNeeded,
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
) -> StartPlan {
    let runs = observed.is_some_and(|seen| seen.status != SubscriptionStatus::Disabled);
    let why = match (observed, wanted) {
        (None, _) => "the subscription is missing",
        (Some(_), _) if !runs => "the subscription is disabled",
        (Some(seen), Some(wanted)) => match &seen.webhook {
            None => "the webhook is missing",
            Some(webhook) if webhook.serves(wanted, now) => return StartPlan::NotNeeded,
            Some(webhook) => match webhook.status {
                WebhookStatus::Disabled => "the webhook is disabled",
                WebhookStatus::Expired => "the webhook has expired",
                _ => "the webhook has another address or authId",
            },
        },
        (Some(_), None) => return StartPlan::NotNeeded,
    };
    match known
        .start_attempted_at
        .map(|at| later(at, START_COOL_DOWN))
    {
        Some(until) if now < until && !bites(Tooth::StartsUnguarded) => {
            StartPlan::Wait { until, why }
        }
        _ => StartPlan::Start {
            with_webhook: wanted.is_some() && (runs || !known.webhook_refused),
            why,
        },
    }
}

#[cfg(test)]
mod tests {
    use office365::{ContentType, WebhookState};
    use url::Url;

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
        let needed = plan(Some(&wanted()), known, observed, NOW.parse().unwrap());
        let found = match needed {
            StartPlan::NotNeeded => Err("not needed"),
            StartPlan::Wait { .. } => Err("wait"),
            StartPlan::Start { with_webhook, .. } => Ok(with_webhook),
        };
        assert_eq!(found, expect, "{needed:?}");
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone() {
        let seen = observed(SubscriptionStatus::Enabled, |_| {});
        check(&Subscription::default(), Some(&seen), Err("not needed"));
        let silent = observed(SubscriptionStatus::Other, |_| {});
        check(&Subscription::default(), Some(&silent), Err("not needed"));
    }

    #[test]
    fn a_webhook_wrong_in_any_way_is_healed_by_a_start() {
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
    fn after_a_refused_webhook_only_a_live_one_gets_it() {
        let known = Subscription {
            webhook_refused: true,
            ..Subscription::default()
        };
        check(&known, None, Ok(false));
        let live = observed(SubscriptionStatus::Enabled, |webhook| *webhook = None);
        check(&known, Some(&live), Ok(true));
    }

    #[test]
    fn without_a_webhook_of_ours_a_running_one_keeps_its_own() {
        let seen = observed(SubscriptionStatus::Enabled, |_| {});
        let now = NOW.parse().unwrap();
        assert_eq!(
            plan(None, &Subscription::default(), Some(&seen), now),
            StartPlan::NotNeeded
        );
        assert!(matches!(
            plan(None, &Subscription::default(), None, now),
            StartPlan::Start {
                with_webhook: false,
                ..
            }
        ));
    }
}
