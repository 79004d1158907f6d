//! Starting and stopping a subscription.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::access::Access;
use super::{errors, list};
use crate::answer::{Answer, Refusal, empty, json};
use crate::call::Call;
use crate::clock::later;
use crate::content_type::ContentType;
use crate::publish::schedule;
use crate::rules::StartCooldown;
use crate::webhook;
use crate::world::{StartSeen, Subscription, Tenant, Webhook};

/// `POST /subscriptions/start`: creates, changes or revives.
pub(crate) async fn start(call: &Call, access: &Access) -> Result<Answer, Refusal> {
    let content_type = access.content_type(call)?;
    let asked = asked_webhook(&call.body);
    let answered = match &asked {
        Ok(asked) => run(call, access, content_type, asked.as_ref()).await,
        Err(refusal) => Err(refusal.clone()),
    };
    call.shared.journal().start(StartSeen {
        at: call.shared.now(),
        tenant: access.tenant,
        client_id: access.client_id,
        content_type,
        webhook: asked.ok().flatten().map(|asked| asked.address),
        status: answered
            .as_ref()
            .map_or_else(|refusal| refusal.status, |_| 200),
        code: answered.as_ref().err().map(|refusal| refusal.code.clone()),
    });
    answered
}

async fn run(
    call: &Call,
    access: &Access,
    content_type: ContentType,
    asked: Option<&Asked>,
) -> Result<Answer, Refusal> {
    let shared = &call.shared;
    let now = shared.now();
    audited(call, access, content_type, now)?;
    if let Some((text, _)) = asked
        .and_then(|asked| asked.expiration.as_ref())
        .filter(|(_, at)| *at <= now)
    {
        return Err(errors::past_expiration(text));
    }
    let wanted = asked.map(|asked| Webhook {
        address: asked.address.clone(),
        auth_id: asked.auth_id.clone(),
        expiration: asked.expiration.as_ref().map(|(_, at)| *at),
        disabled: false,
        shown_from: now,
    });
    begin(call, access, content_type, wanted.as_ref(), now)?;
    if let Some(wanted) = &wanted {
        let subscriber = webhook::Subscriber {
            tenant: access.tenant,
            content_type,
        };
        webhook::validate(
            shared,
            subscriber,
            &wanted.address,
            wanted.auth_id.as_deref(),
        )
        .await
        .map_err(|reason| errors::bad_webhook(&wanted.address, reason))?;
        webhook::revive(shared, &(wanted.address.clone(), wanted.auth_id.clone()));
    }
    let spelling = call.query.get("contentType").unwrap_or_default();
    let echo = commit(call, access, content_type, wanted, spelling);
    schedule::start(shared, access.tenant, content_type);
    Ok(json(200, &echo))
}

fn audited(
    call: &Call,
    access: &Access,
    content_type: ContentType,
    now: Timestamp,
) -> Result<(), Refusal> {
    let world = call.shared.world();
    if world
        .tenants
        .get(&access.tenant)
        .is_some_and(|tenant| tenant.is_audited(now))
    {
        return Ok(());
    }
    let (tenant, client_id) = (access.tenant.to_string(), access.client_id.to_string());
    Err(errors::not_audited(
        &tenant,
        content_type.name(),
        &client_id,
        &access.publisher,
    ))
}

/// Refuses what needs no call to the webhook: a start too soon, or one that changes nothing. Notes the time otherwise.
fn begin(
    call: &Call,
    access: &Access,
    content_type: ContentType,
    wanted: Option<&Webhook>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let shared = &call.shared;
    let rules = &shared.config.rules;
    let mut world = shared.world();
    let Some(tenant) = world.tenants.get_mut(&access.tenant) else {
        return Err(errors::unknown_tenant(rules, &access.tenant.to_string()));
    };
    let key = (access.client_id, content_type);
    let last_of_type = tenant
        .subscriptions
        .get(&key)
        .and_then(|subscription| subscription.last_start);
    let last = match rules.start_cooldown {
        StartCooldown::PerTenant => tenant.last_start.get(&access.client_id).copied(),
        StartCooldown::PerSubscription | StartCooldown::Off => last_of_type,
    };
    let free_from = last.map(|last| later(last, Duration::from_secs(rules.start_cooldown_seconds)));
    if let Some(free_from) = free_from.filter(|free_from| now < *free_from) {
        shared.violate(
            "start_within_15_minutes",
            Some(access.tenant),
            call.target.clone(),
        );
        if rules.start_cooldown != StartCooldown::Off {
            return Err(errors::start_too_soon(
                free_from.duration_since(now).as_secs(),
            ));
        }
    }
    note_start(tenant, key, now);
    let subscription = tenant.subscriptions.get(&key);
    if subscription.is_some_and(|subscription| {
        changes_nothing(
            subscription,
            wanted,
            rules.start_without_webhook_removes,
            now,
        )
    }) {
        return Err(errors::nothing_to_change());
    }
    Ok(())
}

fn note_start(tenant: &mut Tenant, key: (uuid::Uuid, ContentType), now: Timestamp) {
    tenant.last_start.insert(key.0, now);
    tenant.subscriptions.entry(key).or_default().last_start = Some(now);
}

