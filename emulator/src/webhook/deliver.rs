//! Sends what the queues hold: batches, retries with growing pauses, disabling.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::world::{Announcement, Delivery, DeliveryQueue, SharedState, Webhook, WebhookKey};

/// Sends what a queue holds, for as long as the emulator runs.
pub(crate) async fn run(shared: Arc<SharedState>, queue: Arc<DeliveryQueue>) {
    let parallel = Arc::new(Semaphore::new(
        shared.config.behaviour.notification_parallel_max.max(1),
    ));
    loop {
        let Ok(permit) = Arc::clone(&parallel).acquire_owned().await else {
            return;
        };
        let (batch, round) = queue
            .next_batch(
                &shared.clock,
                shared.config.behaviour.notification_items_max,
            )
            .await;
        let (of, through) = (Arc::clone(&shared), Arc::clone(&queue));
        shared.spawn(async move {
            deliver(&of, &through, batch, round).await;
            drop(permit);
        });
    }
}

async fn deliver(
    shared: &Arc<SharedState>,
    queue: &DeliveryQueue,
    batch: Vec<Announcement>,
    round: u64,
) {
    let count = batch.len();
    let batch = still_wanted(shared, &queue.key, batch);
    if !batch.is_empty() {
        let status = post(shared, &queue.key, &batch).await;
        let attempts = attempts(&batch, shared.now(), status);
        if status == 200 {
            queue.succeeded(round);
        } else if queue.failed(shared.now(), &shared.config.behaviour, batch, round) {
            disable(shared, &queue.key);
        }
        // Last, so that whoever sees an attempt in the journal also sees its effect.
        let mut journal = shared.journal();
        for attempt in attempts {
            journal.delivery(attempt);
        }
    }
    queue.sent(count);
}

fn attempts(batch: &[Announcement], at: Timestamp, status: u16) -> Vec<Delivery> {
    batch
        .iter()
        .map(|announcement| Delivery {
            at,
            tenant: announcement.tenant,
            client_id: announcement.client_id,
            content_type: announcement.content_type,
            content_id: announcement.content_id.clone(),
            status,
        })
        .collect()
}

/// The status of the answer, 0 when there is none. Success is exactly 200.
async fn post(
    shared: &SharedState,
    (address, auth_id): &WebhookKey,
    batch: &[Announcement],
) -> u16 {
    let items: Vec<&str> = batch
        .iter()
        .map(|announcement| announcement.item.as_str())
        .collect();
    let mut request = shared
        .webhook_client
        .post(address)
        .timeout(Duration::from_secs(
            shared.config.behaviour.notification_timeout_seconds,
        ))
        // Malformed, and exactly what Microsoft sends.
        .header(CONTENT_TYPE, "application/json; utf-8")
        .body(format!("[{}]", items.join(",")));
    if let Some(auth_id) = auth_id {
        request = request.header("Webhook-AuthID", auth_id);
    }
    match request.send().await {
        Ok(answer) => answer.status().as_u16(),
        Err(error) => {
            tracing::info!(%address, %error, "the webhook did not answer a notification");
            0
        }
    }
}

/// Leaves out announcements whose subscription was stopped, or whose webhook was replaced, disabled or has expired.
fn still_wanted(
    shared: &SharedState,
    key: &WebhookKey,
    mut batch: Vec<Announcement>,
) -> Vec<Announcement> {
    let now = shared.now();
    let world = shared.world();
    batch.retain(|announcement| {
        world
            .subscription(
                announcement.tenant,
                announcement.client_id,
                announcement.content_type,
            )
            .filter(|subscription| subscription.is_enabled() && !subscription.is_stuck(now))
            .and_then(|subscription| subscription.webhook.as_ref())
            .is_some_and(|webhook| is_of(webhook, key) && webhook.is_live(now))
    });
    batch
}

fn is_of(webhook: &Webhook, (address, auth_id): &WebhookKey) -> bool {
    webhook.address == *address && webhook.auth_id == *auth_id
}

fn disable(shared: &SharedState, key: &WebhookKey) {
    tracing::warn!(address = %key.0, "the webhook failed too often and is disabled");
    for tenant in shared.world().tenants.values_mut() {
        for webhook in tenant
            .subscriptions
            .values_mut()
            .filter_map(|subscription| subscription.webhook.as_mut())
        {
            if is_of(webhook, key) {
                webhook.disabled = true;
            }
        }
    }
}
