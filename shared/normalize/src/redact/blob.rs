//! Redacts the elements of a content blob.

use super::names::may_hold;
use super::record::record;
use crate::json;

/// Replaces an element of a blob that cannot be parsed and may hold a secret. It is a JSON string, so it still counts
/// as malformed.
const ELEMENT_REDACTED: &[u8] = br#""[redacted: this was no JSON and may have held a secret]""#;

/// Returns an element of a content blob without its secrets, or `None` if it has none. Every byte that is not part of a
/// secret stays the same.
#[must_use]
pub fn redact_element(element: &[u8]) -> Option<Vec<u8>> {
    match json::parse(element) {
        Ok(tree) => record(element, tree.doc()),
        Err(_) => may_hold(element).then(|| ELEMENT_REDACTED.to_vec()),
    }
}

/// Whether bytes that are not a content blob may hold a secret. If so, they must not be stored where secrets are not
/// allowed.
#[must_use]
pub fn may_hold_secrets(bytes: &[u8]) -> bool {
    may_hold(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_keeps_all_but_its_secrets() {
        let clean = |element: &str| {
            redact_element(element.as_bytes()).map(|clean| String::from_utf8(clean).unwrap())
        };
        assert_eq!(clean("{\"a\": 1}"), None);
        assert_eq!(clean("12"), None);
        let redacted = "{\"Password\": \"[redacted]\"}";
        assert_eq!(clean("{\"Password\": \"x\"}").as_deref(), Some(redacted));
        assert_eq!(clean(redacted), None);
        let broken = "\"[redacted: this was no JSON and may have held a secret]\"";
        assert_eq!(clean("{\"Secret\" oops}").as_deref(), Some(broken));
        assert_eq!(clean(broken), None);
    }
}
