//! Auditing, licence, and each subscription with its webhook: as Microsoft lists them, and as they should be.

use std::time::Duration;

use office365::{ContentType, Disposition, Failure, SubscriptionStatus, WebhookStatus};

use super::entra;
use super::evidence::{Evidence, Heard};
use super::finding::{Check, Harm, Id, page};
use crate::clock::{earlier, later, minute};
use crate::store::ledger::registry::brake::BrakeReason;
use crate::store::ledger::registry::{START_COOL_DOWN, Subscription};

/// A tenant in which nothing at all happens for so long is a rare one.
const SILENT_FOR: Duration = Duration::from_secs(24 * 3600);

/// So long a type may stay empty while others flow, before that is told.
const EMPTY_FOR: Duration = Duration::from_secs(24 * 3600);

const TURN_ON: &str = "In Exchange Online PowerShell run Set-AdminAuditLogConfig -UnifiedAuditLogIngestionEnabled $true, or turn auditing on in Microsoft Purview. It takes up to an hour; we start by ourselves.";

/// Whether the tenant has an audit log.
pub(super) fn auditing(seen: &Evidence) -> Check {
    if seen.facts().is_none() {
        return Check::skipped(Id::Auditing, "Not known without a token.");
    }
    let refused = seen.types().find(|(_, known)| known.auditing_off);
    if seen.was_answered(Disposition::AuditingOff) || refused.is_some() {
        return Check::failed(
            Id::Auditing,
            Harm::StopsAll,
            "Auditing is off in this tenant: Microsoft keeps no audit log for it, and refuses our subscriptions (\"Tenant does not exist\").",
        )
        .remedy(TURN_ON)
        .link(page::AUDITING)
        .since(refused.and_then(|(_, known)| known.last_error_at));
    }
    let brake = seen.registered.tenant.brake.as_ref();
    if brake.is_some_and(|brake| brake.reason == BrakeReason::AuditingOff) {
        return Check::warning(
            Id::Auditing,
            "Auditing was off at the last try; whether it still is, the next one will show.",
        )
        .remedy("Register the tenant again to try at once.")
        .link(page::AUDITING)
        .since(brake.map(|brake| brake.since));
    }
    if is_silent(seen) {
        return Check::warning(
            Id::Auditing,
            "Nothing has come of any content type for a day. Microsoft does not tell us when auditing is turned off later on.",
        )
        .remedy(format!("Compare UnifiedAuditLogIngestionEnabled of Get-AdminAuditLogConfig. {TURN_ON}"))
        .link(page::AUDITING)
        .since(seen.last_content());
    }
    match &seen.subscriptions {
        Heard::Answer(listed) if !listed.is_empty() => Check::ok(
            Id::Auditing,
            "Auditing is on: without it Microsoft starts no subscription.",
        ),
        Heard::Answer(_) => Check::unknown(
            Id::Auditing,
            "Not known: only the start of a subscription shows it.",
        ),
        _ => Check::skipped(
            Id::Auditing,
            "Not known: Microsoft did not list the subscriptions.",
        ),
    }
}

/// Whether content came once, and nothing for a day.
fn is_silent(seen: &Evidence) -> bool {
    let before = earlier(seen.now, SILENT_FOR);
    let listed = seen.lately.values().any(|heard| match heard {
        Heard::Answer(lately) => lately.blobs > 0,
        _ => false,
    });
    !listed && seen.last_content().is_some_and(|at| at < before)
}

