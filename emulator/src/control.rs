//! The control API under `/_emulator`: what happened, and commands, for other processes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::config::{Administrator, CredentialState, Fault, TenantState};
use crate::message::{ApiError, Request, Response, json};
use crate::publish::{publish, published, published_ids, tell};
use crate::story::{Story, UnknownStory};
use crate::webhook;
use crate::world::BlobBody;

/// Answers a command.
pub(crate) fn respond(request: &Request) -> Response {
    run(request).unwrap_or_else(|error| error.response())
}

fn run(request: &Request) -> Result<Response, ApiError> {
    let parts: Vec<&str> = request.route.rest.split('/').collect();
    let value = match request.method {
        Method::GET => question(request, &parts),
        _ => command(request, &parts)?,
    };
    let unknown = "see `emulator --help` for the commands under /_emulator";
    let value = value.ok_or_else(|| ApiError::new(404, "EmulatorUnknownCommand", unknown))?;
    Ok(json(200, &value))
}

/// Answers a question; `None` when it is unknown.
fn question(request: &Request, parts: &[&str]) -> Option<Value> {
    let shared = &request.shared;
    Some(match parts {
        ["published"] => {
            let mut value = json!(published(shared));
            if request.query.get("ids").is_some_and(|ids| ids == "true") {
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
        ["faults"] => fault_list(request),
        ["clock"] => json!({ "now": shared.now() }),
        ["tenants"] => json!(shared.world().tenants.keys().collect::<Vec<_>>()),
        ["stories"] => json!(Story::ALL),
        ["waiting"] => json!({ "announcements": webhook::pending(shared) }),
        _ => return None,
    })
}

/// Carries out a command; `None` when it is unknown.
fn command(request: &Request, parts: &[&str]) -> Result<Option<Value>, ApiError> {
    let shared = &request.shared;
    Ok(Some(match (&request.method, parts) {
        (&Method::POST, ["publish"]) => publish_by_hand(request)?,
        (&Method::POST, ["stories"]) => tell_story(request)?,
        (&Method::POST, ["faults"]) => {
            for fault in faults(&request.body)? {
                if !shared.faults().add(fault) {
                    return Err(bad("too many faults; DELETE /_emulator/faults first"));
                }
            }
            fault_list(request)
        }
        (&Method::DELETE, ["faults"]) => {
            shared.faults().clear();
            fault_list(request)
        }
        (&Method::POST, ["clock"]) => {
            let ClockCommand { advance_seconds } = read(&request.body)?;
            shared.clock.advance(Duration::from_secs(advance_seconds));
            json!({ "now": shared.now() })
        }
        (&Method::POST, ["notify"]) => {
            let NotifyCommand { on } = read(&request.body)?;
            shared.notify.store(on, Ordering::Relaxed);
            json!({ "on": on })
        }
        (&Method::PUT, ["administrator"]) => {
            let administrator: Administrator = read(&request.body)?;
            *shared.administrator() = administrator.clone();
            json!(administrator)
        }
        (&Method::PUT, ["credential"]) => {
            let CredentialCommand { state } = read(&request.body)?;
            *shared.credential() = state;
            json!({ "state": state })
        }
        (&Method::PUT, ["tenants", tenant]) => put_tenant(request, tenant)?,
        _ => return Ok(None),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockCommand {
    advance_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotifyCommand {
    on: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialCommand {
    state: CredentialState,
}

fn bad(text: impl Into<String>) -> ApiError {
    ApiError::new(400, "EmulatorBadCommand", text)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| bad(error.to_string()))
}

fn fault_list(request: &Request) -> Value {
    let list = request.shared.faults().list();
    list.into_iter()
        .map(|(fault, struck)| json!({ "fault": fault, "struck": struck }))
        .collect()
}

/// One fault, or a list of them.
fn faults(body: &[u8]) -> Result<Vec<Fault>, ApiError> {
    match read::<Value>(body)? {
        Value::Array(_) => read(body),
        _ => read(body).map(|fault| vec![fault]),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishCommand {
    tenant: Uuid,
    content_type: String,
    /// Records, or `body`: any text at all.
    records: Option<Vec<Value>>,
    body: Option<String>,
}

fn publish_by_hand(request: &Request) -> Result<Value, ApiError> {
    let asked: PublishCommand = read(&request.body)?;
    let content_type = asked
        .content_type
        .parse()
        .map_err(|error| bad(format!("{error}")))?;
    let body = match (asked.records, asked.body) {
        (Some(records), None) => Bytes::from(json!(records).to_string()),
        (None, Some(body)) => Bytes::from(body),
        _ => return Err(bad("give either records or body")),
    };
    let content_id = publish(
        &request.shared,
        asked.tenant,
        content_type,
        BlobBody::Bytes(body),
        None,
    )
    .ok_or_else(|| bad(format!("there is no tenant {}", asked.tenant)))?;
    Ok(json!({ "contentId": content_id }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoryCommand {
    tenant: Uuid,
    story: String,
}

fn tell_story(request: &Request) -> Result<Value, ApiError> {
    let asked: StoryCommand = read(&request.body)?;
    let story = asked.story.parse().map_err(|error: UnknownStory| {
        ApiError::new(400, "EmulatorUnknownStory", error.to_string())
    })?;
    let told = tell(&request.shared, asked.tenant, story)
        .map_err(|error| ApiError::new(404, "EmulatorUnknownTenant", error.to_string()))?;
    Ok(json!(told))
}

/// Adds a tenant or changes one.
fn put_tenant(request: &Request, tenant: &str) -> Result<Value, ApiError> {
    let shared = &request.shared;
    let tenant: Uuid = tenant.parse().map_err(|_| bad("a tenant is a GUID"))?;
    let state: TenantState = if request.body.is_empty() {
        TenantState::default()
    } else {
        read(&request.body)?
    };
    shared.change_tenant(tenant, &state);
    Ok(json!({ "tenant": tenant }))
}
