//! ETags: `If-None-Match` on what is read, `If-Match` on what is changed.
//!
//! The ETag of a tenant has two parts, `"{registration}.{answer}"`. The second is another one whenever anything in the answer
//! is, so `If-None-Match` compares all of it. The first is another one only when somebody has changed the tenant, and that is
//! what `If-Match` compares: that a blob has arrived meanwhile is no reason to refuse a change.

use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::response::empty_response;
use crate::store::ledger::registry::Tenant;

/// Bytes of a hash in a tag: 96 bits do not meet by chance.
const TAG_BYTES: usize = 12;

/// Tags in one header that are looked at: somebody who knows more versions than that gets the whole answer.
const TAGS_MAX: usize = 20;

/// Tags what people have said of a tenant.
pub(in crate::verbs::api) fn registration(tenant: &Tenant) -> String {
    let types: Vec<&str> = tenant.content_types.iter().map(|of| of.as_str()).collect();
    let cloud = tenant.cloud.to_string();
    let parts = [
        &tenant.name,
        &cloud,
        &types.join(" "),
        tenant.state.as_str(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..TAG_BYTES])
}

/// Tags an answer, of a tenant or of anything else.
pub(in crate::verbs::api) fn tagged(
    mut response: Response<Bytes>,
    registration: Option<&str>,
) -> Response<Bytes> {
    let hash = hex::encode(&Sha256::digest(response.body())[..TAG_BYTES]);
    let tag = match registration {
        None => format!("\"{hash}\""),
        Some(registration) => format!("\"{registration}.{hash}\""),
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The answer, or 304 when whoever asks has it already.
pub(in crate::verbs::api) fn unless_known(
    headers: &HeaderMap,
    response: Response<Bytes>,
) -> Response<Bytes> {
    let tag = response.headers().get(ETAG);
    let tag = tag.filter(|_| response.status() == StatusCode::OK);
    let (Some(tag), Some(known)) = (tag, headers.get(IF_NONE_MATCH)) else {
        return response;
    };
    let text = tag.to_str().unwrap_or_default();
    if !tags(known).any(|known| known == "*" || known == text) {
        return response;
    }
    let mut unchanged = empty_response(StatusCode::NOT_MODIFIED);
    unchanged.headers_mut().insert(ETAG, tag.clone());
    unchanged
}

/// Whether the registration is still one of those that whoever asks has seen.
pub(in crate::verbs::api) fn is_unchanged(seen: &HeaderValue, tenant: &Tenant) -> bool {
    let now = registration(tenant);
    let part = |tag: &str| tag.trim_matches('"').split('.').next() == Some(&now);
    tags(seen).any(|tag| tag == "*" || part(tag))
}

/// The tags of a header. Some proxies make a strong tag a weak one, which says the same here.
fn tags(header: &HeaderValue) -> impl Iterator<Item = &str> {
    let text = header.to_str().unwrap_or_default();
    let each = text.split(',').map(str::trim).take(TAGS_MAX);
    each.map(|tag| tag.strip_prefix("W/").unwrap_or(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_not_sent_again() {
        let response = || tagged(Response::new(Bytes::from("a")), Some("reg"));
        let tag = response().headers()[ETAG].to_str().unwrap().to_owned();
        assert!(tag.starts_with("\"reg."));
        let status = |known: &str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, known.parse().unwrap())]);
            unless_known(&headers, response()).status().as_u16()
        };
        assert_eq!(status(&tag), 304);
        assert_eq!(status(&format!("\"x\", W/{tag}")), 304);
        assert_eq!(status("*"), 304);
        assert_eq!(status("\"reg.x\""), 200);
        assert_eq!(status(""), 200);
    }
}
