//! The schedule: publishes generated blobs at the configured pace, from the first subscription of a content type on.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::publication::{publish, subscribers};
use super::telling::tell_configured;
use crate::clock::{earlier, later};
use crate::config::FaultKind;
use crate::content_type::ContentType;
use crate::generator::RecordRange;
use crate::operation::Operation;
use crate::rng::{SeededRng, hash_text};
use crate::world::{BlobBody, FaultContext, InjectionPoint, SharedState};

/// A first listing was seen to show blobs up to 22 hours older than the subscription.
const BACKFILL_SECONDS_MAX: u64 = 22 * 3600;

/// Blobs published before other tasks get a turn: the server may have only this core.
const BLOBS_PER_TURN: usize = 16;

/// Begins to publish, when the content type is subscribed for the first time.
pub(crate) fn start_publishing(shared: &Arc<SharedState>, tenant: Uuid, content_type: ContentType) {
    {
        let mut world = shared.world();
        let Some(feed) = world.feed_mut(tenant, content_type) else {
            return;
        };
        if std::mem::replace(&mut feed.started, true) {
            return;
        }
    }
    tell_configured(shared, tenant, content_type);
    if shared.config.blobs_of(content_type) == 0 {
        if let Some(feed) = shared.world().feed_mut(tenant, content_type) {
            feed.finished = true;
        }
        return;
    }
    backfill(shared, tenant, content_type);
    shared.spawn(generate(Arc::clone(shared), tenant, content_type));
}

async fn generate(shared: Arc<SharedState>, tenant: Uuid, content_type: ContentType) {
    shared
        .clock
        .sleep(Duration::from_secs(
            shared.config.behaviour.first_blob_after_seconds,
        ))
        .await;
    let blobs = shared.config.blobs_of(content_type);
    // The pace is the tenant's; each type has its share of it.
    let gap = shared
        .config
        .blobs_per_second
        .filter(|pace| *pace > 0.0)
        .map(|pace| Duration::from_secs_f64(shared.config.content_types.len() as f64 / pace));
    let mut due = shared.now();
    for number in 0..blobs {
        if let Some(gap) = gap {
            due = later(due, gap);
            shared.clock.sleep_until(due).await;
        } else if number % BLOBS_PER_TURN == 0 {
            tokio::task::yield_now().await;
        }
        publish_generated(&shared, tenant, content_type, number as u64);
    }
    if let Some(feed) = shared.world().feed_mut(tenant, content_type) {
        feed.finished = true;
    }
}

fn publish_generated(
    shared: &Arc<SharedState>,
    tenant: Uuid,
    content_type: ContentType,
    number: u64,
) {
    let context = FaultContext {
        point: InjectionPoint::Publication,
        operation: Operation::Blob,
        tenant: Some(tenant),
        content_type: Some(content_type),
    };
    let struck = shared.strike(&context);
    let mut count = records_in_blob(shared, tenant, content_type, number);
    let mut repeated = 0;
    let mut late = Duration::ZERO;
    let mut host = None;
    for kind in struck {
        match kind {
            FaultKind::BlobEmpty => count = 0,
            FaultKind::RepeatRecords { count } => repeated = count,
            FaultKind::BlobLate { seconds } => late = Duration::from_secs(seconds),
            FaultKind::BlobForeign { host: foreign } => host = Some(foreign),
            _ => {}
        }
    }
    let Some(body) = take_records(shared, tenant, content_type, count, repeated) else {
        return;
    };
    if late.is_zero() {
        publish(shared, tenant, content_type, body, host);
        return;
    }
    hold_back(shared, tenant, content_type, 1);
    let of = Arc::clone(shared);
    shared.spawn(async move {
        of.clock.sleep(late).await;
        publish(&of, tenant, content_type, body, host);
        hold_back(&of, tenant, content_type, -1);
    });
}

fn hold_back(shared: &SharedState, tenant: Uuid, content_type: ContentType, by: i64) {
    if let Some(feed) = shared.world().feed_mut(tenant, content_type) {
        feed.held_back = feed.held_back.saturating_add_signed(by);
    }
}

/// The next `count` records of a feed, led by the last `repeated` ones of the blob before.
fn take_records(
    shared: &SharedState,
    tenant: Uuid,
    content_type: ContentType,
    count: u64,
    repeated: u64,
) -> Option<BlobBody> {
    let mut world = shared.world();
    let feed = world.feed_mut(tenant, content_type)?;
    let fresh = RecordRange {
        first: feed.next_record,
        count,
        published: shared.now(),
    };
    feed.next_record += count;
    let again = feed.generated.last().map(|last| {
        let count = repeated.min(last.count);
        RecordRange {
            first: last.first + last.count - count,
            count,
            ..*last
        }
    });
    Some(BlobBody::Records(
        again
            .into_iter()
            .chain([fresh])
            .filter(|range| range.count > 0)
            .collect(),
    ))
}

fn records_in_blob(
    shared: &SharedState,
    tenant: Uuid,
    content_type: ContentType,
    number: u64,
) -> u64 {
    let (high, low) = tenant.as_u64_pair();
    let (least, most) = (
        *shared.config.records_per_blob.start() as u64,
        *shared.config.records_per_blob.end() as u64,
    );
    let mut rng = SeededRng::of(&[
        shared.config.seed,
        high,
        low,
        hash_text(content_type.name()),
        number,
        4,
    ]);
    least + rng.below(most.saturating_sub(least) + 1)
}

/// Publishes blobs that are older than the subscription. They are listed, but not announced.
fn backfill(shared: &Arc<SharedState>, tenant: Uuid, content_type: ContentType) {
    let blobs = shared.config.behaviour.blobs_before_subscription;
    for number in 0..blobs as u64 {
        let count = records_in_blob(shared, tenant, content_type, u64::MAX - number);
        let Some(body) = take_records(shared, tenant, content_type, count, 0) else {
            return;
        };
        let age = BACKFILL_SECONDS_MAX * (number + 1) / blobs as u64;
        let created = earlier(shared.now(), Duration::from_secs(age));
        let expires = later(created, shared.config.behaviour.content_lifetime());
        let mut world = shared.world();
        let Some(state) = world.tenants.get_mut(&tenant) else {
            return;
        };
        let subscribers = subscribers(state, content_type);
        if let Some(feed) = state.feeds.get_mut(&content_type) {
            let key = feed.add(content_type, created, expires, body);
            feed.count(key);
            if let Some(blob) = feed.blobs.get_mut(&key) {
                blob.subscribers = subscribers;
            }
        }
    }
}
