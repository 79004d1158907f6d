//! Asks everybody, in parallel and each within a time of its own: the stores, the login host, the API and our own webhook.
//!
//! Nothing is changed anywhere. The tenant pays with at most six requests of its 2,000 a minute: one listing of subscriptions,
//! and one of the last hour's content for each type. A tenant that Microsoft has just throttled pays none.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use futures::join;
use jiff::Timestamp;
use office365::{Client, ContentType, TenantId, TokenReport, Webhook};
use tokio::time::timeout;

use super::evidence::{Asked, Evidence, Heard, Lately};
use crate::clock::{Hour, earlier};
use crate::store::ledger::Ledger;
use crate::store::ledger::blob::{OPEN_PAGE_MAX, Standing};
use crate::store::ledger::key::BlobHour;
use crate::store::ledger::loss::LOSSES_PAGE_MAX;
use crate::store::ledger::registry::brake::BrakeReason;
use crate::store::ledger::registry::{Registered, Tenant};
use crate::verbs::api::Api;
use crate::verbs::subscription::webhook::registration;

/// Time for a store: DynamoDB and SQS answer within tens of milliseconds, and an attempt has 3 s.
pub(super) const STORE_WITHIN: Duration = Duration::from_secs(5);

/// Time for the login host. It answers within a second.
const LOGIN_WITHIN: Duration = Duration::from_secs(8);

/// Time for each of the two calls of the API that follow one another. With the others they are 22 s, inside the 27 s of an
/// answer.
const API_WITHIN: Duration = Duration::from_secs(7);

/// Time for our own webhook: what Microsoft is assumed to wait.
const WEBHOOK_WITHIN: Duration = Duration::from_secs(5);

/// What is listed of each content type: an hour has at most some thousand blobs.
const LISTED_SPAN: Duration = Duration::from_secs(3600);

/// How far back the ledger's blobs are read for the lag.
const RECENT_SPAN: Duration = Duration::from_secs(2 * 3600);

/// Asks for everything that the checks need.
pub(super) async fn gather(api: &Api, registered: Registered, now: Timestamp) -> Evidence {
    let tenant = &registered.tenant;
    let wanted = Box::pin(wanted(api, &registered)).await;
    let first = wanted.as_ref().ok().and_then(|all| all.values().next());
    let client = api.microsoft.client();
    // Each on the heap: together they would not fit on a small stack.
    let (stores, token, credential, webhook) = join!(
        Box::pin(Stores::ask(api, &registered, now)),
        Box::pin(async {
            let client = client.as_ref().ok()?;
            let report = client.token_report(tenant.tenant_id, tenant.cloud);
            timeout(LOGIN_WITHIN, report).await.ok()
        }),
        Box::pin(async {
            let client = client.as_ref().ok()?;
            let report = client.credential_report();
            timeout(STORE_WITHIN, report).await.ok()
        }),
        Box::pin(call_webhook(client.as_ref().ok().copied(), first)),
    );
    let may_ask = has_token(token.as_ref()) && !is_let_be(tenant, now);
    let client = client.ok().filter(|_| may_ask);
    let subscriptions = Box::pin(list(client, tenant)).await;
    let goes_on = matches!(subscriptions, Heard::Answer(_));
    let lately = Box::pin(look_at_content(client.filter(|_| goes_on), tenant, now)).await;
    let Stores {
        sweep,
        open,
        losses,
        recent,
        requests,
        queue,
    } = stores;
    Evidence {
        now,
        sweep,
        open,
        losses,
        recent,
        requests,
        queue,
        credential,
        token,
        subscriptions,
        lately,
        wanted,
        webhook,
        registered,
    }
}

fn has_token(token: Option<&TokenReport>) -> bool {
    token.is_some_and(|report| report.token.is_ok())
}

/// Whether Microsoft has asked for fewer requests, and the time that it named is not over: a doctor must not make it worse.
fn is_let_be(tenant: &Tenant, now: Timestamp) -> bool {
    let brake = tenant.brake.as_ref();
    brake.is_some_and(|brake| brake.reason == BrakeReason::Throttled && now < brake.next_probe_at)
}

/// What our own stores say.
struct Stores {
    sweep: Asked<Option<crate::store::ledger::sweep::SweepState>>,
    open: Asked<Vec<crate::store::ledger::blob::OpenBlob>>,
    losses: Asked<crate::store::ledger::loss::LossPage>,
    recent: Asked<Vec<Standing>>,
    requests: Asked<u32>,
    queue: Asked<u64>,
}

