//! Reads the JSON that Microsoft sends, in the one way that every answer and every posted body is read.

use serde::{Deserialize, Deserializer};

/// U+FEFF in UTF-8. It was seen before the JSON of a listing, an error, a token and a blob (elastic/beats issue 44327,
/// microsoft-graph-docs issue 679); no JSON parser takes it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text without the byte order mark that may stand before it.
pub(crate) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Parses a JSON text that may begin with a byte order mark.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> serde_json::Result<T> {
    serde_json::from_slice(without_mark(text))
}

/// For serde: a text that decides nothing. Missing, null or of another type it counts as empty.
pub(crate) fn text_or_empty<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::String(text) => text,
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], expect: Option<u8>) {
        assert_eq!(parse(text).ok(), expect, "{text:?}");
    }

    #[test]
    fn one_byte_order_mark_is_skipped() {
        check(b"7", Some(7));
        check(b"\xef\xbb\xbf7", Some(7));
        check(b"\xef\xbb\xbf 7 ", Some(7));
        check(b"\xef\xbb\xbf", None);
        check(b"\xef\xbb\xbf\xef\xbb\xbf7", None);
        check(b"\xef\xbb7", None);
    }
}
