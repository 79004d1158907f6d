//! Our calls to webhooks: the validation during a start, and notifications.

mod lane;
mod validate;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

pub(crate) use lane::Lane;
pub(crate) use validate::{Subscriber, validate};

use crate::clock::later;
use crate::content_type::ContentType;
use crate::fault::{FaultKind, Moment, Occasion};
use crate::shared::Shared;
use crate::world::Operation;

/// Webhooks with one address and one authId share a queue, as tenants with one receiver do.
pub(crate) type LaneKey = (String, Option<String>);

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

/// Queues an announcement, unless a fault loses it.
pub(crate) fn announce(shared: &Arc<Shared>, mut announcement: Announcement) {
    let struck = shared.strike(&Occasion {
        moment: Moment::Notification,
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
    let lane = lane_of(shared, &announcement);
    for seconds in again {
        let due = later(announcement.due, Duration::from_secs(seconds));
        lane.push(
            Announcement {
                due,
                ..announcement.clone()
            },
            false,
        );
    }
    lane.push(announcement, first);
}

fn lane_of(shared: &Arc<Shared>, announcement: &Announcement) -> Arc<Lane> {
    let key = (announcement.address.clone(), announcement.auth_id.clone());
    let mut lanes = shared.lanes();
    let lane = lanes.entry(key.clone()).or_insert_with(|| {
        let lane = Arc::new(Lane::new(key));
        shared.spawn(lane::run(Arc::clone(shared), Arc::clone(&lane)));
        lane
    });
    Arc::clone(lane)
}

/// Forgets the failures of a webhook that was started again.
pub(crate) fn revive(shared: &Shared, key: &LaneKey) {
    if let Some(lane) = shared.lanes().get(key) {
        lane.revive();
    }
}

/// Announcements that wait for their time, their turn or their retry, or are being sent.
pub(crate) fn unsettled(shared: &Shared) -> usize {
    shared.lanes().values().map(|lane| lane.unsettled()).sum()
}
