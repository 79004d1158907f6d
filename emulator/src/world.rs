//! The model: tenants, their subscriptions and content, the queues of announcements, the faults in force, the journal. Nothing here sends or receives.

mod delivery_queue;
mod fault_injector;
mod feed;
mod journal;
mod model;
mod state;
mod subscription;
mod tenant;

pub(crate) use delivery_queue::{Announcement, DeliveryQueue, WebhookKey};
pub(crate) use fault_injector::{FaultContext, InjectionPoint};
pub(crate) use feed::{Blob, BlobBody, BlobKey};
pub use journal::{Delivery, RequestSeen, StartSeen, Violation};
pub(crate) use model::World;
pub(crate) use state::{SharedState, tenant_ids};
pub(crate) use subscription::{Subscription, Webhook};
pub(crate) use tenant::Tenant;
