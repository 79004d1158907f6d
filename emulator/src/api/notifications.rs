//! The listing of notifications: the attempts made to reach the webhook.

use serde::Serialize;

use super::access::Access;
use super::content;
use super::window::{parse_next_page, window};
use crate::message::{ApiError, Request, Response, json};
use crate::publish::{ContentItem, format_time};
use crate::world::Delivery;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    #[serde(flatten)]
    content: ContentItem<'a>,
    notification_sent: String,
    notification_status: &'static str,
}

/// `GET /subscriptions/notifications`
pub(crate) fn notifications(request: &Request, access: &Access) -> Result<Response, ApiError> {
    let content_type = access.content_type(request)?;
    let shared = &request.shared;
    let window = window(request, shared.now())?;
    let after = request
        .query
        .get("nextPage")
        .map(parse_next_page)
        .transpose()?;
    let world = shared.world();
    content::check_readable(request, access, content_type, &world)?;
    let Some(feed) = world.feed(access.tenant, content_type) else {
        return Ok(json(200, &[(); 0]));
    };
    let journal = shared.journal();
    // A page's key is the time of an attempt and its position in the journal.
    let mut attempts = journal
        .deliveries
        .iter()
        .zip(0_u64..)
        .filter(|(of, _)| {
            of.tenant == access.tenant
                && of.client_id == access.client_id
                && of.content_type == content_type
        })
        .filter(|(of, position)| after.is_none_or(|after| after < (of.at, *position)))
        .filter_map(|(of, position)| Some((of, position, feed.blob(&of.content_id)?)))
        .filter(|(_, _, blob)| window.start <= blob.created && blob.created < window.end);
    let page: Vec<_> = attempts
        .by_ref()
        .take(shared.config.behaviour.page_items_max.max(1))
        .collect();
    let more = attempts.next().is_some();
    let items: Vec<Item<'_>> = page
        .iter()
        .map(|(delivery, _, blob)| Item {
            content: ContentItem::of(shared, access.tenant, content_type, blob, None),
            notification_sent: format_time(delivery.at),
            notification_status: status(delivery),
        })
        .collect();
    let mut response = json(200, &items);
    if let Some((last, position, _)) = page.last().filter(|_| more) {
        content::add_next_page(
            request,
            access.tenant,
            content_type,
            window,
            (last.at, *position),
            &mut response,
        );
    }
    Ok(response)
}

/// Only "success" is documented.
const fn status(delivery: &Delivery) -> &'static str {
    if delivery.status == 200 {
        "success"
    } else {
        "failed"
    }
}
