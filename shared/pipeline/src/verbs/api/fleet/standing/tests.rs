//! One tenant after the other, each with one thing that is wrong.

use std::collections::BTreeMap;

use office365::{Cloud, ContentType};

use super::*;
use crate::store::ledger::registry::Tenant;
use crate::store::ledger::sweep::TypeSweep;

const TYPE: ContentType = ContentType::AuditExchange;

fn at(text: &str) -> Timestamp {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

fn now() -> Timestamp {
    at("10T10:42")
}

/// A tenant with which everything is well.
fn well() -> (Registered, SweepState) {
    let subscription = Subscription {
        status: Status::Enabled,
        webhook: Some("enabled".to_owned()),
        observed_at: Some(at("09T10:00")),
        start_attempted_at: Some(at("01T10:00")),
        last_content_at: Some(at("10T10:30")),
        ..Subscription::default()
    };
    let registered = Registered {
        tenant: Tenant {
            tenant_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            name: "Contoso".to_owned(),
            cloud: Cloud::Enterprise,
            content_types: vec![TYPE],
            state: TenantState::Active,
            created_at: at("01T10:00"),
            brake: None,
        },
        subscriptions: BTreeMap::from([(TYPE, subscription)]),
    };
    let swept = TypeSweep {
        watermark: Some(at("10T10:40")),
        begun_at: Some(at("01T00:00")),
        begun_until: Some(at("08T00:00")),
        ..TypeSweep::default()
    };
    let sweep = SweepState {
        due_at: at("10T10:50"),
        done_at: Some(at("10T10:40")),
        types: BTreeMap::from([(TYPE, swept)]),
        ..SweepState::default()
    };
    (registered, sweep)
}

/// Changes a tenant that is well, and compares state, cause and a part of the sentence.
#[track_caller]
fn check(
    change: impl FnOnce(&mut Registered, &mut SweepState),
    (state, cause, part): (State, Option<&str>, &str),
) {
    let (mut registered, mut sweep) = well();
    change(&mut registered, &mut sweep);
    let found = standing(Known {
        registered: &registered,
        sweep: Some(&sweep),
        has_webhook: true,
        now: now(),
    });
    assert_eq!((found.state, found.cause), (state, cause), "{found:?}");
    assert!(found.sentence.contains(part), "{found:?}");
    let needs_somebody = matches!(found.state, State::NeedsYou | State::Lost);
    assert!(!needs_somebody || found.next_action.is_some(), "{found:?}");
}

fn subscription(registered: &mut Registered) -> &mut Subscription {
    registered.subscriptions.get_mut(&TYPE).unwrap()
}

fn brake(reason: BrakeReason) -> Option<Brake> {
    Some(Brake {
        reason,
        text: "AADSTS1".to_owned(),
        since: at("10T09:00"),
        next_probe_at: at("10T11:00"),
        probes: 3,
    })
}

#[test]
fn a_tenant_with_nothing_wrong_is_complete_or_waits() {
    check(
        |_, _| {},
        (
            State::Complete,
            None,
            "Complete up to 2026-03-10 10:40 UTC.",
        ),
    );
    let never = |tenant: &mut Registered, _: &mut SweepState| {
        subscription(tenant).last_content_at = None;
    };
    check(never, (State::Waiting, None, "nothing for us yet"));
}

#[test]
fn a_brake_needs_you_but_for_throttling() {
    for (reason, part) in [
        (BrakeReason::Consent, "Consent"),
        (BrakeReason::Credential, "credential"),
        (BrakeReason::Blocked, "conditional access"),
        (BrakeReason::AuditingOff, "audit log"),
        (BrakeReason::TenantGone, "does not know"),
    ] {
        let cause = Some(reason.as_str());
        check(
            |tenant, _| tenant.tenant.brake = brake(reason),
            (State::NeedsYou, cause, part),
        );
    }
    check(
        |tenant, _| tenant.tenant.brake = brake(BrakeReason::Throttled),
        (State::CatchingUp, Some("throttled"), "fewer requests"),
    );
}

#[test]
fn what_does_not_mend_itself_needs_you() {
    let needs = |cause, part| (State::NeedsYou, Some(cause), part);
    check(
        |tenant, _| subscription(tenant).auditing_off = true,
        needs("auditing_off", "Auditing is off"),
    );
    check(
        |tenant, _| subscription(tenant).webhook_refused = true,
        needs("webhook", "cannot reach"),
    );
    check(
        |tenant, _| subscription(tenant).webhook = Some("none".to_owned()),
        needs("webhook", "does not come back"),
    );
    check(
        |_, sweep| {
            sweep.failures = 4;
            sweep.last_error = Some("status 500".to_owned());
        },
        needs("sweep", "status 500"),
    );
    check(
        |_, sweep| sweep.due_at = at("10T09:00"),
        needs("sweep", "Nobody has compared"),
    );
}

#[test]
fn losses_are_told_until_somebody_knows_of_them() {
    for (losses, part) in [(1, "One loss"), (7, "7 losses")] {
        check(
            |_, sweep| sweep.activity.losses = losses,
            (State::Lost, Some("losses"), part),
        );
    }
}

#[test]
fn what_mends_itself_is_catching_up() {
    let behind = |cause, part| (State::CatchingUp, cause, part);
    check(
        |_, sweep| sweep.types.clear(),
        behind(None, "first listing begins"),
    );
    check(
        |_, sweep| sweep.types.get_mut(&TYPE).unwrap().begun_until = Some(at("10T10:41")),
        behind(None, "first listing is under way"),
    );
    check(
        |_, sweep| sweep.failures = 3,
        behind(Some("sweep"), "next one follows"),
    );
    check(
        |_, sweep| {
            sweep.activity.open = 3;
            sweep.activity.oldest_open = Some(at("10T09:00"));
        },
        behind(Some("open_blobs"), "3 open"),
    );
    check(
        |tenant, _| {
            let one = subscription(tenant);
            (one.status, one.webhook) = (Status::Pending, None);
        },
        behind(Some("sweep"), "not enabled yet"),
    );
}

#[test]
fn a_paused_tenant_waits_until_microsoft_forgets() {
    let pause = |tenant: &mut Registered| tenant.tenant.state = TenantState::Paused;
    check(
        |tenant, _| pause(tenant),
        (State::Waiting, None, "Paused by you"),
    );
    check(
        |tenant, sweep| {
            pause(tenant);
            sweep.types.get_mut(&TYPE).unwrap().watermark = Some(at("04T00:00"));
        },
        (State::NeedsYou, Some("sweep"), "about to be lost"),
    );
    check(
        |tenant, _| tenant.tenant.state = TenantState::Leaving,
        (State::CatchingUp, None, "being removed"),
    );
}

#[test]
fn a_tenant_is_complete_up_to_what_is_open() {
    let (registered, mut sweep) = well();
    sweep.activity.oldest_open = Some(at("10T10:20"));
    let known = |sweep| Known {
        registered: &registered,
        sweep,
        has_webhook: true,
        now: now(),
    };
    assert_eq!(complete_until(known(Some(&sweep))), Some(at("10T10:20")));
    assert_eq!(complete_until(known(None)), None);
    let never = standing(Known {
        now: at("01T10:05"),
        ..known(None)
    });
    assert_eq!(never.state, State::CatchingUp, "{never:?}");
}
