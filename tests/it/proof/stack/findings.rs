//! The deployed detector finds an attack, everybody who wants to know is told, and the deployed API handles it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use emulator::Story;
use reqwest::Method;
use serde_json::{Value, json};
use tests::stack::{RULE_QUEUE, TOPIC_QUEUE};
use tests::{Outcome, lake};
use uuid::Uuid;

use super::world::{World, call, ensure, wait_until};

/// Ordinary records make no findings.
pub(super) fn an_attack_is_told(world: &World, tenant: Uuid) -> Outcome<()> {
    world.microsoft.tell(tenant, Story::PasswordSpray)?;
    Ok(())
}

/// With the detector's own role.
pub(super) async fn the_detector_writes_findings(world: &World) -> Outcome<()> {
    wait_until("there are findings", async || {
        let findings = lake::files(&world.stack.lake().await?.join("findings/ocsf"))?;
        let Some(file) = findings.first() else {
            return Ok(Err("there are none".to_owned()));
        };
        let finding = lake::events_of(file)?.remove(0);
        ensure(finding["class_uid"] == 2004, || {
            format!("no finding: {finding}")
        })?;
        Ok(Ok(()))
    })
    .await
}

/// By EventBridge to the topic of `FindingsTopicArn` and to a rule of the operator's own, by the notifier to the webhook: the same
/// as in the lake.
pub(super) async fn everybody_receives_each_finding(world: &World) -> Outcome<()> {
    let secret = world.stack.secret("FindingsWebhookSecretArn").await?;
    let of_topic = RefCell::new(BTreeMap::new());
    let of_rule = RefCell::new(BTreeMap::new());
    wait_until("everybody has every finding", async || {
        let written = findings(world).await?;
        for envelope in world.stack.told(TOPIC_QUEUE).await? {
            let text = envelope["Message"].as_str().unwrap_or_default();
            keep(&of_topic, event(serde_json::from_str(text)?)?)?;
        }
        for told in world.stack.told(RULE_QUEUE).await? {
            keep(&of_rule, event(told)?)?;
        }
        let posted = posted(world, &secret)?;
        let all = [
            ("the topic", of_topic.borrow().clone()),
            ("the rule", of_rule.borrow().clone()),
            ("the webhook", posted),
        ];
        let not_yet = all.iter().find(|(_, told)| *told != written);
        Ok(match not_yet {
            None => Ok(()),
            Some((who, told)) => Err(format!("{who} has {told:?}, the lake {written:?}")),
        })
    })
    .await
}

/// The findings in the lake, each there once, by uid.
pub(super) async fn findings(world: &World) -> Outcome<BTreeMap<String, Value>> {
    let dir = world.stack.lake().await?.join("findings/ocsf");
    let mut found = BTreeMap::new();
    for file in lake::files(&dir)? {
        for finding in lake::events_of(&file)? {
            let before = found.insert(uid(&finding)?, finding);
            ensure(before.is_none(), || {
                format!("twice in the lake: {before:?}")
            })?;
        }
    }
    Ok(found)
}

fn uid(finding: &Value) -> Outcome<String> {
    let uid = finding["metadata"]["uid"].as_str().map(str::to_owned);
    uid.ok_or_else(|| format!("no finding: {finding}").into())
}

/// The finding in an event of EventBridge.
fn event(mut event: Value) -> Outcome<Value> {
    let is_ours = event["source"] == "ualstream" && event["detail-type"] == "ualstream Finding";
    ensure(is_ours, || format!("another event: {event}"))?;
    Ok(event["detail"].take())
}

/// It may come more than once.
fn keep(told: &RefCell<BTreeMap<String, Value>>, finding: Value) -> Outcome<()> {
    let uid = uid(&finding)?;
    told.borrow_mut().insert(uid, finding);
    Ok(())
}

/// What the webhook was sent, with the signatures checked.
fn posted(world: &World, secret: &str) -> Outcome<BTreeMap<String, Value>> {
    let mut posted = BTreeMap::new();
    for call in world.stack.webhook().calls() {
        ensure(call.is_signed_with(secret)?, || {
            format!("not signed with the stack's secret: {call:?}")
        })?;
        let mut body: Value = serde_json::from_str(call.body())?;
        let finding = body["data"].take();
        let uid = uid(&finding)?;
        let is_said = body["type"] == "finding.created" && call.header("webhook-id") == uid;
        ensure(is_said, || format!("not said what it is: {call:?}"))?;
        posted.insert(uid, finding);
    }
    Ok(posted)
}

/// With the API's own role: it reads both indexes of the table, the operator's rules and the timeline, and writes what people decide.
pub(super) async fn the_api_handles_findings(world: &World, tenant: Uuid) -> Outcome<()> {
    let open = call(world, Method::GET, "v1/findings", Value::Null).await?;
    let id = open["findings"][0]["finding_id"].as_str();
    let id = id.ok_or_else(|| format!("no open finding: {open}"))?;
    let of_tenant = format!("v1/tenants/{tenant}/findings");
    let path = format!("{of_tenant}/{id}");
    let detail = call(world, Method::GET, &path, Value::Null).await?;
    ensure(detail["sigma"].is_string(), || format!("no rule: {detail}"))?;
    call(world, Method::GET, &format!("{path}/story"), Value::Null).await?;
    let verdict = json!({"verdict": "test"});
    let closed = call(world, Method::POST, &format!("{path}/close"), verdict).await?;
    ensure(closed["state"] == "closed", || {
        format!("not closed: {closed}")
    })?;
    let list = format!("{of_tenant}?state=closed");
    let list = call(world, Method::GET, &list, Value::Null).await?;
    ensure(list["findings"][0]["finding_id"] == *id, || {
        format!("not listed as closed: {list}")
    })?;
    let exception = json!({"tenant_id": tenant, "user": "nobody", "reason": "a try", "until": "2099-01-01T00:00:00Z"});
    let made = call(world, Method::POST, "v1/exceptions", exception).await?;
    let made = made["exception_id"].as_str().ok_or("no exception")?;
    call(
        world,
        Method::DELETE,
        &format!("v1/exceptions/{made}"),
        Value::Null,
    )
    .await?;
    Ok(())
}
