//! Fetching a blob.

use std::sync::Arc;

use super::access::Access;
use super::{content, errors};
use crate::generator::RecordRange;
use crate::message::{ApiError, Request, Response, content_type_of_id, json_bytes, streamed};
use crate::world::BlobBody;

/// Longest content id looked at; those seen have some 110 characters.
const CONTENT_ID_CHARS_MAX: usize = 512;

/// `GET /audit/{contentId}`
pub(crate) fn blob(request: &Request, access: &Access) -> Result<Response, ApiError> {
    let shared = &request.shared;
    let behaviour = &shared.config.behaviour;
    // Content ids are digits, letters, `_` and `$`; some clients escape the last.
    let content_id = request.route.rest.replace("%24", "$");
    let printable: String = content_id.chars().take(CONTENT_ID_CHARS_MAX).collect();
    let well_formed = content_id.len() <= CONTENT_ID_CHARS_MAX
        && content_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_$-".contains(&byte));
    let content_type = content_type_of_id(&content_id)
        .filter(|_| well_formed)
        .ok_or_else(|| errors::malformed_content(behaviour, &printable))?;
    access.may_read(content_type)?;
    let (stream, body, partial) = {
        let world = shared.world();
        content::check_readable(request, access, content_type, &world)?;
        let feed = world.feed(access.tenant, content_type);
        let (feed, blob) = feed
            .and_then(|feed| Some((feed, feed.blob(&content_id)?)))
            .filter(|(_, blob)| blob.subscribers.contains(&access.client_id))
            .ok_or_else(|| errors::unknown_content(behaviour, &content_id))?;
        if blob.expires <= shared.now() {
            return Err(errors::expired_content(behaviour, &content_id));
        }
        (Arc::clone(&feed.stream), blob.body.clone(), blob.partial)
    };
    Ok(match body {
        BlobBody::Bytes(bytes) => json_bytes(200, bytes),
        BlobBody::Records(ranges) => {
            streamed(stream.body(if partial { first_half(ranges) } else { ranges }))
        }
    })
}

fn first_half(ranges: Vec<RecordRange>) -> Vec<RecordRange> {
    let total: u64 = ranges.iter().map(|range| range.count).sum();
    let mut left = total.div_ceil(2);
    ranges
        .into_iter()
        .map(|range| {
            let count = range.count.min(left);
            left -= count;
            RecordRange { count, ..range }
        })
        .collect()
}
