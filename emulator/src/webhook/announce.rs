//! Announcements on their way into the queues, and the faults that lose, delay, repeat or reorder them.

use std::sync::Arc;
use std::time::Duration;

use super::deliver;
use crate::clock::later;
use crate::config::FaultKind;
use crate::operation::Operation;
use crate::world::{
    Announcement, DeliveryQueue, FaultContext, InjectionPoint, SharedState, WebhookKey,
};

/// Queues an announcement, unless a fault loses it.
pub(crate) fn announce(shared: &Arc<SharedState>, mut announcement: Announcement) {
    let struck = shared.strike(&FaultContext {
        point: InjectionPoint::Notification,
        operation: Operation::Notification,
        tenant: Some(announcement.tenant),
        content_type: Some(announcement.content_type),
    });
    let mut again = Vec::new();
    let mut first = false;
    for kind in struck {
        match kind {
            FaultKind::NotificationLost => return,
            FaultKind::NotificationTwice { after_seconds } => again.push(after_seconds),
            FaultKind::NotificationFirst => first = true,
            FaultKind::NotificationLate { seconds } => {
                announcement.due = later(announcement.due, Duration::from_secs(seconds));
            }
            _ => {}
        }
    }
    let queue = queue_of(shared, &announcement);
    for seconds in again {
        let due = later(announcement.due, Duration::from_secs(seconds));
        queue.push(
            Announcement {
                due,
                ..announcement.clone()
            },
            false,
        );
    }
    queue.push(announcement, first);
}

fn queue_of(shared: &Arc<SharedState>, announcement: &Announcement) -> Arc<DeliveryQueue> {
    let key = (announcement.address.clone(), announcement.auth_id.clone());
    let mut queues = shared.queues();
    let queue = queues.entry(key.clone()).or_insert_with(|| {
        let queue = Arc::new(DeliveryQueue::new(key));
        shared.spawn(deliver::run(Arc::clone(shared), Arc::clone(&queue)));
        queue
    });
    Arc::clone(queue)
}

/// Forgets the failures of a webhook whose subscription was started again.
pub(crate) fn forget_failures(shared: &SharedState, key: &WebhookKey) {
    if let Some(queue) = shared.queues().get(key) {
        queue.forget_failures();
    }
}

/// Announcements that are being sent, or are to be sent now.
pub(crate) fn due(shared: &SharedState) -> usize {
    let now = shared.now();
    shared.queues().values().map(|queue| queue.due(now)).sum()
}

/// Announcements that wait or are being sent.
pub(crate) fn pending(shared: &SharedState) -> usize {
    shared.queues().values().map(|queue| queue.pending()).sum()
}