/// Whether a licence is missing.
pub(super) fn licence(seen: &Evidence) -> Check {
    if let Some(check) = entra::licence(seen) {
        return check;
    }
    if seen.facts().is_none() {
        return Check::skipped(Id::Licence, "Not known without a token.");
    }
    let exchange = ContentType::AuditExchange;
    let is_old = seen.registered.tenant.created_at < earlier(seen.now, EMPTY_FOR);
    let is_empty = seen
        .registered
        .subscriptions
        .get(&exchange)
        .is_some_and(|known| known.last_content_at.is_none());
    if is_old && is_empty && seen.last_content().is_some() {
        return Check::warning(
            Id::Licence,
            "Audit.Exchange has stayed empty since the registration, while other types deliver: perhaps the tenant has no Exchange Online licence.",
        )
        .remedy("Look at the tenant's licences. Without mailboxes an empty Audit.Exchange is right; take the type out then.")
        .link(page::TROUBLE)
        .of_type(exchange)
        .since(Some(seen.registered.tenant.created_at));
    }
    Check::ok(
        Id::Licence,
        "Microsoft's audit service is active in the tenant.",
    )
}

/// Each subscription.
pub(super) fn subscriptions(seen: &Evidence, auditing: &Check) -> Vec<Check> {
    let is_off = auditing.result == super::finding::Outcome::Failed;
    let one = |(of, known): (ContentType, &Subscription)| {
        let check = match &seen.subscriptions {
            _ if is_off => Check::skipped(Id::Subscription, "Not started: auditing comes first."),
            Heard::Answer(_) => subscription(seen, of, known),
            Heard::NotAsked => {
                Check::skipped(Id::Subscription, "Not asked: something before it is wrong.")
            }
            Heard::Error(_) | Heard::Late => Check::unknown(
                Id::Subscription,
                "Microsoft did not list the subscriptions.",
            ),
        };
        check.of_type(of)
    };
    seen.types().map(one).collect()
}

fn subscription(seen: &Evidence, of: ContentType, known: &Subscription) -> Check {
    let refused = seen.lately.get(&of).and_then(|heard| heard.error());
    let is_refused = refused.is_some_and(|error| error.disposition() == Disposition::Disabled);
    let again = known
        .start_attempted_at
        .map(|at| later(at, START_COOL_DOWN));
    let again = match again.filter(|at| *at > seen.now) {
        Some(at) => format!(
            "Nothing: we start it again, not before {}, because Microsoft asks for 15 minutes between two starts.",
            minute(at)
        ),
        None => "Nothing: our next sweep starts it again, within 15 minutes.".to_owned(),
    };
    let failed =
        |meaning: String| Check::failed(Id::Subscription, Harm::StopsType, meaning).link(page::API);
    match seen.listed(of) {
        Some(listed) if listed.status == SubscriptionStatus::Disabled => failed(format!(
            "Microsoft has disabled the subscription to {of}: nothing of it is published for us. An administrator or another program with our application stopped it, or Microsoft did."
        ))
        .remedy(again)
        .since(known.observed_at),
        Some(_) if !is_refused => {
            Check::ok(Id::Subscription, format!("{of} enabled.")).since(known.observed_at)
        }
        listed => {
            let is_stuck = listed.is_some() || known.status == crate::store::ledger::registry::Status::Enabled;
            if is_stuck && is_refused {
                return failed(format!(
                    "The subscription to {of} is stuck: Microsoft accepted its start, and answers all the same that it is disabled (AF20023)."
                ))
                .remedy(format!("{again} It is known to take hours. Never stop it to repair it: what Microsoft publishes meanwhile is lost."))
                .link(page::TROUBLE)
                .since(known.start_attempted_at);
            }
            let why = match &known.last_error {
                Some(error) => format!(" The last try said: {error}."),
                None => String::new(),
            };
            failed(format!("There is no subscription to {of} at Microsoft.{why}"))
                .remedy(again)
                .since(known.last_error_at)
        }
    }
}

