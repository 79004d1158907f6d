//! What is ours: the stores, the clock, and what an operator has said of the tenant.

use super::evidence::Evidence;
use super::finding::{Check, Harm, Id, page, span};
use crate::clock::minute;
use crate::store::ledger::registry::TenantState;

/// How far the clocks may differ, in seconds: Entra allows five minutes.
pub(super) const SKEW_MAX: i64 = 300;

/// From here on it is told, in seconds: Microsoft refuses listings that begin a little too early, or end in its future.
const SKEW_NORMAL: i64 = 60;

/// What keeps the stores from being used.
pub(super) fn stores_failed(why: &str) -> Check {
    Check::failed(
        Id::Stores,
        Harm::StopsAll,
        format!("A store of our own cannot be used. {why}."),
    )
    .remedy("Look at the function's log and role, and at the state of the service in the region. What Microsoft publishes meanwhile is fetched afterwards, for seven days.")
    .link("https://health.aws.amazon.com/health/status")
}

/// Whether DynamoDB, SQS and the secrets answer.
pub(super) fn stores(seen: &Evidence) -> Check {
    let errors = [
        seen.sweep.as_ref().err(),
        seen.open.as_ref().err(),
        seen.losses.as_ref().err(),
        seen.recent.as_ref().err(),
        seen.requests.as_ref().err(),
        seen.queue.as_ref().err(),
        seen.wanted.as_ref().err(),
    ];
    if let Some(why) = errors.into_iter().flatten().next() {
        return stores_failed(why);
    }
    let check = Check::ok(Id::Stores, "DynamoDB and SQS answer.");
    match &seen.queue {
        Ok(depth) => check.fact("queued", *depth),
        Err(_) => check,
    }
}

/// Our clock against the login host's.
pub(super) fn clock(seen: &Evidence) -> Check {
    let Some(skew) = seen.skew() else {
        return Check::unknown(
            Id::Clock,
            "Microsoft did not answer, so that there is no other clock to compare with.",
        );
    };
    let direction = if skew > 0 { "behind" } else { "ahead of" };
    let apart = span(skew.abs());
    let meaning = format!("Our clock is {apart} {direction} Microsoft's.");
    let check = if skew.abs() > SKEW_MAX {
        Check::failed(
            Id::Clock,
            Harm::Slower,
            format!("{meaning} Microsoft refuses signatures and listings by a wrong clock."),
        )
        .remedy("Set the clock by a time server. On AWS it is right by itself; then look for a proxy that answers in Microsoft's place.")
        .link(page::API)
    } else if skew.abs() > SKEW_NORMAL {
        Check::warning(Id::Clock, meaning).remedy("Set the clock by a time server.")
    } else {
        Check::ok(Id::Clock, "Our clock is that of Microsoft.")
    };
    check.fact("ahead_of_us_seconds", skew)
}

/// What an operator has said of the tenant, and what keeps it.
pub(super) fn state(seen: &Evidence) -> Check {
    let tenant = &seen.registered.tenant;
    let check = match (tenant.state, &tenant.brake) {
        (TenantState::Leaving, _) => Check::failed(
            Id::State,
            Harm::StopsAll,
            "The tenant is being removed: its subscriptions are stopped, and nothing is fetched any more.",
        )
        .remedy("Nothing, the reconciler finishes it. To keep the tenant, register it again."),
        (TenantState::Paused, _) => Check::failed(
            Id::State,
            Harm::Slower,
            "The tenant is paused: nothing is fetched. Its subscriptions go on, and Microsoft keeps what it publishes for seven days.",
        )
        .remedy("Resume it with PATCH /v1/tenants/{tenant} {\"paused\": false}."),
        (TenantState::Active, Some(brake)) => Check::warning(
            Id::State,
            format!(
                "Fetching rests until a call succeeds; the next try is on {}. The last one said: {}.",
                minute(brake.next_probe_at),
                brake.text
            ),
        )
        .remedy("Mend what the checks name. Registering the tenant again tries at once.")
        .since(Some(brake.since))
        .fact("reason", brake.reason.as_str()),
        (TenantState::Active, None) => Check::ok(Id::State, "The tenant is active."),
    };
    check.fact("state", tenant.state.as_str())
}
