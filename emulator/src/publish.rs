//! Publication: a blob becomes available, is counted, and is announced.

pub(crate) mod schedule;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::later;
use crate::content_type::ContentType;
use crate::shared::Shared;
use crate::webhook::{self, Announcement};
use crate::world::{BlobKey, Source, Tenant};

/// Makes a blob available now and answers its content id; `None` when the tenant is unknown.
/// A foreign host is what its `contentUri` will name instead of ours.
pub(crate) fn publish(
    shared: &Arc<Shared>,
    tenant: Uuid,
    content_type: ContentType,
    source: Source,
    foreign_host: Option<String>,
) -> Option<String> {
    let now = shared.now();
    let (content_id, announcements) = {
        let mut world = shared.world();
        let of = world.tenants.get_mut(&tenant)?;
        let subscribers = subscribers(of, content_type);
        let feed = of.feeds.get_mut(&content_type)?;
        let expires = later(
            now,
            Duration::from_secs(shared.config.rules.content_expires_after_days * 86_400),
        );
        let key = feed.add(content_type, now, expires, source);
        if !subscribers.is_empty() {
            feed.count(key);
        }
        let blob = feed.blobs.get_mut(&key)?;
        blob.foreign_host = foreign_host;
        blob.subscribers = subscribers;
        (
            blob.content_id.clone(),
            announcements(shared, of, tenant, content_type, key, now),
        )
    };
    if shared.notify.load(Ordering::Relaxed) {
        for announcement in announcements {
            webhook::announce(shared, announcement);
        }
    }
    Some(content_id)
}

/// The applications whose subscription to a content type is enabled.
pub(crate) fn subscribers(tenant: &Tenant, content_type: ContentType) -> Vec<Uuid> {
    tenant
        .subscriptions
        .iter()
        .filter(|((_, of), subscription)| *of == content_type && subscription.is_enabled())
        .map(|((client_id, _), _)| *client_id)
        .collect()
}

/// What to tell the live webhooks of a content type about a blob.
fn announcements(
    shared: &Shared,
    tenant: &Tenant,
    tenant_id: Uuid,
    content_type: ContentType,
    key: BlobKey,
    now: Timestamp,
) -> Vec<Announcement> {
    let Some(blob) = tenant
        .feeds
        .get(&content_type)
        .and_then(|feed| feed.blobs.get(&key))
    else {
        return Vec::new();
    };
    tenant
        .subscriptions
        .iter()
        .filter(|((_, of), subscription)| *of == content_type && subscription.is_enabled())
        .filter_map(|((client_id, _), subscription)| {
            Some((client_id, subscription.webhook.as_ref()?))
        })
        .filter(|(_, webhook)| webhook.status(now) == "enabled")
        .map(|(client_id, webhook)| Announcement {
            tenant: tenant_id,
            client_id: *client_id,
            content_type,
            address: webhook.address.clone(),
            auth_id: webhook.auth_id.clone(),
            content_id: blob.content_id.clone(),
            item: crate::feed::notification_item(shared, tenant_id, *client_id, content_type, blob),
            due: webhook.shown_from.max(now),
        })
        .collect()
}
