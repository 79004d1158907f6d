//! The pages that an administrator sees after Microsoft's consent page: what happened, and what to do.
//!
//! They need neither script nor style to be read. What came from outside is in them as text only.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// Nothing is loaded or run but a stylesheet of our own; no form, no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
    /// A link: its text and where it leads.
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
        let text = result_page(self.title, &paragraphs, action);
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, POLICY),
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

/// A page with a title, paragraphs and a link, all of them as text.
fn result_page(title: &str, paragraphs: &[&str], action: Option<(&str, &str)>) -> String {
    let title = escape(title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title></head>\n<body><main>\n<h1>{title}</h1>\n"
    );
    for paragraph in paragraphs {
        page.push_str(&format!("<p>{}</p>\n", escape(paragraph)));
    }
    if let Some((label, href)) = action {
        let (label, href) = (escape(label), escape(href));
        page.push_str(&format!("<p><a href=\"{href}\">{label}</a></p>\n"));
    }
    page.push_str("</main></body>\n</html>\n");
    page
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

/// A name that somebody chose, for the middle of a sentence: without characters that act on the text around them, and apart from
/// it in its direction of writing.
pub(super) fn named(name: &str) -> String {
    let acts = |char: char| {
        char.is_control()
            || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}')
    };
    let plain: String = name
        .chars()
        .map(|char| if acts(char) { '\u{fffd}' } else { char })
        .collect();
    // First strong isolate, pop directional isolate.
    format!("\u{2068}{plain}\u{2069}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_a_page_is_text() {
        let evil = "<script>alert('1')</script>\"&";
        let page = result_page(evil, &[evil], Some((evil, evil)));
        let text = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;";
        assert_eq!(page.matches(text).count(), 5, "{page}");
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn a_name_acts_on_nothing_around_it() {
        assert_eq!(named("Contoso"), "\u{2068}Contoso\u{2069}");
        assert_eq!(
            named("a\u{202e}b\u{2069}c\nd"),
            "\u{2068}a\u{fffd}b\u{fffd}c\u{fffd}d\u{2069}"
        );
    }

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
