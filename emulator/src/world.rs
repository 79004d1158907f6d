//! The model: tenants, their subscriptions and their content. No I/O; time comes as an argument.

mod delivery_queue;
mod fault_injector;
mod feed;
mod journal;
mod state;
mod subscription;
mod tenant;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use uuid::Uuid;

pub(crate) use delivery_queue::{Announcement, DeliveryQueue, WebhookKey};
pub(crate) use fault_injector::{FaultContext, FaultInjector, InjectionPoint};
pub(crate) use feed::{Blob, BlobBody, BlobKey, Feed};
pub(crate) use journal::Journal;
pub use journal::{Delivery, RequestSeen, StartSeen, Violation};
pub(crate) use state::{SharedState, tenant_ids};
pub(crate) use subscription::{Subscription, Webhook};
pub(crate) use tenant::Tenant;

/// All tenants of one emulator.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) tenants: BTreeMap<Uuid, Tenant>,
    /// Times of the requests of the last minute by callers without PublisherIdentifier.
    pub(crate) shared_pool: VecDeque<Timestamp>,
}
