//! A deployed stack, its Microsoft, and what every scenario asks of them.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::{Config, Emulator};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tests::stack::Stack;
use tests::{Outcome, lake};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Everything arrives within seconds on an idle machine, but other tests run at the same time.
const ARRIVES_WITHIN: Duration = Duration::from_secs(180);

/// Time between checks. Each check starts an `aws` process.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Longest wait for an answer of the API: its gateway times out after 30 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);

pub(super) struct World {
    pub(super) microsoft: Emulator,
    pub(super) stack: Stack,
    pub(super) client: Client,
    key: OnceCell<String>,
}

impl World {
    /// Deploys the stack beside a Microsoft of these settings.
    pub(super) async fn deploy(config: Config) -> Self {
        let microsoft = Emulator::start(config).await.unwrap();
        let stack = Stack::deploy(&microsoft).await.unwrap();
        Self {
            microsoft,
            stack,
            client: Client::builder().timeout(ANSWER_TIMEOUT).build().unwrap(),
            key: OnceCell::new(),
        }
    }

    /// The operator's API key.
    pub(super) async fn key(&self) -> Outcome<&str> {
        let read = || self.stack.api_key();
        self.key.get_or_try_init(read).await.map(String::as_str)
    }

    /// Fails with all that may explain the error, if a scenario ended with one.
    pub(super) async fn expect(&self, ended: Outcome<()>) {
        if let Err(error) = ended {
            let requests = self.microsoft.requests();
            let violations = self.microsoft.violations();
            panic!(
                "{error}\n{}\n--- microsoft ---\n{requests:#?}\n{violations:#?}",
                self.stack.logs().await
            );
        }
    }
}

/// Calls the API with the operator's key; `null` when it answers nothing.
pub(super) async fn call(world: &World, method: Method, path: &str, body: Value) -> Outcome<Value> {
    let url = format!("{}{path}", world.stack.url());
    let mut request = world.client.request(method, url);
    if !body.is_null() {
        request = request.json(&body);
    }
    let (status, body) = answer(request.bearer_auth(world.key().await?)).await?;
    ensure(status.is_success(), || format!("{path}: {status}: {body}"))?;
    match body.is_empty() {
        true => Ok(Value::Null),
        false => Ok(serde_json::from_str(&body)?),
    }
}

pub(super) async fn subscriptions(world: &World, tenant: Uuid) -> Outcome<Vec<Value>> {
    let path = format!("v1/tenants/{tenant}");
    let tenant = call(world, Method::GET, &path, Value::Null).await?;
    let subscriptions = tenant["subscriptions"].as_array().cloned();
    Ok(subscriptions.unwrap_or_default())
}

/// How many blobs in the ledger are in each state.
pub(super) async fn ledger(world: &World) -> Outcome<BTreeMap<String, u64>> {
    let table = world.stack.output("TableName")?;
    let scan = [
        "dynamodb",
        "scan",
        "--table-name",
        table,
        "--query",
        "Items[?starts_with(pk.S, 'blobs#')].state.S",
    ];
    let states: Vec<String> = serde_json::from_value(world.stack.aws(&scan).await?)?;
    let mut counts = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_default() += 1;
    }
    Ok(counts)
}

/// The lake holds what these tenants published, each record once, and nothing else.
pub(super) async fn lake_holds_what_was_published(world: &World, by: &[Uuid]) -> Outcome<()> {
    let dir = world.stack.lake().await?;
    let events = lake::events(&dir)?;
    let text = |event: &Value, pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase()
    };
    let mut written: Vec<(String, String)> = events
        .iter()
        .map(|event| {
            (
                text(event, "/metadata/tenant_uid"),
                text(event, "/metadata/uid"),
            )
        })
        .collect();
    let published = world.microsoft.published_ids();
    let mut published: Vec<(String, String)> = published
        .into_iter()
        .filter(|(tenant, _)| by.contains(tenant))
        .map(|(tenant, id)| (tenant.to_string(), id.to_lowercase()))
        .collect();
    written.sort();
    published.sort();
    let sizes = (written.len(), published.len());
    ensure(written == published, || {
        format!(
            "{} records written, {} published, not the same ones",
            sizes.0, sizes.1
        )
    })?;
    let raw = lake::files(&dir.join("raw"))?.len() as u64;
    let blobs = blobs_published(world, by);
    ensure(raw == blobs, || {
        format!("{raw} raw copies of {blobs} blobs")
    })
}

/// How many blobs these tenants published.
pub(super) fn blobs_published(world: &World, by: &[Uuid]) -> u64 {
    let feeds = world.microsoft.published().feeds;
    let feeds = feeds.iter().filter(|feed| by.contains(&feed.tenant));
    feeds.map(|feed| feed.blobs).sum()
}

pub(super) async fn answer(request: reqwest::RequestBuilder) -> Outcome<(StatusCode, String)> {
    let response = request.send().await?;
    Ok((response.status(), response.text().await?))
}

/// Repeats `look` until it finds what it looks for. Otherwise `look` returns what it saw, for the error.
pub(super) async fn wait_until(
    what: &str,
    look: impl AsyncFn() -> Outcome<Result<(), String>>,
) -> Outcome<()> {
    let deadline = Instant::now() + ARRIVES_WITHIN;
    loop {
        match look().await? {
            Ok(()) => return Ok(()),
            Err(seen) if Instant::now() > deadline => {
                return Err(format!("not seen: {what}; but {seen}").into());
            }
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}

pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome<()> {
    if holds {
        Ok(())
    } else {
        Err(otherwise().into())
    }
}
