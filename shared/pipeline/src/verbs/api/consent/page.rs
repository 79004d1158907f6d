//! The pages that an administrator sees after Microsoft's consent page: what happened, and what to do.
//!
//! They need neither script nor style to be read. What came from outside is in them as text only ([`page::result_page`]).

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// Seconds until a page that waits loads again.
pub(super) const RELOAD_SECONDS: u32 = 10;

/// Browsers load a page again by this header, without a script.
const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) paragraphs: Vec<String>,
    /// A link: its text and where it leads, a path of ours.
    pub(super) action: Option<(&'static str, String)>,
    /// Whether the browser loads it again by itself.
    pub(super) reloads: bool,
}

impl Page {
    pub(super) fn new(
        status: StatusCode,
        title: &'static str,
        paragraphs: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            status,
            title,
            paragraphs: paragraphs.into_iter().map(Into::into).collect(),
            action: None,
            reloads: false,
        }
    }

    pub(super) fn with_link(mut self, label: &'static str, href: String) -> Self {
        self.action = Some((label, href));
        self
    }

    /// It loads again by itself.
    pub(super) fn reloading(mut self) -> Self {
        self.reloads = true;
        self
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        let paragraphs: Vec<&str> = self.paragraphs.iter().map(String::as_str).collect();
        let action = self
            .action
            .as_ref()
            .map(|(label, href)| (*label, href.as_str()));
        let text = page::result_page(self.title, &paragraphs, action);
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY),
            (CACHE_CONTROL, "no-store"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if self.reloads {
            headers.insert(REFRESH, HeaderValue::from(RELOAD_SECONDS));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_kept_nowhere_and_leads_nowhere() {
        let page = Page::new(StatusCode::ACCEPTED, "Waiting", ["Wait."]).reloading();
        let response = page.into_response();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("refresh"), "10");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert!(header("content-security-policy").starts_with("default-src 'none'"));
        let refused = Page::new(StatusCode::METHOD_NOT_ALLOWED, "No", ["No."]).into_response();
        assert_eq!(refused.headers()["allow"], "GET");
        assert!(!refused.headers().contains_key("refresh"));
    }
}
