//! What was published: what a consumer that loses nothing must have.

use serde::Serialize;
use uuid::Uuid;

use crate::content_type::ContentType;
use crate::world::SharedState;

/// What was made available to enabled subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Distinct records, by tenant and Id.
    pub records: u64,
    /// Blobs, those without records included.
    pub blobs: u64,
    /// Whether the generator has published its share of every content type that was ever subscribed.
    pub finished: bool,
    /// The same per tenant and content type.
    pub feeds: Vec<PublishedFeed>,
}

/// What was published in one tenant and content type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedFeed {
    /// The tenant.
    pub tenant: Uuid,
    /// The content type.
    pub content_type: ContentType,
    /// Distinct records.
    pub records: u64,
    /// Blobs.
    pub blobs: u64,
    /// Whether the generator has published its share.
    pub finished: bool,
}

pub(crate) fn published(shared: &SharedState) -> Published {
    let world = shared.world();
    let feeds: Vec<PublishedFeed> = world
        .tenants
        .iter()
        .flat_map(|(tenant, state)| {
            state
                .feeds
                .iter()
                .map(move |(content_type, feed)| (tenant, content_type, feed))
        })
        .filter(|(_, _, feed)| feed.started || feed.blobs_published > 0)
        .map(|(tenant, content_type, feed)| PublishedFeed {
            tenant: *tenant,
            content_type: *content_type,
            records: feed.records_published(),
            blobs: feed.blobs_published,
            finished: (feed.finished || !feed.started) && feed.held_back == 0,
        })
        .collect();
    Published {
        records: feeds.iter().map(|feed| feed.records).sum(),
        blobs: feeds.iter().map(|feed| feed.blobs).sum(),
        finished: feeds.iter().all(|feed| feed.finished),
        feeds,
    }
}

/// Tenant and Id of every published record.
pub(crate) fn published_ids(shared: &SharedState) -> Vec<(Uuid, String)> {
    let world = shared.world();
    world
        .tenants
        .iter()
        .flat_map(|(tenant, state)| {
            state
                .feeds
                .values()
                .flat_map(|feed| feed.published_ids().map(|id| (*tenant, id)))
        })
        .collect()
}
