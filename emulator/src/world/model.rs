//! All tenants, and how to find a feed or a subscription of one.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use uuid::Uuid;

use super::feed::Feed;
use super::subscription::Subscription;
use super::tenant::Tenant;
use crate::content_type::ContentType;

/// All tenants of one emulator.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) tenants: BTreeMap<Uuid, Tenant>,
    /// Times of the requests of the last minute by callers without PublisherIdentifier.
    pub(crate) shared_pool: VecDeque<Timestamp>,
}

impl World {
    /// The blobs of a tenant in a content type.
    pub(crate) fn feed(&self, tenant: Uuid, content_type: ContentType) -> Option<&Feed> {
        self.tenants.get(&tenant)?.feeds.get(&content_type)
    }

    pub(crate) fn feed_mut(
        &mut self,
        tenant: Uuid,
        content_type: ContentType,
    ) -> Option<&mut Feed> {
        self.tenants.get_mut(&tenant)?.feeds.get_mut(&content_type)
    }

    /// What an application has subscribed to in a tenant; it may be disabled.
    pub(crate) fn subscription(
        &self,
        tenant: Uuid,
        client_id: Uuid,
        content_type: ContentType,
    ) -> Option<&Subscription> {
        let key = (client_id, content_type);
        self.tenants.get(&tenant)?.subscriptions.get(&key)
    }
}
