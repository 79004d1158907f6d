//! The listing of content.

use std::ops::Bound;

use http::header::{HeaderName, HeaderValue};
use url::Url;
use uuid::Uuid;

use super::access::Access;
use super::errors;
use super::window::{Window, bare, next_page, parse_next_page, window};
use crate::content_type::ContentType;
use crate::message::{ApiError, Request, Response, json};
use crate::publish::ContentItem;
use crate::world::{Blob, BlobKey, World};

/// [`crate::NextPageHeader`] says how it is spelled.
const NEXT_PAGE_URI: HeaderName = HeaderName::from_static("nextpageuri");

/// `GET /subscriptions/content`
pub(crate) fn content(request: &Request, access: &Access) -> Result<Response, ApiError> {
    let content_type = access.content_type(request)?;
    let shared = &request.shared;
    let behaviour = &shared.config.behaviour;
    let window = window(request, shared.now())?;
    let after = request
        .query
        .get("nextPage")
        .map(parse_next_page)
        .transpose()?;
    let mut world = shared.world();
    check_readable(request, access, content_type, &world)?;
    let feed = world.feed(access.tenant, content_type);
    let from = after.map_or(Bound::Included((window.start, 0)), Bound::Excluded);
    let mut visible = feed
        .into_iter()
        .flat_map(|feed| {
            feed.blobs.range((
                from,
                Bound::Excluded((window.end.max(window.start), u64::MAX)),
            ))
        })
        .filter(|((created, _), blob)| {
            *created < window.end && blob.subscribers.contains(&access.client_id)
        });
    let page: Vec<(BlobKey, &Blob)> = visible
        .by_ref()
        .take(behaviour.page_items_max.max(1))
        .map(|(key, blob)| (*key, blob))
        .collect();
    let more = visible.next().is_some();
    let items: Vec<ContentItem<'_>> = page
        .iter()
        .map(|(_, blob)| {
            ContentItem::of(
                shared,
                access.tenant,
                content_type,
                blob,
                request.foreign_host.as_deref(),
            )
        })
        .collect();
    let mut response = json(200, &items);
    if let Some((last, _)) = page.last().filter(|_| more) {
        add_next_page(
            request,
            access.tenant,
            content_type,
            window,
            *last,
            &mut response,
        );
    }
    let exact = page
        .first()
        .map(|(key, _)| *key)
        .filter(|(created, _)| *created == window.start);
    if let Some(key) = exact.filter(|_| behaviour.partial_blob_at_window_start) {
        make_partial(&mut world, access.tenant, content_type, key);
    }
    Ok(response)
}

/// Refuses when there is no subscription, or when it is disabled.
pub(crate) fn check_readable(
    request: &Request,
    access: &Access,
    content_type: ContentType,
    world: &World,
) -> Result<(), ApiError> {
    let subscription = world
        .subscription(access.tenant, access.client_id, content_type)
        .filter(|subscription| subscription.was_ever_enabled())
        .ok_or_else(|| errors::no_subscription(&request.shared.config.behaviour))?;
    if !subscription.is_enabled() || subscription.is_stuck(request.shared.now()) {
        return Err(errors::disabled());
    }
    Ok(())
}

/// Adds the link to the next page: the full address, the times filled in, PublisherIdentifier left out.
pub(crate) fn add_next_page(
    request: &Request,
    tenant: Uuid,
    content_type: ContentType,
    window: Window,
    (created, sequence): BlobKey,
    response: &mut Response,
) {
    let operation = if request.route.operation == crate::operation::Operation::Content {
        "content"
    } else {
        "notifications"
    };
    let mut url: Url = request.shared.public_url.clone();
    // The documentation's sample really says v1 here.
    url.set_path(&format!(
        "api/v1/{tenant}/activity/feed/subscriptions/{operation}"
    ));
    url.query_pairs_mut()
        .append_pair("contentType", content_type.name())
        .append_pair("startTime", &bare(window.start))
        .append_pair("endTime", &bare(window.end))
        .append_pair("nextPage", &next_page(created, sequence));
    if let Ok(value) = HeaderValue::from_str(url.as_str()) {
        response.headers_mut().insert(NEXT_PAGE_URI, value);
        let spelling = request.shared.next_page_spelling.clone();
        response.extensions_mut().extend(spelling);
    }
}

fn make_partial(world: &mut World, tenant: Uuid, content_type: ContentType, key: BlobKey) {
    let feed = world.feed_mut(tenant, content_type);
    if let Some(blob) = feed.and_then(|feed| feed.blobs.get_mut(&key)) {
        blob.partial = true;
    }
}
