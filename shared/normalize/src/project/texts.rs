//! Texts that 1.8.0 allows and older versions do not.

use super::attribute::AttributeKind;
use crate::version::OcsfVersion::{self, V1_1, V1_4, V1_8};

/// Longest string_t in characters, up to 1.3.0.
const STRING_MAX: usize = 65_535;

/// Longest file_hash_t in characters, up to 1.3.0.
const HASH_MAX: usize = 64;

/// Whether the version allows a text that 1.8.0 allows.
pub(super) fn fits(kind: &AttributeKind, text: &str, version: OcsfVersion) -> bool {
    match kind {
        AttributeKind::Email => version > V1_1 || is_plain_address(text),
        AttributeKind::Host => version >= V1_4 || is_host(text),
        AttributeKind::Hash if version < V1_4 => text.chars().count() <= HASH_MAX,
        AttributeKind::Hash => version >= V1_8 || is_hexadecimal(text),
        AttributeKind::Scalar | AttributeKind::Free | AttributeKind::Object(_) => true,
    }
}

/// Whether the text may be longer than the version allows. `raw` may hold escapes, which are longer than their
/// characters.
pub(super) fn is_long(raw: &str, version: OcsfVersion) -> bool {
    version < V1_4 && raw.len() > STRING_MAX
}

/// The beginning of a text, as much as a string_t holds.
pub(super) fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(STRING_MAX);
    end.map_or(text, |(end, _)| &text[..end])
}

/// Whether 1.1.0 allows the address; later versions allow more: `^[a-zA-Z0-9_.+-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+$`.
fn is_plain_address(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
    text.split_once('@')
        .is_some_and(|(local, _)| local.bytes().all(plain))
}

/// Whether it is a host name of labels with letters, digits and inner dashes, as in RFC 1123.
fn is_host(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.split('.').all(|label| {
        let ends = !label.starts_with('-') && !label.ends_with('-');
        !label.is_empty() && ends && label.bytes().all(inner)
    })
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::OcsfVersion::{V1_2, V1_3};

    #[track_caller]
    fn check(kind: AttributeKind, text: &str, version: OcsfVersion, expect: bool) {
        assert_eq!(fits(&kind, text, version), expect, "{text} in {version}");
    }

    #[test]
    fn the_first_version_allows_fewer_addresses() {
        for text in ["a.b+c_d-1@contoso.example", "a@b.c"] {
            check(AttributeKind::Email, text, V1_1, true);
        }
        for text in ["o'neil@contoso.example", "a=b@c.example", "a/b@c.example"] {
            check(AttributeKind::Email, text, V1_1, false);
            check(AttributeKind::Email, text, V1_2, true);
        }
    }

    #[test]
    fn host_names_are_checked_up_to_1_3() {
        for text in ["a", "mail-1.contoso.example", "000.000.1.212"] {
            check(AttributeKind::Host, text, V1_3, true);
        }
        for text in ["a_b", "-a.example", "a-.example", "a..b", "a.", "ä.example"] {
            check(AttributeKind::Host, text, V1_3, false);
            check(AttributeKind::Host, text, V1_4, true);
        }
    }

    #[test]
    fn hashes_are_limited_then_hexadecimal() {
        let long = "a".repeat(65);
        check(AttributeKind::Hash, &long, V1_3, false);
        check(AttributeKind::Hash, &long, V1_4, true);
        check(AttributeKind::Hash, "no hash", V1_3, true);
        check(AttributeKind::Hash, "no hash", V1_4, false);
        check(AttributeKind::Hash, "no hash", V1_8, true);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let text = "é".repeat(STRING_MAX + 1);
        assert!(is_long(&text, V1_3) && !is_long(&text, V1_4));
        assert_eq!(cut(&text).chars().count(), STRING_MAX);
        assert_eq!(cut("short"), "short");
    }
}
