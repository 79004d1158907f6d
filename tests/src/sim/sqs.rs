//! SQS in this process, on the time of the simulation: standard queues, which deliver at least once and in any order.
//!
//! What AWS says of it: a received message is hidden for the queue's visibility timeout and comes again unless it is deleted; one with
//! a delay appears later; a message may be delivered twice all the same; after so many receipts it goes to the dead letters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use emulator::Clock;
use jiff::Timestamp;
use pipeline::aws::batch::Delivery;
use pipeline::content::DiscoveredBy;
use serde_json::{Value, json};

use uuid::Uuid;

use super::dice::Dice;
use super::wire::{self, Answer};

/// Where content descriptors wait.
pub const CONTENT_QUEUE: &str = "content";

/// Where tenants wait whose sweep is due.
pub const SWEEP_QUEUE: &str = "sweeps";

/// Where raw copies wait that the rules have not looked at.
pub const DETECT_QUEUE: &str = "detect";

/// What template.yaml says of its queues.
const RECEIVED_MAX: u32 = 5;

/// How long a message that was received is hidden, in the template at most.
const HIDDEN: Duration = Duration::from_secs(720);

/// How long the content queue keeps a message.
const KEPT_FOR: Duration = Duration::from_secs(4 * 24 * 3_600);

/// Messages of a batch.
const BATCH_MAX: usize = 10;

/// Longest body and longest delay that SQS takes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
const DELAY_SECONDS_MAX: u64 = 900;

/// A blob: its tenant and its contentId. The emulator gives the blobs of two tenants one id when they appear at once.
pub type Named = (Uuid, String);

/// All queues.
#[derive(Clone)]
pub struct Sqs {
    clock: Clock,
    dice: Dice,
    /// How likely a message that was deleted comes once more.
    again: f64,
    queues: Arc<Mutex<BTreeMap<String, QueueState>>>,
}

impl fmt::Debug for Sqs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqs").finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct QueueState {
    messages: BTreeMap<u64, Held>,
    dead: Vec<String>,
    next: u64,
    /// The blobs whose messages were ever in it.
    ever: BTreeSet<Named>,
}

#[derive(Clone, Debug)]
struct Held {
    body: String,
    sent_at: Timestamp,
    visible_at: Timestamp,
    received: u32,
    /// It was deleted, and comes all the same.
    deleted: bool,
}

impl Sqs {
    /// Empty queues. `again` is how likely a deleted message is delivered once more.
    #[must_use]
    pub fn new(clock: Clock, dice: Dice, again: f64) -> Self {
        Self {
            clock,
            dice,
            again,
            queues: Arc::default(),
        }
    }

    /// Takes up to ten messages that can be seen, in any order, and hides them.
    #[must_use]
    pub fn receive(&self, queue: &str) -> Vec<Delivery> {
        let now = self.clock.now();
        let mut queues = self.lock();
        let state = queues.entry(queue.to_owned()).or_default();
        if queue == CONTENT_QUEUE {
            state
                .messages
                .retain(|_, held| now < held.sent_at + KEPT_FOR);
        }
        let mut taken = Vec::new();
        while taken.len() < BATCH_MAX {
            let seen = state.messages.iter();
            let seen = seen.filter(|(_, held)| held.visible_at <= now);
            let seen: Vec<u64> = seen.map(|(id, _)| *id).collect();
            let Some(id) = self.dice.one(&seen).copied() else {
                break;
            };
            let Some(held) = state.messages.get_mut(&id) else {
                break;
            };
            held.received += 1;
            held.visible_at = now + HIDDEN;
            if held.received > RECEIVED_MAX {
                state
                    .dead
                    .extend(state.messages.remove(&id).map(|held| held.body));
                continue;
            }
            taken.push(Delivery {
                message_id: id.to_string(),
                body: held.body.clone(),
            });
        }
        taken
    }

    /// Deletes a message. It may come once more all the same, and not again after that: it would end among the dead letters though
    /// nobody ever failed at it.
    pub fn delete(&self, queue: &str, message_id: &str) {
        let again = self.dice.chance(self.again);
        let mut queues = self.lock();
        let state = queues.entry(queue.to_owned()).or_default();
        let Ok(id) = message_id.parse() else { return };
        match state.messages.get_mut(&id) {
            Some(held) if again && !held.deleted => {
                (held.deleted, held.visible_at) = (true, self.clock.now());
            }
            _ => drop(state.messages.remove(&id)),
        }
    }

    /// Messages of a queue: seen, hidden and delayed.
    #[must_use]
    pub fn waiting(&self, queue: &str) -> usize {
        self.lock()
            .get(queue)
            .map_or(0, |state| state.messages.len())
    }

    /// When the next hidden message can be seen.
    #[must_use]
    pub fn next_visible(&self) -> Option<Timestamp> {
        let queues = self.lock();
        let held = queues.values().flat_map(|state| state.messages.values());
        held.map(|held| held.visible_at).min()
    }

    /// Whether a blob's message was ever in a queue.
    #[must_use]
    pub fn had(&self, queue: &str, blob: &Named) -> bool {
        let queues = self.lock();
        let state = queues.get(queue);
        state.is_some_and(|state| state.ever.contains(blob))
    }

    /// The blobs whose messages were ever in a queue.
    #[must_use]
    pub fn ever(&self, queue: &str) -> Vec<Named> {
        let queues = self.lock();
        let state = queues.get(queue).into_iter();
        state.flat_map(|state| state.ever.clone()).collect()
    }

