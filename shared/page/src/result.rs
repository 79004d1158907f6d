//! A plain page that says one thing, for somebody who has never heard of us: what the consent callback answers.

use std::fmt::Write as _;

/// A page with a heading, paragraphs, and at most one link: its label, and its address, which is `https://…` or a path of
/// ours; others are left out. All of it may come from outside: it is shown as text, with marks that turn the direction of
/// text and control characters as what they are.
#[must_use]
pub fn result_page(title: &str, paragraphs: &[&str], action: Option<(&str, &str)>) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>",
    );
    escape(title, &mut page);
    page.push_str(
        "</title>\n<link rel=\"icon\" href=\"/assets/favicon.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"/assets/style.css\">\n</head>\n<body>\n<main class=\"page narrow result\">\n\
         <p class=\"brand\">ualstream</p>\n<h1><bdi>",
    );
    escape(title, &mut page);
    page.push_str("</bdi></h1>\n");
    for paragraph in paragraphs {
        page.push_str("<p><bdi>");
        escape(paragraph, &mut page);
        page.push_str("</bdi></p>\n");
    }
    if let Some((label, href)) = action
        && is_safe(href)
    {
        page.push_str("<p class=\"buttons\"><a class=\"button primary\" href=\"");
        escape(href, &mut page);
        page.push_str("\">");
        escape(label, &mut page);
        page.push_str("</a></p>\n");
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// `//host` would be another's address, and so would `/\host`.
fn is_safe(href: &str) -> bool {
    let is_path = href.starts_with('/') && !href.starts_with("//") && !href.contains('\\');
    is_path || href.starts_with("https://")
}

fn escape(text: &str, page: &mut String) {
    for char in text.chars() {
        match char {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            _ if char.is_control() || turns_direction(char) => {
                // Writing to a String cannot fail.
                let _ = write!(page, "⟨U+{:04X}⟩", u32::from(char));
            }
            _ => page.push(char),
        }
    }
}

/// Marks that are not seen, and change what is.
fn turns_direction(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_on_the_page() {
        let page = result_page(
            "Consent was given",
            &["Contoso is registered.", "You may close this page."],
            Some(("Open ualstream", "/#/tenants/1")),
        );
        assert!(page.contains("<title>Consent was given</title>"));
        assert!(page.contains("<p><bdi>You may close this page.</bdi></p>"));
        assert!(page.contains("href=\"/#/tenants/1\">Open ualstream</a>"));
        assert!(!page.contains("<script"));
    }

    #[test]
    fn markup_from_outside_is_text() {
        let hostile = "<img src=x onerror=\"alert('1')\">&\u{202e}\u{7}";
        let page = result_page(
            hostile,
            &[hostile],
            Some((hostile, "https://x.example/\"><script>")),
        );
        assert!(!page.contains("<img") && !page.contains("<script") && !page.contains('\u{202e}'));
        let shown = "&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;⟨U+202E⟩⟨U+0007⟩";
        assert_eq!(page.matches(shown).count(), 4);
    }

    #[test]
    fn a_link_leads_to_us_or_over_https() {
        let check = |href, expect: bool| {
            let page = result_page("Title", &[], Some(("Go", href)));
            assert_eq!(page.contains("class=\"button"), expect, "{href}");
        };
        check("/", true);
        check("https://entra.microsoft.com/", true);
        check("javascript:alert(1)", false);
        check("http://plain.example/", false);
        check("//other.example/", false);
        check("/\\other.example/", false);
    }
}
