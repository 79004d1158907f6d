//! A content blob without the secrets of its records.

use super::names::may_hold;
use super::record::record;
use crate::json::{self, offset};
use bytes::Bytes;
use records::{SplitError, split};

/// What stands in the place of an element of a blob that cannot be taken apart and may hold a secret. A JSON string: it
/// counts as malformed, as the element did.
const ELEMENT_REDACTED: &[u8] = br#""[redacted: this was no JSON and may have held a secret]""#;

/// A content blob without the secrets of its records, or `None` when it has none. It is an array of as many elements; what is no
/// secret has not changed by a byte.
///
/// # Errors
/// A body that is not one whole JSON array, see [`SplitError`].
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

/// Whether bytes that are no content blob may hold a secret: then they are not to be kept where secrets are not.
#[must_use]
pub fn may_hold_secrets(bytes: &[u8]) -> bool {
    may_hold(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_keeps_its_elements_and_their_spaces() {
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
