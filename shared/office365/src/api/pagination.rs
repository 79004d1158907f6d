//! Reads a listing page by page, within bounds.

use std::collections::HashSet;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::client::Client;
use super::listing::{ContentListing, Expected};
use super::request::Reading;
use crate::names::{
    AllowedHosts, Cloud, ContentId, ContentType, TenantId, check_next_page_uri, timestamp,
};
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

/// The pages of a listing, each read when it is asked for. What a page gave stays good when the next cannot be read.
pub struct ContentPages {
    client: Client,
    cloud: Cloud,
    start: Timestamp,
    end: Timestamp,
    expected: Expected,
    next: NextPage,
    pages: usize,
    elements: usize,
    tokens_seen: HashSet<String>,
    blobs_seen: HashSet<ContentId>,
}

enum NextPage {
    First,
    Token(String),
    /// The last page named a next one that cannot be asked for.
    Refused(Failure),
    None,
}

impl Client {
    /// The blobs that became available in `[start, end)`, which is widened to whole seconds. Nothing is sent yet.
    #[must_use]
    pub fn content_pages(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_type: ContentType,
        start: Timestamp,
        end: Timestamp,
    ) -> ContentPages {
        ContentPages {
            client: self.clone(),
            cloud,
            start,
            end,
            expected: Expected {
                tenant,
                content_type,
                hosts: AllowedHosts::of_cloud(&self.config().endpoints, cloud),
            },
            next: NextPage::First,
            pages: 0,
            elements: 0,
            tokens_seen: HashSet::new(),
            blobs_seen: HashSet::new(),
        }
    }
}

impl ContentPages {
    /// The next page; `None` after the last. After an error the same page may be asked for again.
    ///
    /// # Errors
    /// [`crate::Disposition::Disabled`] when the subscription is missing or disabled. A window that is empty, or longer
    /// than [`crate::WINDOW_MAX`], is refused without a call. A listing that repeats itself or has no end, and a next page
    /// whose address is not Microsoft's, are errors of the call after the last good page, and stay.
    pub async fn next(&mut self) -> Result<Option<ContentListing>, Error> {
        let token = match &self.next {
            NextPage::First => None,
            NextPage::Token(token) => Some(token.as_str()),
            NextPage::Refused(failure) => return Err(self.fail(failure.clone())),
            NextPage::None => return Ok(None),
        };
        if self.start >= self.end || self.end.duration_since(self.start) > WINDOW_MAX {
            let why = "the window must be longer than nothing and at most 23 hours".to_owned();
            return Err(self.fail(Failure::Misuse(why)));
        }
        let (start, end) = (
            timestamp::query_floor(self.start),
            timestamp::query_ceil(self.end),
        );
        let Expected {
            tenant,
            content_type,
            ..
        } = self.expected;
        let mut query = vec![
            ("contentType", content_type.as_str()),
            ("startTime", start.as_str()),
            ("endTime", end.as_str()),
        ];
        query.extend(token.map(|token| ("nextPage", token)));
        let request = self.client.request(
            Operation::ListContent,
            tenant,
            self.cloud,
            Some(content_type),
            "subscriptions/content",
            &query,
        )?;
        let answer = self.client.perform(&request, PAGE).await?;
        let page: Vec<&RawValue> = request.parse(&answer.body)?;
        self.pages += 1;
        self.elements += page.len();
        let mut listing = ContentListing::default();
        for element in page {
            listing.take(element, &self.expected, &mut self.blobs_seen);
        }
        self.next = self.after(answer.response.headers());
        Ok(Some(listing))
    }

    /// What follows a page with these headers.
    fn after(&mut self, headers: &HeaderMap) -> NextPage {
        let token = match next_page(headers, &self.expected) {
            Ok(Some(token)) => token,
            Ok(None) => return NextPage::None,
            Err(failure) => return NextPage::Refused(failure),
        };
        let endless = self.pages >= PAGES_MAX
            || self.elements > ELEMENTS_MAX
            || !self.tokens_seen.insert(token.clone());
        if endless {
            NextPage::Refused(Failure::Endless(self.pages))
        } else {
            NextPage::Token(token)
        }
    }

    fn fail(&self, failure: Failure) -> Error {
        Error::new(Operation::ListContent, self.expected.tenant, failure)
    }
}

impl std::fmt::Debug for ContentPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentPages")
            .field("expected", &self.expected)
            .field("pages", &self.pages)
            .field("elements", &self.elements)
            .finish_non_exhaustive()
    }
}

/// The token of the next page, decoded. The address itself is not used: the next request is built from the token.
fn next_page(headers: &HeaderMap, expected: &Expected) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("nextpageuri") else {
        return Ok(None);
    };
    let uri = value.as_bytes().trim_ascii();
    // The end is mostly a missing header, but "null" was seen as well.
    if uri.is_empty() || uri.eq_ignore_ascii_case(b"null") {
        return Ok(None);
    }
    // Bytes that are not UTF-8 become a character that the check refuses.
    let uri = String::from_utf8_lossy(uri);
    let token = check_next_page_uri(&uri, expected.tenant, &expected.hosts)?;
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

    fn read(value: Option<HeaderValue>) -> Result<Option<String>, Failure> {
        let mut headers = HeaderMap::new();
        headers.extend(value.map(|value| (http::HeaderName::from_static("nextpageuri"), value)));
        let expected = Expected {
            tenant: "41463f53-8812-40f4-890f-865bf6e35190".parse().unwrap(),
            content_type: ContentType::AuditGeneral,
            hosts: AllowedHosts::of_cloud(&Endpoints::default(), Cloud::Enterprise),
        };
        next_page(&headers, &expected)
    }

    #[test]
    fn a_page_token_is_decoded_once() {
        let uri = "https://manage.office.com/api/v1/41463f53-8812-40f4-890f-865bf6e35190/activity/feed/subscriptions/content?nextPage=a%2Bb%26c%2525";
        let found = read(Some(HeaderValue::from_static(uri)));
        assert_eq!(found, Ok(Some("a+b&c%25".to_owned())));
    }

    #[test]
    fn no_address_in_any_spelling_is_the_end() {
        assert_eq!(read(None), Ok(None));
        for end in ["", " ", "null", "NULL", "Null", " null "] {
            assert_eq!(read(Some(HeaderValue::from_static(end))), Ok(None), "{end}");
        }
        assert!(read(Some(HeaderValue::from_static("none"))).is_err());
    }

    proptest! {
        #[test]
        fn no_header_panics(bytes in prop::collection::vec(32_u8..=255, 0..100)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let text = bytes.trim_ascii();
                let end = text.is_empty() || text.eq_ignore_ascii_case(b"null");
                prop_assert_eq!(read(Some(value)) == Ok(None), end);
            }
        }
    }
}
