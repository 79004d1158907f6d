//! The control API under `/_emulator`: assertions and switches for other processes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Refusal, json};
use crate::call::Call;
use crate::fault::Fault;
use crate::login::Administrator;
use crate::published::{published, published_ids};
use crate::world::{Source, TenantState};
use crate::{publish, webhook};

/// Answers a command.
pub(crate) fn answer(call: &Call) -> Answer {
    run(call).unwrap_or_else(|refusal| refusal.answer())
}

fn run(call: &Call) -> Result<Answer, Refusal> {
    let parts: Vec<&str> = call.route.rest.split('/').collect();
    let value = match call.method {
        Method::GET => question(call, &parts),
        _ => command(call, &parts)?,
    };
    let unknown = "see `emulator --help` for the commands under /_emulator";
    let value = value.ok_or_else(|| Refusal::new(404, "EmulatorUnknownCommand", unknown))?;
    Ok(json(200, &value))
}

/// Answers a question; `None` when it is unknown.
fn question(call: &Call, parts: &[&str]) -> Option<Value> {
    let shared = &call.shared;
    Some(match parts {
        ["published"] => {
            let mut value = json!(published(shared));
            if call.query.get("ids").is_some_and(|ids| ids == "true") {
                value["ids"] = json!(published_ids(shared));
            }
            value
        }
        ["violations"] => json!(shared.journal().violations),
        ["starts"] => json!(shared.journal().starts),
        ["deliveries"] => {
            let journal = shared.journal();
            json!({ "ok": journal.deliveries_ok, "failed": journal.deliveries_failed, "attempts": journal.deliveries })
        }
        ["requests"] => {
            let journal = shared.journal();
            json!({ "counts": journal.request_counts, "requests": journal.requests })
        }
        ["faults"] => fault_list(call),
        ["clock"] => json!({ "now": shared.now() }),
        ["tenants"] => json!(shared.world().tenants.keys().collect::<Vec<_>>()),
        ["waiting"] => json!({ "announcements": webhook::unsettled(shared) }),
        _ => return None,
    })
}

/// Carries out a command; `None` when it is unknown.
fn command(call: &Call, parts: &[&str]) -> Result<Option<Value>, Refusal> {
    let shared = &call.shared;
    Ok(Some(match (&call.method, parts) {
        (&Method::POST, ["publish"]) => publish_by_hand(call)?,
        (&Method::POST, ["faults"]) => {
            for fault in faults(&call.body)? {
                if !shared.faults().add(fault) {
                    return Err(bad("too many faults; DELETE /_emulator/faults first"));
                }
            }
            fault_list(call)
        }
        (&Method::DELETE, ["faults"]) => {
            shared.faults().clear();
            fault_list(call)
        }
        (&Method::POST, ["clock"]) => {
            let Advance { advance_seconds } = read(&call.body)?;
            shared.clock.advance(Duration::from_secs(advance_seconds));
            json!({ "now": shared.now() })
        }
        (&Method::POST, ["notify"]) => {
            let Switch { on } = read(&call.body)?;
            shared.notify.store(on, Ordering::Relaxed);
            json!({ "on": on })
        }
        (&Method::PUT, ["administrator"]) => {
            let administrator: Administrator = read(&call.body)?;
            *shared.administrator() = administrator.clone();
            json!(administrator)
        }
        (&Method::PUT, ["tenants", tenant]) => put_tenant(call, tenant)?,
        _ => return Ok(None),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    on: bool,
}

fn bad(text: impl Into<String>) -> Refusal {
    Refusal::new(400, "EmulatorBadCommand", text)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| bad(error.to_string()))
}

fn fault_list(call: &Call) -> Value {
    let list = call.shared.faults().list();
    list.into_iter()
        .map(|(fault, struck)| json!({ "fault": fault, "struck": struck }))
        .collect()
}

/// One fault, or a list of them.
fn faults(body: &[u8]) -> Result<Vec<Fault>, Refusal> {
    match read::<Value>(body)? {
        Value::Array(_) => read(body),
        _ => read(body).map(|fault| vec![fault]),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    tenant: Uuid,
    content_type: String,
    /// Records, or `body`: any text at all.
    records: Option<Vec<Value>>,
    body: Option<String>,
}

fn publish_by_hand(call: &Call) -> Result<Value, Refusal> {
    let asked: ByHand = read(&call.body)?;
    let content_type = asked
        .content_type
        .parse()
        .map_err(|error| bad(format!("{error}")))?;
    let body = match (asked.records, asked.body) {
        (Some(records), None) => Bytes::from(json!(records).to_string()),
        (None, Some(body)) => Bytes::from(body),
        _ => return Err(bad("give either records or body")),
    };
    let content_id = publish::publish(
        &call.shared,
        asked.tenant,
        content_type,
        Source::Bytes(body),
        None,
    )
    .ok_or_else(|| bad(format!("there is no tenant {}", asked.tenant)))?;
    Ok(json!({ "contentId": content_id }))
}

/// Adds a tenant or changes one.
fn put_tenant(call: &Call, tenant: &str) -> Result<Value, Refusal> {
    let shared = &call.shared;
    let tenant: Uuid = tenant.parse().map_err(|_| bad("a tenant is a GUID"))?;
    let state: TenantState = if call.body.is_empty() {
        TenantState::default()
    } else {
        read(&call.body)?
    };
    shared.change_tenant(tenant, &state);
    Ok(json!({ "tenant": tenant }))
}
