//! Reads all pages of a listing, within bounds.

use std::collections::HashSet;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::client::Client;
use super::request::Reading;
use crate::names::{AllowedHosts, Cloud, ContentType, TenantId, check_next_page_uri, timestamp};
use crate::transport::{Error, Failure, Operation};

/// Longest window of one listing. 24 h are documented, but exactly 24 h were refused (AF20055) in 2026.
pub const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(23);

/// Longest page read: some 60,000 blobs.
const PAGE: Reading = Reading::Whole {
    body_bytes_max: 32 * 1024 * 1024,
};

/// Most pages read of one window. Microsoft's page size is unknown; were it only 100 blobs, this would be 100,000.
const PAGES_MAX: usize = 1000;

/// Most elements read of one window. A busy tenant has some thousand a day.
const ELEMENTS_MAX: usize = 500_000;

/// A listing operation and the time window it asks for.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) operation: Operation,
    pub(super) tenant: TenantId,
    pub(super) cloud: Cloud,
    pub(super) content_type: ContentType,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
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
    /// Lists a window, which is widened to whole seconds, and calls `take` with each element in Microsoft's order. Returns
    /// the number of pages. After an error, `take` has seen only a part.
    pub(super) async fn each_listed(
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
            let request = self.request(
                operation,
                tenant,
                cloud,
                Some(content_type),
                window.path(),
                &query,
            )?;
            let answer = self.perform(&request, PAGE).await?;
            let page: Vec<&RawValue> = request.parse(&answer.body)?;
            elements += page.len();
            page.into_iter().for_each(&mut take);
            let next = next_page(answer.response.headers(), tenant, &hosts);
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

/// The token of the next page, decoded. The address itself is not used: the next request is built from the token.
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
    // Bytes that are not UTF-8 become a character that the check refuses.
    let uri = String::from_utf8_lossy(uri);
    let token = check_next_page_uri(&uri, tenant, hosts)?;
    // The parser of whole queries is the one at hand that decodes percent signs and pluses.
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
    use crate::names::Endpoints;

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
        fn no_header_panics(bytes in prop::collection::vec(32_u8..=255, 0..100)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let blank = bytes.trim_ascii().is_empty();
                prop_assert_eq!(read(value) == Ok(None), blank);
            }
        }
    }
}
