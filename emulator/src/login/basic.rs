//! The id and the secret of a client in the header `Authorization` (RFC 6749, section 2.3.1: `client_secret_basic`).

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use url::form_urlencoded;

use super::error::LoginError;

/// Whether the client authenticates by this header.
pub(super) fn is_used(headers: &HeaderMap) -> bool {
    credentials(headers).is_some()
}

/// Puts the id and the secret of the header into the form, where they stand otherwise.
pub(super) fn merge(
    headers: &HeaderMap,
    form: &mut HashMap<String, String>,
) -> Result<(), LoginError> {
    let Some(credentials) = credentials(headers) else {
        return Ok(());
    };
    let (client_id, secret) = decode(credentials).ok_or_else(|| {
        refused("The 'Authorization' header does not hold a client id and a client secret.")
    })?;
    if ["client_secret", "client_assertion"]
        .iter()
        .any(|name| form.contains_key(*name))
    {
        return Err(refused(
            "The request must use one method to authenticate the client, not several.",
        ));
    }
    if form.get("client_id").is_some_and(|id| *id != client_id) {
        return Err(refused(
            "The client ids in the 'Authorization' header and in the request body differ.",
        ));
    }
    form.insert("client_id".to_owned(), client_id);
    form.insert("client_secret".to_owned(), secret);
    Ok(())
}

fn refused(text: &str) -> LoginError {
    LoginError::new(400, "invalid_request", 90_014, text)
}

fn credentials(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then_some(credentials.trim())
}

fn decode(credentials: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (client_id, secret) = text.split_once(':')?;
    Some((form_decoded(client_id), form_decoded(secret)))
}

/// Both are encoded as in a form before they are joined, since an id may hold a colon.
fn form_decoded(text: &str) -> String {
    let pair = format!("v={}", text.replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<(&str, &str)>) {
        let expect = expect.map(|(id, secret)| (id.to_owned(), secret.to_owned()));
        assert_eq!(decode(&STANDARD.encode(text)), expect, "{text}");
    }

    #[test]
    fn id_and_secret_are_form_encoded() {
        check("an-id:a~secret", Some(("an-id", "a~secret")));
        check("a%3Ab:c%2Bd+e%25", Some(("a:b", "c+d e%")));
        check("id:with:colons&more=x", Some(("id", "with:colons&more=x")));
        check("id:", Some(("id", "")));
        check("no colon", None);
        assert_eq!(decode("not base64!"), None);
    }
}
