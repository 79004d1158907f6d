//! Redacts the records of a content blob.

use super::names::may_hold;
use super::record::record;
use crate::json::{self, offset};
use bytes::Bytes;
use records::{SplitError, split};

/// Replaces an element of a blob that cannot be parsed and may hold a secret. It is a JSON string, so it still counts
/// as malformed.
const ELEMENT_REDACTED: &[u8] = br#""[redacted: this was no JSON and may have held a secret]""#;

/// Returns a content blob without the secrets of its records, or `None` if it has none. The number of elements stays
/// the same, and so does every byte that is not part of a secret.
///
/// # Errors
/// A body that is not a complete JSON array, see [`SplitError`].
pub fn redact(body: &Bytes) -> Result<Option<Bytes>, SplitError> {
    let mut out: Option<Vec<u8>> = None;
    let mut done = 0;
    for element in split(body)? {
        let clean = match json::parse(&element) {
            Ok(tree) => record(&element, tree.doc()),
            Err(_) => may_hold(&element).then(|| ELEMENT_REDACTED.to_vec()),
        };
        let Some(clean) = clean else { continue };
        let start = offset(body, &element);
        let out = out.get_or_insert_with(|| Vec::with_capacity(body.len()));
        out.extend_from_slice(&body[done..start]);
        out.extend_from_slice(&clean);
        done = start + element.len();
    }
    if let Some(out) = &mut out {
        out.extend_from_slice(&body[done..]);
    }
    Ok(out.map(Bytes::from))
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
    fn a_blob_keeps_its_elements_and_white_space() {
        let body = "\u{feff}[ {\"a\":1} ,\n{\"Password\":\"x\"},{\"Secret\" oops}, 12 ]\n".into();
        let new = redact(&body).unwrap().unwrap();
        let expect = "\u{feff}[ {\"a\":1} ,\n{\"Password\":\"[redacted]\"},\"[redacted: this was no JSON and may have held a secret]\", 12 ]\n";
        assert_eq!(new, expect);
        assert_eq!(split(&new).unwrap().len(), split(&body).unwrap().len());
        assert_eq!(redact(&new), Ok(None));
        let cut = "[{\"a\":1}, {]".into();
        assert_eq!(redact(&cut), Err(split(&cut).unwrap_err()));
    }
}
