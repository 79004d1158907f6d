//! The queue of one webhook address: batches, retries with growing gaps, disabling.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore};

use super::{Announcement, LaneKey};
use crate::clock::later;
use crate::shared::Shared;
use crate::world::{Delivery, Webhook};

#[derive(Debug)]
pub(crate) struct Lane {
    key: LaneKey,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By due time, then by turn.
    waiting: BTreeMap<(Timestamp, i64), Announcement>,
    turns: i64,
    /// Announcements that are being sent.
    in_flight: usize,
    /// Failures in a row. Attempts that were under way together count once.
    failures: u32,
    round: u64,
    paused_until: Option<Timestamp>,
}

impl Lane {
    pub(crate) fn new(key: LaneKey) -> Self {
        Self {
            key,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an announcement, before all others that are due with it when `first`.
    pub(crate) fn push(&self, announcement: Announcement, first: bool) {
        let mut state = self.state();
        state.turns += 1;
        let turn = if first { -state.turns } else { state.turns };
        // Due at the same time as everything that is due already, so that the turn decides.
        let due = if first {
            Timestamp::MIN
        } else {
            announcement.due
        };
        state.waiting.insert((due, turn), announcement);
        drop(state);
        self.changed.notify_one();
    }

    pub(crate) fn revive(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.paused_until = None;
        drop(state);
        self.changed.notify_one();
    }

    /// Announcements that are not settled: they wait, or are being sent.
    pub(crate) fn unsettled(&self) -> usize {
        let state = self.state();
        state.waiting.len() + state.in_flight
    }

    fn settled(&self, count: usize) {
        self.state().in_flight -= count;
    }

    /// The next announcements that are due, with the round they belong to.
    async fn next_batch(&self, shared: &Shared) -> (Vec<Announcement>, u64) {
        loop {
            let changed = self.changed.notified();
            let wait_until = {
                let mut state = self.state();
                let now = shared.now();
                let paused = state.paused_until.filter(|until| *until > now);
                if paused.is_none() {
                    let batch = state.take_due(now, shared.config.rules.notification_items_max);
                    if !batch.is_empty() {
                        state.in_flight += batch.len();
                        return (batch, state.round);
                    }
                }
                paused.or_else(|| state.waiting.keys().next().map(|(due, _)| *due))
            };
            match wait_until {
                Some(until) => tokio::select! {
                    () = changed => {}
                    () = shared.clock.sleep_until(until) => {}
                },
                None => changed.await,
            }
        }
    }

    /// Puts a failed batch back and pauses the lane; true when the webhook has failed too often.
    fn failed(&self, shared: &Shared, batch: Vec<Announcement>, round: u64) -> bool {
        let mut state = self.state();
        let now = shared.now();
        if round == state.round {
            state.round += 1;
            state.failures += 1;
            state.paused_until = Some(later(now, shared.config.rules.retry_gap(state.failures)));
        }
        for announcement in batch {
            state.turns += 1;
            let turn = state.turns;
            state.waiting.insert((now, turn), announcement);
        }
        let too_often = state.failures >= shared.config.rules.failures_until_disabled;
        if too_often {
            state.waiting.clear();
        }
        drop(state);
        self.changed.notify_one();
        too_often
    }

    fn succeeded(&self, round: u64) {
        let mut state = self.state();
        if round == state.round {
            state.failures = 0;
        }
    }
}

impl State {
    fn take_due(&mut self, now: Timestamp, items_max: usize) -> Vec<Announcement> {
        let mut batch = Vec::new();
        while batch.len() < items_max.max(1) {
            let Some(entry) = self
                .waiting
                .first_entry()
                .filter(|entry| entry.key().0 <= now)
            else {
                break;
            };
            batch.push(entry.remove());
        }
        batch
    }
}

/// Sends what the lane holds, for as long as the emulator runs.
pub(crate) async fn run(shared: Arc<Shared>, lane: Arc<Lane>) {
    let parallel = Arc::new(Semaphore::new(
        shared.config.rules.notification_parallel_max.max(1),
    ));
    loop {
        let Ok(permit) = Arc::clone(&parallel).acquire_owned().await else {
            return;
        };
        let (batch, round) = lane.next_batch(&shared).await;
        let (of, through) = (Arc::clone(&shared), Arc::clone(&lane));
        shared.spawn(async move {
            deliver(&of, &through, batch, round).await;
            drop(permit);
        });
    }
}

async fn deliver(shared: &Arc<Shared>, lane: &Lane, batch: Vec<Announcement>, round: u64) {
    let count = batch.len();
    let batch = still_wanted(shared, &lane.key, batch);
    if !batch.is_empty() {
        let status = post(shared, &lane.key, &batch).await;
        let attempts = attempts(&batch, shared.now(), status);
        if status == 200 {
            lane.succeeded(round);
        } else if lane.failed(shared, batch, round) {
            disable(shared, &lane.key);
        }
        // Last, so that who sees an attempt also sees what came of it.
        let mut journal = shared.journal();
        for attempt in attempts {
            journal.delivery(attempt);
        }
    }
    lane.settled(count);
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
async fn post(shared: &Shared, (address, auth_id): &LaneKey, batch: &[Announcement]) -> u16 {
    let items: Vec<&str> = batch
        .iter()
        .map(|announcement| announcement.item.as_str())
        .collect();
    let mut request = shared
        .webhook_client
        .post(address)
        .timeout(Duration::from_secs(
            shared.config.rules.notification_timeout_seconds,
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

/// Drops what nobody waits for any more: stopped subscriptions, webhooks that were replaced, disabled or expired.
fn still_wanted(shared: &Shared, key: &LaneKey, mut batch: Vec<Announcement>) -> Vec<Announcement> {
    let now = shared.now();
    let world = shared.world();
    batch.retain(|announcement| {
        world
            .tenants
            .get(&announcement.tenant)
            .and_then(|tenant| {
                tenant
                    .subscriptions
                    .get(&(announcement.client_id, announcement.content_type))
            })
            .filter(|subscription| subscription.is_enabled() && !subscription.is_stuck(now))
            .and_then(|subscription| subscription.webhook.as_ref())
            .is_some_and(|webhook| is_of(webhook, key) && webhook.is_live(now))
    });
    batch
}

fn is_of(webhook: &Webhook, (address, auth_id): &LaneKey) -> bool {
    webhook.address == *address && webhook.auth_id == *auth_id
}

fn disable(shared: &Shared, key: &LaneKey) {
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
