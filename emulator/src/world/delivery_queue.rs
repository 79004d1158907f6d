//! The queue of one webhook: announcements by due time, and the pause after failures.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::clock::{Clock, later};
use crate::config::Behaviour;
use crate::content_type::ContentType;

/// Address and authId of a webhook. Subscriptions that have both in common share a queue, whatever their tenant.
pub(crate) type WebhookKey = (String, Option<String>);

/// One blob that one webhook is to be told about.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    pub(crate) tenant: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) content_type: ContentType,
    pub(crate) address: String,
    pub(crate) auth_id: Option<String>,
    pub(crate) content_id: String,
    /// The entry of the notification, as JSON.
    pub(crate) item: String,
    pub(crate) due: Timestamp,
}

#[derive(Debug)]
pub(crate) struct DeliveryQueue {
    pub(crate) key: WebhookKey,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By due time, then by the order in which they were queued.
    waiting: BTreeMap<(Timestamp, i64), Announcement>,
    turns: i64,
    /// Announcements that are being sent.
    in_flight: usize,
    /// Failures in a row.
    failures: u32,
    /// Grows with each counted failure. Attempts that were under way together carry the same number and count as one failure.
    round: u64,
    paused_until: Option<Timestamp>,
}

impl DeliveryQueue {
    pub(crate) fn new(key: WebhookKey) -> Self {
        Self {
            key,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an announcement; with `first`, before all others.
    pub(crate) fn push(&self, announcement: Announcement, first: bool) {
        let mut state = self.state();
        state.turns += 1;
        let turn = if first { -state.turns } else { state.turns };
        // The earliest time there is, and a turn before all others.
        let due = if first {
            Timestamp::MIN
        } else {
            announcement.due
        };
        state.waiting.insert((due, turn), announcement);
        drop(state);
        self.changed.notify_one();
    }

    pub(crate) fn forget_failures(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.paused_until = None;
        drop(state);
        self.changed.notify_one();
    }

    /// Announcements that wait or are being sent.
    pub(crate) fn pending(&self) -> usize {
        let state = self.state();
        state.waiting.len() + state.in_flight
    }

    /// Announcements that are being sent, or are to be sent now.
    pub(crate) fn due(&self, now: Timestamp) -> usize {
        let state = self.state();
        let is_paused = state.paused_until.is_some_and(|until| until > now);
        let due = state.waiting.keys().take_while(|(due, _)| *due <= now);
        state.in_flight + if is_paused { 0 } else { due.count() }
    }

    pub(crate) fn sent(&self, count: usize) {
        self.state().in_flight -= count;
    }

    /// The next announcements that are due, with the round they belong to.
    pub(crate) async fn next_batch(
        &self,
        clock: &Clock,
        items_max: usize,
    ) -> (Vec<Announcement>, u64) {
        loop {
            let changed = self.changed.notified();
            let wait_until = {
                let mut state = self.state();
                let now = clock.now();
                let paused = state.paused_until.filter(|until| *until > now);
                if paused.is_none() {
                    let batch = state.take_due(now, items_max);
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
                    () = clock.sleep_until(until) => {}
                },
                None => changed.await,
            }
        }
    }

    /// Puts a failed batch back and pauses the queue; true when the webhook has failed too often.
    pub(crate) fn failed(
        &self,
        now: Timestamp,
        behaviour: &Behaviour,
        batch: Vec<Announcement>,
        round: u64,
    ) -> bool {
        let mut state = self.state();
        if round == state.round {
            state.round += 1;
            state.failures += 1;
            state.paused_until = Some(later(now, behaviour.retry_pause(state.failures)));
        }
        for announcement in batch {
            state.turns += 1;
            let turn = state.turns;
            state.waiting.insert((now, turn), announcement);
        }
        let too_often = state.failures >= behaviour.failures_until_disabled;
        if too_often {
            state.waiting.clear();
        }
        drop(state);
        self.changed.notify_one();
        too_often
    }

    pub(crate) fn succeeded(&self, round: u64) {
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
