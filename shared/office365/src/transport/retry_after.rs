//! How long Microsoft asks to wait: in a header, or in the words of an error.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::Timestamp;

/// Longest wait that is believed: the longest that Microsoft was seen to mean, between two starts. A longer one, said once
/// by mistake, would keep a tenant's content back long after the mistake.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// The wait in `Retry-After`, as seconds or as a date. A date is measured against the answer's own clock, so that this
/// machine's may be wrong.
pub(super) fn in_headers(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = http_date(value)?;
            let now = server_date(headers).unwrap_or(now);
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(WAIT_MAX))
}

/// The server's clock, from the header `Date`.
pub(super) fn server_date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text)
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// The wait in "Please retry again after 14m 56s". AF50000's "retry the request again in an hour" is no wait: the same error
/// comes with either text, and the next request may succeed.
pub(super) fn in_text(text: &str) -> Option<Duration> {
    let lower = text.to_ascii_lowercase();
    let at = lower.find("retry")?;
    let (_, tail) = lower[at..].split_once("after ")?;
    let mut seconds: u64 = 0;
    let mut found = false;
    for word in tail.split_ascii_whitespace().take(3) {
        let word = word.trim_end_matches(['.', ',']);
        let Some((number, unit)) = split_unit(word) else {
            break;
        };
        let factor = match unit {
            "h" => 60 * 60,
            "m" => 60,
            "s" => 1,
            _ => break,
        };
        seconds = seconds.saturating_add(number.saturating_mul(factor));
        found = true;
    }
    found.then(|| Duration::from_secs(seconds).min(WAIT_MAX))
}

/// `14m` -> (14, `m`)
fn split_unit(word: &str) -> Option<(u64, &str)> {
    let at = word.find(|c: char| !c.is_ascii_digit())?;
    Some((word[..at].parse().ok()?, &word[at..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_header(value: &str, expect_seconds: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        headers.insert(DATE, "Wed, 01 Jul 2026 10:00:00 GMT".parse().unwrap());
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            in_headers(&headers, now),
            expect_seconds.map(Duration::from_secs),
            "{value:?}"
        );
    }

    #[test]
    fn a_header_is_read_as_seconds_and_as_date_and_bounded() {
        check_header("17", Some(17));
        check_header("Wed, 01 Jul 2026 10:01:00 GMT", Some(60));
        check_header("Wed, 01 Jul 2026 09:00:00 GMT", Some(0));
        check_header("999999999999", Some(WAIT_MAX.as_secs()));
        check_header("soon", None);
        check_header("-5", None);
    }

    #[track_caller]
    fn check(text: &str, expect_seconds: Option<u64>) {
        assert_eq!(
            in_text(text),
            expect_seconds.map(Duration::from_secs),
            "{text:?}"
        );
    }

    #[test]
    fn a_wait_in_words_is_read() {
        check(
            "Too many frequent subscription start requests. Please retry again after 14m 56s",
            Some(896),
        );
        check(
            "Too many frequent subscription start requests. Please retry again after 14m 56s.",
            Some(896),
        );
        check("Please retry again after 59s", Some(59));
        check("Please retry again after 1h 0m 1s", Some(900));
        check("Please retry again after 0h 10m 1s", Some(601));
        check(
            "Please retry the request again in an hour. We have been notified and would be resolved soon.",
            None,
        );
        check("Please retry after some time", None);
        check("The subscription was disabled.", None);
        check("retry after 99999999999999999999999h", None);
        check("retry after 9999999999999999999h", Some(WAIT_MAX.as_secs()));
    }

    proptest! {
        #[test]
        fn no_text_panics_or_gives_an_endless_wait(text in "(retry|after|in an hour|[0-9]{0,25}[hms.]| ){0,12}") {
            prop_assert!(in_text(&text).is_none_or(|wait| wait <= WAIT_MAX));
        }
    }
}
