//! Which blobs there are: all pages of a window, every address checked.

use std::collections::HashSet;

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::address::{AllowedHosts, check_content_uri, check_next_page_uri};
use crate::error::{Error, Failure, Operation};
use crate::exchange::{Call, Reading};
use crate::notification::describe;
use crate::operations::unreadable;
use crate::{Client, Cloud, Content, ContentId, ContentType, TenantId, timestamp};

/// Widest window to ask for. Documented are 24 h, but exactly 24 h was refused (AF20055) in 2026.
pub const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(23);

/// Longest page read: 60,000 blobs. Nobody has seen a second page with thousands of operations in one.
const PAGE: Reading = Reading::Whole {
    body_bytes_max: 32 * 1024 * 1024,
};

/// Most pages followed of one window; Microsoft's page size is unknown, the smallest conceivable one gives 100,000 blobs.
const PAGES_MAX: usize = 1000;

/// Most blobs taken of one window: a busy tenant has some thousand a day. Beyond it, ask for a narrower window.
const CONTENTS_MAX: usize = 500_000;

/// Most reasons kept of elements that were refused; the rest is only counted.
const REJECTED_KEPT_MAX: usize = 100;

/// What a window holds.
#[derive(Debug, Clone, Default)]
pub struct ContentListing {
    /// The blobs, in Microsoft's order, each once.
    pub contents: Vec<Content>,
    /// Why elements were refused, the first hundred.
    pub rejected: Vec<Rejected>,
    /// How many elements were refused.
    pub rejected_count: usize,
    /// How many pages the listing had.
    pub pages: usize,
}

/// An element of a listing that is no blob of this subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a listed element was refused: {why}")]
pub struct Rejected {
    /// Its name, when it has a valid one.
    pub content_id: Option<ContentId>,
    /// What is wrong with it; quotes nothing of it.
    pub why: String,
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

impl Client {
    /// Lists the blobs that became available in `[start, end)`, all pages, in whole seconds (widened).
    ///
    /// # Errors
    /// [`crate::Disposition::Disabled`] when the subscription is missing or disabled. A window that is empty, or wider
    /// than [`WINDOW_MAX`], is refused without a call.
    pub async fn list_content(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_type: ContentType,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<ContentListing, Error> {
        let operation = Operation::ListContent;
        let fail = |failure| Error::new(operation, tenant, failure);
        if start >= end || end.duration_since(start) > WINDOW_MAX {
            let why = "the window must be longer than nothing and at most 23 hours".to_owned();
            return Err(fail(Failure::Misuse(why)));
        }
        let hosts = AllowedHosts::of_cloud(&self.config().endpoints, cloud);
        let (start, end) = (timestamp::query_floor(start), timestamp::query_ceil(end));
        let mut listing = ContentListing::default();
        let mut seen = HashSet::new();
        let mut pages_seen = HashSet::new();
        let mut page_token = String::new();
        loop {
            let mut query = vec![
                ("contentType", content_type.as_str()),
                ("startTime", start.as_str()),
                ("endTime", end.as_str()),
            ];
            if !page_token.is_empty() {
                query.push(("nextPage", page_token.as_str()));
            }
            let call = Call {
                operation,
                tenant,
                cloud,
                content_type: Some(content_type),
                method: Method::GET,
                url: self.url(operation, tenant, cloud, "subscriptions/content", &query)?,
                body: Bytes::new(),
            };
            let answer = self.perform(&call, PAGE).await?;
            listing.pages += 1;
            let page: Vec<&RawValue> = serde_json::from_slice(&answer.body)
                .map_err(|error| unreadable(operation, tenant, &error))?;
            for raw in page {
                match read(raw, tenant, content_type, &hosts) {
                    Ok(content) => {
                        if seen.insert(content.content_id.clone()) {
                            listing.contents.push(content);
                        }
                    }
                    Err(rejected) => listing.reject(rejected),
                }
            }
            let Some(next) =
                next_page(answer.head.response.headers(), tenant, &hosts).map_err(fail)?
            else {
                return Ok(listing);
            };
            let endless = listing.pages >= PAGES_MAX || listing.contents.len() > CONTENTS_MAX;
            if endless || !pages_seen.insert(next.clone()) {
                return Err(fail(Failure::Endless(listing.pages)));
            }
            page_token = next;
        }
    }
}

impl ContentListing {
    fn reject(&mut self, rejected: Rejected) {
        self.rejected_count += 1;
        if self.rejected.len() < REJECTED_KEPT_MAX {
            self.rejected.push(rejected);
        }
    }
}

fn read(
    raw: &RawValue,
    tenant: TenantId,
    content_type: ContentType,
    hosts: &AllowedHosts,
) -> Result<Content, Rejected> {
    let element: Element = serde_json::from_str(raw.get()).map_err(|error| Rejected {
        content_id: None,
        why: describe(&error),
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

/// The next page's token, decoded. The address itself is not used: the request is built anew from it.
fn next_page(
    headers: &HeaderMap,
    tenant: TenantId,
    hosts: &AllowedHosts,
) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("nextpageuri") else {
        return Ok(None);
    };
    let uri = value.as_bytes().trim_ascii();
    if uri.is_empty() {
        return Ok(None);
    }
    // Bytes that are not text become a character that the check refuses.
    let uri = String::from_utf8_lossy(uri);
    let token = check_next_page_uri(&uri, tenant, hosts)?;
    let pair = format!("t={token}");
    let decoded = url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, token)| token.into_owned());
    Ok(decoded)
}
