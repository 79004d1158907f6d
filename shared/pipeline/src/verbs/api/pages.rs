//! The pages for people: files that need no key, since whatever they show they ask of the API with the reader's.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};

/// The file at the path of a request, or that it is still the one that the browser has; `None` for another path or method.
pub(super) fn answer(request: &Request<Bytes>) -> Option<Response<Bytes>> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return None;
    }
    let asset = page::asset(request.uri().path())?;
    let known = request.headers().get_all(IF_NONE_MATCH).iter();
    let is_known = known
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(','))
        // A proxy that compresses makes a weak one of it.
        .any(|tag| tag.trim().trim_start_matches("W/") == asset.etag);
    let body = if is_known { &[][..] } else { asset.bytes };
    let mut response = Response::new(Bytes::from_static(body));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(ETAG, HeaderValue::from_static(asset.etag));
    // Asked for each time, so that after an update nobody has old modules beside new ones.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(page::CONTENT_SECURITY_POLICY),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: Method, path: &str, known: Option<&str>) -> Option<Response<Bytes>> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(known) = known {
            request = request.header(IF_NONE_MATCH, known);
        }
        answer(&request.body(Bytes::new()).unwrap())
    }

    #[test]
    fn a_page_comes_with_its_policy_and_no_key() {
        let shell = ask(Method::GET, "/", None).unwrap();
        assert_eq!(shell.status(), StatusCode::OK);
        assert!(shell.body().starts_with(b"<!doctype html>"));
        let policy = &shell.headers()[CONTENT_SECURITY_POLICY];
        assert!(policy.to_str().unwrap().starts_with("default-src 'none'"));
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let style = ask(Method::GET, "/assets/style.css", None).unwrap();
        let tag = style.headers()[ETAG].to_str().unwrap();
        for known in [tag, &format!("\"other\", W/{tag}")] {
            let again = ask(Method::GET, "/assets/style.css", Some(known)).unwrap();
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert!(again.body().is_empty());
        }
        let other = ask(Method::GET, "/assets/style.css", Some("\"other\"")).unwrap();
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn what_is_no_page_is_left_to_the_api() {
        assert!(ask(Method::GET, "/v1/tenants", None).is_none());
        assert!(ask(Method::GET, "/assets/none.js", None).is_none());
        assert!(ask(Method::POST, "/", None).is_none());
    }
}
