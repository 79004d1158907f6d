//! Telling a story: its records become available in the content types that are subscribed, in several blobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::publication::{publish, subscribers};
use crate::content_type::ContentType;
use crate::generator::{StoryRecord, Telling};
use crate::story::Story;
use crate::world::{BlobBody, SharedState};

/// Records of a story in one blob: few enough that an attack lies in several, as it does at Microsoft.
const RECORDS_PER_BLOB: usize = 25;

/// What a telling published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The story.
    pub story: Story,
    /// The tenant that it happened in.
    pub tenant: Uuid,
    /// Records that were published.
    pub records: u64,
    /// The blobs that they are in, by the time of their last record.
    pub content_ids: Vec<String>,
    /// Content types that nobody is subscribed to: the story's records of these were left out.
    pub left_out: Vec<ContentType>,
}

/// A tenant that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no tenant {0}; GET /_emulator/tenants lists those there are")]
pub struct UnknownTenant(pub Uuid);

/// Tells a story now.
pub(crate) fn tell(
    shared: &Arc<SharedState>,
    tenant: Uuid,
    story: Story,
) -> Result<Told, UnknownTenant> {
    let (number, subscribed) = {
        let mut world = shared.world();
        let state = world.tenants.get_mut(&tenant);
        let state = state.ok_or(UnknownTenant(tenant))?;
        state.told += 1;
        let mut subscribed = ContentType::ALL.to_vec();
        subscribed.retain(|of| !subscribers(state, *of).is_empty());
        (state.told, subscribed)
    };
    let telling = Telling {
        story,
        seed: shared.config.seed,
        tenant,
        number,
        at: shared.now(),
    };
    let mut told = Told {
        story,
        tenant,
        records: 0,
        content_ids: Vec::new(),
        left_out: Vec::new(),
    };
    let mut records = telling.records();
    records.retain(|record| {
        let is_wanted = subscribed.contains(&record.content_type);
        if !is_wanted && !told.left_out.contains(&record.content_type) {
            told.left_out.push(record.content_type);
        }
        is_wanted
    });
    told.left_out.sort();
    told.records = records.len() as u64;
    for (content_type, body) in blobs(&records) {
        told.content_ids
            .extend(publish(shared, tenant, content_type, body, None));
    }
    Ok(told)
}

/// Tells what the configuration's stories have in a content type, when that is subscribed for the first time.
pub(super) fn tell_configured(shared: &Arc<SharedState>, tenant: Uuid, content_type: ContentType) {
    let stories = shared.config.stories.iter().enumerate();
    for (number, entry) in stories {
        if entry.tenant.is_some_and(|of| of != tenant) {
            continue;
        }
        let Some(at) = first_told(shared, tenant) else {
            return;
        };
        let telling = Telling {
            story: entry.story,
            seed: shared.config.seed,
            tenant,
            // Those told later count from 1 on.
            number: u64::MAX - number as u64,
            at,
        };
        let mut records = telling.records();
        records.retain(|record| record.content_type == content_type);
        for (content_type, body) in blobs(&records) {
            publish(shared, tenant, content_type, body, None);
        }
    }
}

/// When the configuration's stories are told: all parts of one happen at the same time, whenever their types are subscribed.
fn first_told(shared: &SharedState, tenant: Uuid) -> Option<Timestamp> {
    let now = shared.now();
    let mut world = shared.world();
    let state = world.tenants.get_mut(&tenant)?;
    Some(*state.stories_told_at.get_or_insert(now))
}

/// The blobs of records that are in the order of their times.
fn blobs(records: &[StoryRecord]) -> Vec<(ContentType, BlobBody)> {
    let mut by_type: BTreeMap<ContentType, Vec<&StoryRecord>> = BTreeMap::new();
    for record in records {
        by_type.entry(record.content_type).or_default().push(record);
    }
    let mut blobs: Vec<(Option<Timestamp>, ContentType, BlobBody)> = Vec::new();
    for (content_type, records) in by_type {
        for blob in records.chunks(RECORDS_PER_BLOB) {
            let lines: Vec<&[u8]> = blob.iter().map(|record| &*record.json).collect();
            let body = [b"[", &*lines.join(&b','), b"]"].concat();
            let last = blob.last().map(|record| record.time);
            blobs.push((last, content_type, BlobBody::Bytes(Bytes::from(body))));
        }
    }
    blobs.sort_by_key(|(last, _, _)| *last);
    blobs
        .into_iter()
        .map(|(_, content_type, body)| (content_type, body))
        .collect()
}
