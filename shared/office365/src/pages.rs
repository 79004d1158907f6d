//! Listings of a time window: all pages, within bounds.

use std::collections::HashSet;

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use crate::address::{AllowedHosts, check_next_page_uri};
use crate::error::{Error, Failure, Operation};
use crate::exchange::{Call, Reading};
use crate::operations::unreadable;
use crate::{Client, Cloud, ContentType, TenantId, timestamp};

/// Widest window to ask for. Documented are 24 h, but exactly 24 h was refused (AF20055) in 2026.
pub const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(23);

/// Longest page read: 60,000 blobs. Nobody has seen a second page with thousands of operations in one.
const PAGE: Reading = Reading::Whole {
    body_bytes_max: 32 * 1024 * 1024,
};

/// Most pages followed of one window; Microsoft's page size is unknown, but 100 would still make 100,000 blobs.
const PAGES_MAX: usize = 1000;

/// Most elements taken of one window: a busy tenant has some thousand a day. Beyond it, ask for a narrower window.
const ELEMENTS_MAX: usize = 500_000;

/// What to list.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) operation: Operation,
    pub(crate) tenant: TenantId,
    pub(crate) cloud: Cloud,
    pub(crate) content_type: ContentType,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Window {
    fn fail(&self, failure: Failure) -> Error {
        Error::new(self.operation, self.tenant, failure)
    }

    fn path(&self) -> &'static str {
        match self.operation {
            Operation::ListNotifications => "subscriptions/notifications",
            _ => "subscriptions/content",
        }
    }
}

impl Client {
    /// Lists a window and gives each element to `take`, in Microsoft's order; gives the number of pages.
    ///
    /// After an error what was taken is incomplete. The window is widened to whole seconds.
    pub(crate) async fn each_listed(
        &self,
        window: Window,
        mut take: impl FnMut(&RawValue),
    ) -> Result<usize, Error> {
        let Window {
            operation,
            tenant,
            cloud,
            content_type,
            start,
            end,
        } = window;
        if start >= end || end.duration_since(start) > WINDOW_MAX {
            let why = "the window must be longer than nothing and at most 23 hours".to_owned();
            return Err(window.fail(Failure::Misuse(why)));
        }
        let hosts = AllowedHosts::of_cloud(&self.config().endpoints, cloud);
        let (start, end) = (timestamp::query_floor(start), timestamp::query_ceil(end));
        let mut elements = 0;
        let mut tokens_seen = HashSet::new();
        let mut page_token = None;
        for pages in 1..=PAGES_MAX {
            let mut query = vec![
                ("contentType", content_type.as_str()),
                ("startTime", start.as_str()),
                ("endTime", end.as_str()),
            ];
            query.extend(page_token.as_deref().map(|token| ("nextPage", token)));
            let call = Call {
                operation,
                tenant,
                cloud,
                content_type: Some(content_type),
                method: Method::GET,
                url: self.url(operation, tenant, cloud, window.path(), &query)?,
                body: Bytes::new(),
            };
            let answer = self.perform(&call, PAGE).await?;
            let page: Vec<&RawValue> = serde_json::from_slice(&answer.body)
                .map_err(|error| unreadable(operation, tenant, &error))?;
            elements += page.len();
            page.into_iter().for_each(&mut take);
            let next = next_page(answer.head.response.headers(), tenant, &hosts);
            let Some(next) = next.map_err(|failure| window.fail(failure))? else {
                return Ok(pages);
            };
            if elements > ELEMENTS_MAX || !tokens_seen.insert(next.clone()) {
                return Err(window.fail(Failure::Endless(pages)));
            }
            page_token = Some(next);
        }
        Err(window.fail(Failure::Endless(PAGES_MAX)))
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::Endpoints;

    fn read(value: HeaderValue) -> Result<Option<String>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert("nextpageuri", value);
        let tenant = "41463f53-8812-40f4-890f-865bf6e35190".parse().unwrap();
        let hosts = AllowedHosts::of_cloud(&Endpoints::default(), Cloud::Enterprise);
        next_page(&headers, tenant, &hosts)
    }

    #[test]
    fn a_page_token_is_decoded_once() {
        let uri = "https://manage.office.com/api/v1/41463f53-8812-40f4-890f-865bf6e35190/activity/feed/subscriptions/content?nextPage=a%2Bb%26c%2525";
        assert_eq!(
            read(HeaderValue::from_static(uri)),
            Ok(Some("a+b&c%25".to_owned()))
        );
        assert_eq!(read(HeaderValue::from_static(" ")), Ok(None));
        assert_eq!(
            next_page(
                &HeaderMap::new(),
                "41463f53-8812-40f4-890f-865bf6e35190".parse().unwrap(),
                &AllowedHosts::of_any_cloud(&Endpoints::default())
            ),
            Ok(None)
        );
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(bytes in prop::collection::vec(32_u8..=255, 0..100)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let blank = bytes.trim_ascii().is_empty();
                prop_assert_eq!(read(value) == Ok(None), blank);
            }
        }
    }
}
