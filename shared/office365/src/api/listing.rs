//! List the blobs that became available, and Microsoft's own attempts to notify the webhook.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::Client;
use super::pagination::Window;
use crate::names::{
    AllowedHosts, Cloud, Content, ContentId, ContentType, TenantId, check_content_uri, timestamp,
};
use crate::transport::sanitize::{json_error, sanitize};
use crate::transport::{Error, Operation};

/// Most refused elements that are kept; the others are only counted.
const REJECTED_KEPT_MAX: usize = 100;

/// Longest status of a sent notification that is kept. Only `success` is known.
const STATUS_CHARS_MAX: usize = 100;

/// The blobs that became available in a time window.
#[derive(Debug, Clone, Default)]
pub struct ContentListing {
    /// The blobs, in Microsoft's order, each once.
    pub contents: Vec<Content>,
    /// The first hundred elements that were refused.
    pub rejected: Vec<Rejected>,
    /// How many elements were refused.
    pub rejected_count: usize,
    /// How many pages the listing had.
    pub pages: usize,
}

/// A listed element that is no blob of this subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a listed element was refused: {why}")]
pub struct Rejected {
    /// Its id, if it has a valid one.
    pub content_id: Option<ContentId>,
    /// What is wrong with it. Quotes nothing of it.
    pub why: String,
}

/// One attempt of Microsoft's to call the webhook. For diagnosis: Microsoft lists them incompletely and in no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentNotification {
    /// The blob that was announced.
    pub content_id: ContentId,
    /// When the attempt was made.
    pub sent: Timestamp,
    /// `success`, or another, undocumented word.
    pub status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Element {
    content_type: ContentType,
    content_id: ContentId,
    content_uri: String,
    #[serde(deserialize_with = "timestamp::deserialize")]
    content_created: Timestamp,
    #[serde(deserialize_with = "timestamp::deserialize")]
    content_expiration: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentElement {
    content_id: ContentId,
    #[serde(deserialize_with = "timestamp::deserialize")]
    notification_sent: Timestamp,
    notification_status: String,
}

impl Client {
    /// Lists the blobs that became available in `[start, end)`, which is widened to whole seconds. All pages are read.
    ///
    /// # Errors
    /// [`crate::Disposition::Disabled`] when the subscription is missing or disabled. A window that is empty, or longer
    /// than [`crate::WINDOW_MAX`], is refused without a call.
    pub async fn list_content(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_type: ContentType,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<ContentListing, Error> {
        let operation = Operation::ListContent;
        let window = Window {
            operation,
            tenant,
            cloud,
            content_type,
            start,
            end,
        };
        let hosts = AllowedHosts::of_cloud(&self.config().endpoints, cloud);
        let mut listing = ContentListing::default();
        let mut seen = HashSet::new();
        let take = |raw: &RawValue| match read(raw, tenant, content_type, &hosts) {
            Ok(content) => {
                if seen.insert(content.content_id.clone()) {
                    listing.contents.push(content);
                }
            }
            Err(rejected) => {
                listing.rejected_count += 1;
                if listing.rejected.len() < REJECTED_KEPT_MAX {
                    listing.rejected.push(rejected);
                }
            }
        };
        let pages = self.each_listed(window, take).await?;
        listing.pages = pages;
        Ok(listing)
    }

    /// Lists Microsoft's attempts to call the webhook in `[start, end)`. Unreadable elements are left out.
    ///
    /// For diagnosis only. Empty if the subscription has no webhook.
    ///
    /// # Errors
    /// As for [`Client::list_content`].
    pub async fn list_notifications(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_type: ContentType,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<SentNotification>, Error> {
        let operation = Operation::ListNotifications;
        let window = Window {
            operation,
            tenant,
            cloud,
            content_type,
            start,
            end,
        };
        let mut found = Vec::new();
        let take = |raw: &RawValue| {
            if let Ok(element) = serde_json::from_str::<SentElement>(raw.get()) {
                found.push(SentNotification {
                    content_id: element.content_id,
                    sent: element.notification_sent,
                    status: sanitize(&element.notification_status, STATUS_CHARS_MAX, &[]),
                });
            }
        };
        self.each_listed(window, take).await?;
        Ok(found)
    }
}

/// A listed element as a blob of this subscription.
fn read(
    raw: &RawValue,
    tenant: TenantId,
    content_type: ContentType,
    hosts: &AllowedHosts,
) -> Result<Content, Rejected> {
    let element: Element = serde_json::from_str(raw.get()).map_err(|error| Rejected {
        content_id: None,
        why: json_error(&error),
    })?;
    let content_id = element.content_id;
    let why = if element.content_type != content_type {
        Some("it is of another content type".to_owned())
    } else {
        match check_content_uri(&element.content_uri, tenant, hosts) {
            Ok(id) if id == content_id => None,
            Ok(_) => Some("its contentUri and contentId differ".to_owned()),
            Err(hostile) => Some(hostile.to_string()),
        }
    };
    match why {
        None => Ok(Content {
            content_type,
            content_id,
            content_created: element.content_created,
            content_expiration: element.content_expiration,
        }),
        Some(why) => Err(Rejected {
            content_id: Some(content_id),
            why,
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::names::Endpoints;

    const DOCUMENTED: &str = r#"{"contentType":"Audit.SharePoint","contentId":"4926$f28a","contentUri":"https://manage.office.com/api/v1.0/41463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/4926$f28a","contentCreated":"2015-05-23T17:35:00.000Z","contentExpiration":"2015-05-30T17:35:00.000Z"}"#;

    fn listed(json: &str) -> Result<Content, Rejected> {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let tenant = "41463f53-8812-40f4-890f-865bf6e35190".parse().unwrap();
        let hosts = AllowedHosts::of_cloud(&Endpoints::default(), Cloud::Enterprise);
        read(raw, tenant, ContentType::AuditSharePoint, &hosts)
    }

    #[track_caller]
    fn check(from: &str, to: &str, expect: Option<&str>) {
        assert!(DOCUMENTED.contains(from));
        let found = listed(&DOCUMENTED.replacen(from, to, 1));
        assert_eq!(found.err().map(|rejected| rejected.why).as_deref(), expect);
    }

    #[test]
    fn an_element_is_accepted_only_when_all_of_it_fits() {
        check("SharePoint", "Sharepoint", None);
        check(
            "SharePoint",
            "General",
            Some("it is of another content type"),
        );
        check(
            "4926$f28a\"",
            "4926$f28b\"",
            Some("its contentUri and contentId differ"),
        );
        check(
            "office.com",
            "office.com.evil",
            Some("the address does not point to the tenant's management server"),
        );
        check(
            "\"contentCreated\"",
            "\"created\"",
            Some("missing field `contentCreated` at line 1 column 259"),
        );
    }

    proptest! {
        #[test]
        fn no_changed_element_panics(at in 0..DOCUMENTED.len(), insert in "[ -~]{0,4}") {
            let json = format!("{}{insert}{}", &DOCUMENTED[..at], &DOCUMENTED[at..]);
            if serde_json::from_str::<&RawValue>(&json).is_ok() {
                let _ = listed(&json);
            }
        }
    }
}
