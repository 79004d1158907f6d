//! The deployed detector finds an attack, and the deployed API tells of it.

use emulator::Story;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Outcome, lake};
use uuid::Uuid;

use super::{World, answer, ensure, wait_until};

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

async fn call(world: &World, method: Method, path: &str, body: Value) -> Outcome<Value> {
    let url = format!("{}{path}", world.stack.url());
    let mut request = world.client.request(method, url);
    if !body.is_null() {
        request = request.json(&body);
    }
    let (status, body) = answer(request.bearer_auth(world.stack.api_key().await?)).await?;
    ensure(status.is_success(), || format!("{path}: {status}: {body}"))?;
    match body.is_empty() {
        true => Ok(Value::Null),
        false => Ok(serde_json::from_str(&body)?),
    }
}