/// Each subscription's webhook at Microsoft.
pub(super) fn webhooks(seen: &Evidence) -> Vec<Check> {
    let one = |(of, known): (ContentType, &Subscription)| {
        let wanted = seen.wanted.as_ref().ok().and_then(|all| all.get(&of));
        let check = match (wanted, seen.listed(of)) {
            (None, _) => Check::skipped(
                Id::WebhookConfigured,
                "This installation has no webhook: our sweep finds the content.",
            ),
            (Some(_), None) => {
                Check::skipped(Id::WebhookConfigured, "Not known without the subscription.")
            }
            (Some(wanted), Some(listed)) => webhook(seen, (of, known), wanted, listed),
        };
        check.of_type(of)
    };
    seen.types().map(one).collect()
}

fn webhook(
    seen: &Evidence,
    (of, known): (ContentType, &Subscription),
    wanted: &office365::Webhook,
    listed: &office365::Subscription,
) -> Check {
    let why = match &listed.webhook {
        Some(webhook) if webhook.serves(wanted, seen.now) => {
            return Check::ok(
                Id::WebhookConfigured,
                format!("Microsoft has our webhook for {of}, enabled."),
            );
        }
        None if known.webhook_refused => {
            "Microsoft could not validate our webhook (AF20021), and has none"
        }
        None => "Microsoft has no webhook (null) any more; it drops one without notice",
        Some(webhook) => match webhook.status {
            WebhookStatus::Disabled => {
                "Microsoft has disabled our webhook, after too many calls that failed"
            }
            WebhookStatus::Expired => "Our webhook has expired at Microsoft",
            WebhookStatus::Enabled | WebhookStatus::Other => {
                "Microsoft has a webhook of another address or key"
            }
        },
    };
    Check::failed(
        Id::WebhookConfigured,
        Harm::Slower,
        format!("{why}: {of} comes some minutes later, by our sweep. Nothing is lost."),
    )
    .remedy("Nothing, if the webhook is reachable: our sweep starts the subscription with it again, 15 minutes after the last start.")
    .link(page::TROUBLE)
    .since(known.observed_at)
}

/// Whether our own webhook answers, called as Microsoft calls it.
pub(super) fn reachable(seen: &Evidence) -> Check {
    let id = Id::WebhookReachable;
    let failed = |meaning: String| {
        Check::failed(id, Harm::Slower, meaning)
            .remedy("Check WebhookBaseUrl, its certificate, its DNS name, and that nothing (firewall, WAF, sign-in page) stands before /v1/notifications. Microsoft calls from the service tag M365ManagementActivityApiWebhook.")
            .link(page::TROUBLE)
    };
    let refused = seen.types().find(|(_, known)| known.webhook_refused);
    match (&seen.wanted, &seen.webhook) {
        (Err(why), _) => Check::unknown(id, format!("The webhook's key cannot be read: {why}.")),
        (Ok(_), None) => Check::skipped(id, "This installation has no webhook."),
        (Ok(_), Some(Ok(200))) => match refused {
            Some((_, known)) => Check::warning(
                id,
                "We reach our webhook, but at the last start Microsoft could not (AF20021).",
            )
            .remedy("Look for what lets us through and not Microsoft: a firewall, a rule by country, a certificate that only we trust.")
            .link(page::TROUBLE)
            .since(known.last_error_at),
            None => Check::ok(id, "Our webhook answers a call like Microsoft's with 200."),
        },
        (Ok(_), Some(Ok(401))) => failed("Our webhook does not know our own key: receiver and API have different webhook keys.".to_owned())
            .remedy("Both read WebhookKeySecret, at most five minutes old: wait so long after a rotation, then compare their settings."),
        (Ok(_), Some(Ok(status))) => failed(format!(
            "Our webhook answers with status {status}; for Microsoft only 200 counts."
        ))
        .fact("status", *status),
        (Ok(_), Some(Err(failure))) => {
            let why = match failure {
                Some(Failure::Connect(why)) => format!("no connection ({why})"),
                Some(failure) => failure.to_string(),
                None => "no answer within 5 seconds".to_owned(),
            };
            failed(format!("Our webhook cannot be reached: {why}. Content comes by our sweep, some minutes later."))
        }
    }
}
