//! The model: tenants, their subscriptions and their content. No I/O; time comes as an argument.

mod feed;
mod journal;
mod subscription;
mod tenant;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use uuid::Uuid;

pub(crate) use feed::{Blob, BlobKey, Feed, Source};
pub(crate) use journal::Journal;
pub use journal::{Delivery, Operation, RequestSeen, StartSeen, Violation};
pub(crate) use subscription::{Subscription, Webhook};
pub(crate) use tenant::Tenant;
pub use tenant::{Consent, TenantState};

/// All tenants of one emulator.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) tenants: BTreeMap<Uuid, Tenant>,
    /// Times of the requests of the last minute by callers without PublisherIdentifier.
    pub(crate) shared_pool: VecDeque<Timestamp>,
}
