//! The activity feed: every operation under `/api/v1.0/{tenant}/activity/feed`.

mod access;
mod blob;
mod content;
mod errors;
mod list;
mod names;
mod notifications;
mod start;
mod window;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::answer::{Answer, Refusal, empty};
use crate::call::Call;
use crate::content_type::ContentType;
use crate::shared::Shared;
use crate::world::{Blob, Operation};

/// Answers a call of the feed.
pub(crate) async fn answer(call: &Call) -> Answer {
    let answered = match access::check(call) {
        Ok(access) => match call.route.operation {
            Operation::Start => start::start(call, &access).await,
            Operation::Stop => start::stop(call, &access),
            Operation::List => list::list(call, &access),
            Operation::Content => content::content(call, &access),
            Operation::Notifications => notifications::notifications(call, &access),
            Operation::Blob => blob::blob(call, &access),
            Operation::SensitiveTypes => names::sensitive_types(call),
            _ => Ok(empty(404)),
        },
        Err(access::Denied::Anonymous) => return errors::unauthorized(),
        Err(access::Denied::Refused(refusal)) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal: Refusal| refusal.answer())
}

/// Milliseconds and Z, as all times of the feed.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Where a blob is fetched. A foreign host is spelled as the fault asks.
fn content_uri(
    shared: &Shared,
    tenant: Uuid,
    content_id: &str,
    foreign_host: Option<&str>,
) -> String {
    let base = foreign_host.map_or_else(
        || shared.public_url.to_string(),
        |host| format!("https://{host}/"),
    );
    format!("{base}api/v1.0/{tenant}/activity/feed/audit/{content_id}")
}

/// An entry of the content listing. The order of the fields is Microsoft's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContentItem<'a> {
    content_type: &'a str,
    content_id: &'a str,
    content_uri: String,
    content_created: String,
    content_expiration: String,
}

impl<'a> ContentItem<'a> {
    fn of(
        shared: &Shared,
        tenant: Uuid,
        content_type: ContentType,
        blob: &'a Blob,
        foreign_host: Option<&str>,
    ) -> Self {
        let foreign_host = foreign_host.or(blob.foreign_host.as_deref());
        Self {
            content_type: content_type.name(),
            content_id: &blob.content_id,
            content_uri: content_uri(shared, tenant, &blob.content_id, foreign_host),
            content_created: time(blob.created),
            content_expiration: time(blob.expires),
        }
    }
}

/// An entry of a notification, as JSON.
pub(crate) fn notification_item(
    shared: &Shared,
    tenant: Uuid,
    client_id: Uuid,
    content_type: ContentType,
    blob: &Blob,
) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Item<'a> {
        tenant_id: Uuid,
        client_id: Uuid,
        #[serde(flatten)]
        content: ContentItem<'a>,
    }
    let content = ContentItem::of(shared, tenant, content_type, blob, None);
    serde_json::to_string(&Item {
        tenant_id: tenant,
        client_id,
        content,
    })
    .unwrap_or_default()
}

/// AF429 for a call.
pub(crate) fn throttled(call: &Call, status: u16) -> Answer {
    let method = if call.route.operation == Operation::Blob {
        "GetBlob"
    } else {
        "GetContents"
    };
    let publisher = call
        .query
        .get("PublisherIdentifier")
        .unwrap_or("00000000-0000-0000-0000-000000000000");
    errors::throttled(status, method, publisher).answer()
}

/// AF50000, with either of its texts.
pub(crate) fn internal(in_an_hour: bool) -> Answer {
    errors::internal(in_an_hour).answer()
}

/// Reads a text as everything that a caller of the feed may send; for property tests.
#[cfg(test)]
pub(crate) fn reads(text: &str) -> bool {
    let time = window::parse(text).is_some();
    let page = window::parse_next_page(text).is_ok();
    time || page || start::asked_webhook(text.as_bytes()).is_ok()
}
