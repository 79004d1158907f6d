//! Fetching a blob.

use std::sync::Arc;

use super::access::Access;
use super::{content, errors};
use crate::answer::{Answer, Refusal, json_bytes, streamed};
use crate::call::{Call, content_type_of_id};
use crate::generator::Segment;
use crate::world::Source;

/// Longest content id looked at; those seen have some 110 characters.
const CONTENT_ID_CHARS_MAX: usize = 512;

/// `GET /audit/{contentId}`
pub(crate) fn blob(call: &Call, access: &Access) -> Result<Answer, Refusal> {
    let shared = &call.shared;
    let rules = &shared.config.rules;
    // Content ids are digits, letters, `_` and `$`; some clients escape the last.
    let content_id = call.route.rest.replace("%24", "$");
    let printable: String = content_id.chars().take(CONTENT_ID_CHARS_MAX).collect();
    let well_formed = content_id.len() <= CONTENT_ID_CHARS_MAX
        && content_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_$-".contains(&byte));
    let content_type = content_type_of_id(&content_id)
        .filter(|_| well_formed)
        .ok_or_else(|| errors::malformed_content(rules, &printable))?;
    access.may_read(content_type)?;
    let (stream, source, partial) = {
        let world = shared.world();
        content::readable(call, access, content_type, &world)?;
        let feed = world
            .tenants
            .get(&access.tenant)
            .and_then(|tenant| tenant.feeds.get(&content_type));
        let (feed, blob) = feed
            .and_then(|feed| Some((feed, feed.blob(&content_id)?)))
            .filter(|(_, blob)| blob.subscribers.contains(&access.client_id))
            .ok_or_else(|| errors::unknown_content(rules, &content_id))?;
        if blob.expires <= shared.now() {
            return Err(errors::expired_content(rules, &content_id));
        }
        (Arc::clone(&feed.stream), blob.source.clone(), blob.partial)
    };
    Ok(match source {
        Source::Bytes(bytes) => json_bytes(200, bytes),
        Source::Records(segments) => streamed(stream.body(if partial {
            first_half(segments)
        } else {
            segments
        })),
    })
}

fn first_half(segments: Vec<Segment>) -> Vec<Segment> {
    let total: u64 = segments.iter().map(|segment| segment.count).sum();
    let mut left = total.div_ceil(2);
    segments
        .into_iter()
        .map(|segment| {
            let count = segment.count.min(left);
            left -= count;
            Segment { count, ..segment }
        })
        .collect()
}