fn changes_nothing(
    subscription: &Subscription,
    wanted: Option<&Webhook>,
    removes: bool,
    now: Timestamp,
) -> bool {
    subscription.is_enabled()
        && match (&subscription.webhook, wanted) {
            (None, None) => true,
            (Some(_), None) => !removes,
            (None, Some(_)) => false,
            (Some(there), Some(wanted)) => there.same_as(wanted, now),
        }
}

/// Enables the subscription, and answers as Microsoft does: the content type as it was sent.
fn commit(
    call: &Call,
    access: &Access,
    content_type: ContentType,
    wanted: Option<Webhook>,
    spelling: &str,
) -> Value {
    let shared = &call.shared;
    let rules = &shared.config.rules;
    let now = shared.now();
    let mut world = shared.world();
    let wanted = wanted.map(|wanted| Webhook {
        shown_from: later(
            now,
            Duration::from_secs(rules.validation_shown_after_seconds),
        ),
        ..wanted
    });
    let echo = wanted.as_ref().map(list::started_webhook);
    if let Some(tenant) = world.tenants.get_mut(&access.tenant) {
        let subscription = tenant
            .subscriptions
            .entry((access.client_id, content_type))
            .or_default();
        if subscription.was_ever_enabled()
            && !subscription.is_enabled()
            && rules.stuck_after_restart_seconds > 0
        {
            subscription.stuck_until = Some(later(
                now,
                Duration::from_secs(rules.stuck_after_restart_seconds),
            ));
        }
        subscription.enable();
        spelling.clone_into(&mut subscription.spelling);
        if wanted.is_some() || rules.start_without_webhook_removes {
            subscription.webhook = wanted;
        }
    }
    json!({ "contentType": spelling, "status": "enabled", "webhook": echo })
}

/// `POST /subscriptions/stop`: 200 and nothing in it.
pub(crate) fn stop(call: &Call, access: &Access) -> Result<Answer, Refusal> {
    let content_type = access.content_type(call)?;
    let shared = &call.shared;
    let mut world = shared.world();
    let subscription = world
        .tenants
        .get_mut(&access.tenant)
        .and_then(|tenant| {
            tenant
                .subscriptions
                .get_mut(&(access.client_id, content_type))
        })
        .filter(|subscription| subscription.was_ever_enabled())
        .ok_or_else(|| errors::no_subscription(&shared.config.rules));
    if !subscription
        .as_ref()
        .is_ok_and(|subscription| subscription.is_enabled())
    {
        shared.violate(
            "stop_without_start",
            Some(access.tenant),
            call.target.clone(),
        );
    }
    let subscription = subscription?;
    subscription.disable();
    subscription.webhook = None;
    Ok(empty(200))
}

/// The webhook that a start asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    address: String,
    auth_id: Option<String>,
    expiration: Option<(String, Timestamp)>,
}

/// Reads the body of a start. One that is no object, such as JSON encoded twice, is silently no webhook at all.
pub(super) fn asked_webhook(body: &[u8]) -> Result<Option<Asked>, Refusal> {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
        return Ok(None);
    };
    let Some(Value::Object(webhook)) = property(&body, "webhook") else {
        return Ok(None);
    };
    let text = |name: &str| {
        property(webhook, name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let address = text("address").ok_or_else(|| errors::missing_parameter("webhook.address"))?;
    let expiration = text("expiration")
        .map(|text| {
            super::window::parse(&text)
                .map(|at| (text, at))
                .ok_or_else(|| errors::wrong_type("expiration", "datetime"))
        })
        .transpose()?;
    Ok(Some(Asked {
        address,
        auth_id: text("authId"),
        expiration,
    }))
}

/// A property by its name in any case: Microsoft's sample sends `Webhook` and `authid`.
fn property<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .iter()
        .find(|(of, _)| of.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: Result<Option<&str>, &str>) {
        let got = asked_webhook(body.as_bytes())
            .map(|asked| asked.map(|asked| asked.address))
            .map_err(|refusal| refusal.code);
        assert_eq!(
            got,
            expect
                .map(|address| address.map(str::to_owned))
                .map_err(str::to_owned),
            "{body}"
        );
    }

    #[test]
    fn a_body_that_is_no_object_is_no_webhook() {
        for body in [
            "",
            "null",
            "[]",
            "{",
            r#""{\"webhook\":{}}""#,
            r#"{"webhook":null}"#,
            r#"{"webhook":"https://a.example"}"#,
        ] {
            check(body, Ok(None));
        }
    }

    #[test]
    fn properties_are_read_in_any_case() {
        check(
            r#"{"Webhook":{"ADDRESS":"https://a.example/","authid":"x","Expiration":""}}"#,
            Ok(Some("https://a.example/")),
        );
        check(r#"{"webhook":{"authId":"x"}}"#, Err("AF20001"));
        check(
            r#"{"webhook":{"address":"https://a.example/","expiration":"soon"}}"#,
            Err("AF20002"),
        );
    }
}