    /// The most messages of one blob that wait in a queue because Microsoft lists it.
    #[must_use]
    pub fn copies_max(&self, queue: &str) -> usize {
        let queues = self.lock();
        let mut copies: BTreeMap<Named, usize> = BTreeMap::new();
        let held = queues.get(queue).into_iter();
        for held in held.flat_map(|state| state.messages.values()) {
            let body: Value = serde_json::from_str(&held.body).unwrap_or_default();
            let is_listed = body["via"] == DiscoveredBy::Listing.as_str();
            if let Some(blob) = named(&body).filter(|_| is_listed) {
                *copies.entry(blob).or_default() += 1;
            }
        }
        copies.into_values().max().unwrap_or_default()
    }

    /// Puts dead letters back into their queues, as an operator does when the trouble is over, and forgets how often the others were
    /// received in it. Returns how many letters there were.
    pub fn redrive(&self) -> usize {
        let now = self.clock.now();
        let mut queues = self.lock();
        let mut moved = 0;
        for state in queues.values_mut() {
            state
                .messages
                .values_mut()
                .for_each(|held| held.received = 0);
            for body in std::mem::take(&mut state.dead) {
                moved += 1;
                state.next += 1;
                let held = Held {
                    body,
                    sent_at: now,
                    visible_at: now,
                    received: 0,
                    deleted: false,
                };
                state.messages.insert(state.next, held);
            }
        }
        moved
    }

    /// The texts of dead letters of all queues.
    #[must_use]
    pub fn dead(&self) -> Vec<String> {
        let queues = self.lock();
        queues
            .values()
            .flat_map(|state| state.dead.clone())
            .collect()
    }

    /// Puts a message into a queue.
    pub fn send(&self, queue: &str, body: &str, delay: Duration) {
        let visible_at = self.clock.now() + delay;
        let mut queues = self.lock();
        let state = queues.entry(queue.to_owned()).or_default();
        state.next += 1;
        let told: Value = serde_json::from_str(body).unwrap_or_default();
        state.ever.extend(named(&told));
        let held = Held {
            body: body.to_owned(),
            sent_at: self.clock.now(),
            visible_at,
            received: 0,
            deleted: false,
        };
        state.messages.insert(state.next, held);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, QueueState>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages that can be seen, are in somebody's hands, and are delayed.
    fn counts(&self, queue: &str) -> [usize; 3] {
        let now = self.clock.now();
        let queues = self.lock();
        let held = queues.get(queue).into_iter();
        let mut counts = [0; 3];
        for held in held.flat_map(|state| state.messages.values()) {
            let of = match (held.visible_at <= now, held.received > 0) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 2,
            };
            counts[of] += 1;
        }
        counts
    }

    fn answer(&self, operation: &str, body: &Value) -> Answer {
        let queue = body["QueueUrl"].as_str().unwrap_or_default();
        let queue = queue.rsplit('/').next().unwrap_or_default();
        if let Some(code) = over_a_limit(body) {
            let body = json!({"__type": code, "message": "over a limit"}).to_string();
            return Answer { status: 400, body };
        }
        let put = |of: &Value| {
            let delay = of["DelaySeconds"].as_u64().unwrap_or_default();
            let text = of["MessageBody"].as_str().unwrap_or_default();
            self.send(queue, text, Duration::from_secs(delay));
        };
        let answer = match operation {
            "SendMessage" => {
                put(body);
                json!({"MessageId": "0", "MD5OfMessageBody": "0"})
            }
            "SendMessageBatch" => {
                let entries = body["Entries"].as_array().into_iter().flatten();
                let sent = entries.map(|entry| {
                    put(entry);
                    json!({"Id": entry["Id"], "MessageId": "0", "MD5OfMessageBody": "0"})
                });
                json!({"Successful": sent.collect::<Vec<_>>(), "Failed": []})
            }
            "GetQueueAttributes" => {
                let [visible, hidden, delayed] = self.counts(queue);
                json!({"Attributes": {
                    "ApproximateNumberOfMessages": visible.to_string(),
                    "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
                    "ApproximateNumberOfMessagesDelayed": delayed.to_string(),
                }})
            }
            other => {
                let body = json!({"__type": "UnknownOperation", "message": other}).to_string();
                return Answer { status: 400, body };
            }
        };
        Answer {
            status: 200,
            body: answer.to_string(),
        }
    }
}

/// The blob that a message is about, if it is about one.
fn named(body: &Value) -> Option<Named> {
    let tenant = body["tenant_id"].as_str()?.parse().ok()?;
    Some((tenant, body["content_id"].as_str()?.to_owned()))
}

/// The error of a message or a batch that is over a limit.
fn over_a_limit(body: &Value) -> Option<&'static str> {
    let entries = body["Entries"].as_array();
    if entries.is_some_and(|entries| entries.len() > BATCH_MAX) {
        return Some("com.amazonaws.sqs#TooManyEntriesInBatchRequest");
    }
    let is_over = |of: &Value| {
        of["DelaySeconds"].as_u64() > Some(DELAY_SECONDS_MAX)
            || of["MessageBody"].as_str().map(str::len) > Some(BODY_BYTES_MAX)
    };
    let mut all = entries.into_iter().flatten().chain([body]);
    all.any(is_over)
        .then_some("com.amazonaws.sqs#InvalidParameterValue")
}

impl HttpConnector for Sqs {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = wire::operation(&request);
        let body = request.body().bytes().unwrap_or_default();
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        HttpConnectorFuture::ready(self.answer(&operation, &body).into_response())
    }
}