impl Stores {
    async fn ask(api: &Api, registered: &Registered, now: Timestamp) -> Self {
        let (ledger, id) = (&api.ledger, registered.tenant.tenant_id);
        let (sweep, open, losses, recent, requests, queue) = join!(
            in_time("DynamoDB", ledger.sweep_state(id)),
            in_time(
                "DynamoDB",
                ledger.open_blobs(id, Timestamp::MAX, OPEN_PAGE_MAX)
            ),
            in_time("DynamoDB", ledger.losses(id, None, LOSSES_PAGE_MAX)),
            in_time("DynamoDB", recent(ledger, registered, now)),
            in_time("DynamoDB", ledger.requests_taken(id, now)),
            in_time("SQS", api.queue.depth()),
        );
        Self {
            sweep,
            open,
            losses,
            recent,
            requests,
            queue,
        }
    }
}

/// What a store answers within its time.
pub(super) async fn in_time<T, E: std::fmt::Display>(
    store: &str,
    asked: impl Future<Output = Result<T, E>>,
) -> Asked<T> {
    match timeout(STORE_WITHIN, Box::pin(asked)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("{store}: {error}")),
        Err(_) => Err(format!(
            "{store}: no answer within {} seconds",
            STORE_WITHIN.as_secs()
        )),
    }
}

/// The blobs of the last hours: a Query for each hour and type, three times five at most.
async fn recent(
    ledger: &Ledger,
    registered: &Registered,
    now: Timestamp,
) -> Result<Vec<Standing>, crate::store::ledger::LedgerError> {
    let tenant = registered.tenant.tenant_id;
    let hours: Vec<BlobHour> = Hour::between(earlier(now, RECENT_SPAN), now)
        .flat_map(|hour| {
            registered.subscriptions.keys().map(move |of| BlobHour {
                tenant,
                content_type: *of,
                hour,
            })
        })
        .collect();
    let read = join_all(hours.iter().map(|hour| ledger.hour(hour))).await;
    let mut blobs = Vec::new();
    for hour in read {
        blobs.extend(hour?.blobs);
    }
    Ok(blobs)
}

/// The webhook that each subscription should have.
async fn wanted(api: &Api, registered: &Registered) -> Asked<BTreeMap<ContentType, Webhook>> {
    let Some(base) = &api.webhooks.base_url else {
        return Ok(BTreeMap::new());
    };
    let keys = in_time("Secrets Manager", api.webhooks.key.versions()).await?;
    let id: TenantId = registered.tenant.tenant_id;
    let types = registered.subscriptions.keys();
    Ok(types
        .map(|of| (*of, registration(base, &keys, id, *of)))
        .collect())
}

async fn call_webhook(
    client: Option<&Client>,
    webhook: Option<&Webhook>,
) -> Option<Result<u16, Option<office365::Failure>>> {
    let called = client?.call_webhook(webhook?);
    Some(match timeout(WEBHOOK_WITHIN, called).await {
        Ok(answer) => answer.map_err(Some),
        Err(_) => Err(None),
    })
}

async fn list(client: Option<&Client>, tenant: &Tenant) -> Heard<Vec<office365::Subscription>> {
    let Some(client) = client else {
        return Heard::NotAsked;
    };
    let listed = client.list_subscriptions(tenant.tenant_id, tenant.cloud);
    heard(timeout(API_WITHIN, listed).await)
}

fn heard<T>(answer: Result<Result<T, office365::Error>, tokio::time::error::Elapsed>) -> Heard<T> {
    match answer {
        Ok(Ok(answer)) => Heard::Answer(answer),
        Ok(Err(error)) => Heard::Error(error),
        Err(_) => Heard::Late,
    }
}

/// What Microsoft lists of the last hour, for each content type at once.
async fn look_at_content(
    client: Option<&Client>,
    tenant: &Tenant,
    now: Timestamp,
) -> BTreeMap<ContentType, Heard<Lately>> {
    let Some(client) = client else {
        let types = tenant.content_types.iter();
        return types.map(|of| (*of, Heard::NotAsked)).collect();
    };
    let from = earlier(now, LISTED_SPAN);
    let each = tenant.content_types.iter().map(|of| async move {
        let mut pages = client.content_pages(tenant.tenant_id, tenant.cloud, *of, from, now);
        // The first page is enough to see that there is one.
        let page = heard(timeout(API_WITHIN, pages.next()).await);
        let lately = match page {
            Heard::Answer(page) => {
                let contents = page.unwrap_or_default().contents;
                Heard::Answer(Lately {
                    blobs: contents.len(),
                    newest: contents.iter().map(|one| one.content_created).max(),
                })
            }
            Heard::Error(error) => Heard::Error(error),
            Heard::Late => Heard::Late,
            Heard::NotAsked => Heard::NotAsked,
        };
        (*of, lately)
    });
    join_all(each).await.into_iter().collect()
}
