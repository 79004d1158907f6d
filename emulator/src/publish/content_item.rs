//! A blob as listings and notifications show it.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::content_type::ContentType;
use crate::world::{Blob, SharedState};

/// A time as the API writes it: in milliseconds, ending in Z.
pub(crate) fn format_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The address of a blob, on our host unless a fault names another.
fn content_uri(
    shared: &SharedState,
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
pub(crate) struct ContentItem<'a> {
    content_type: &'a str,
    content_id: &'a str,
    content_uri: String,
    content_created: String,
    content_expiration: String,
}

impl<'a> ContentItem<'a> {
    pub(crate) fn of(
        shared: &SharedState,
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
            content_created: format_time(blob.created),
            content_expiration: format_time(blob.expires),
        }
    }
}

/// An entry of a notification, as JSON.
pub(crate) fn notification_item(
    shared: &SharedState,
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
