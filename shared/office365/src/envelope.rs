//! Error answers of the API and of the token endpoint: found in any body, decided by code.

use std::time::Duration;

use serde::Deserialize;

use crate::error::{Disposition, Failure, Operation};

/// Longest part of Microsoft's text that is kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// Longest code that is kept: real ones have 7 to 13 characters, the one of a tenant without auditing over 200.
const CODE_CHARS_MAX: usize = 40;

/// Wait after a webhook was refused: Microsoft asks for 15 minutes between starts, failed ones included.
const START_COOL_DOWN: Duration = Duration::from_secs(15 * 60);

/// Longest wait taken from an answer. More would outlast every lease; content lives 7 days.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// `{"error":{"code":"AF…","message":"…"}}` of the API, `{"error":"…","error_description":"AADSTS…: …"}` of Entra.
#[derive(Deserialize, Default)]
struct Envelope {
    #[serde(default)]
    error: Option<ErrorField>,
    #[serde(default)]
    error_description: Option<String>,
    /// ASP.NET's own errors: `{"Message":"An error has occurred."}`.
    #[serde(default, alias = "Message")]
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorField {
    Api {
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        message: Option<String>,
    },
    Entra(String),
    Other(serde::de::IgnoredAny),
}

/// Reads an error answer: code and text, whatever the body is.
///
/// `secrets` are cut out of the text, should a gateway echo the request.
pub(crate) fn read(
    operation: Operation,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
    secrets: &[&str],
) -> Failure {
    let envelope: Envelope = serde_json::from_slice(body).unwrap_or_default();
    let (code, message) = match envelope.error {
        Some(ErrorField::Api { code, message }) => (code, message),
        Some(ErrorField::Entra(error)) => {
            let description = envelope.error_description.unwrap_or_default();
            match aadsts(&description) {
                // The code is said once.
                Some((code, text)) => (Some(code), Some(text)),
                None => (Some(error), Some(description)),
            }
        }
        Some(ErrorField::Other(_)) | None => (None, envelope.message),
    };
    let raw = code.is_none() && message.is_none();
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let html = raw && message.trim_start().starts_with('<');
    let text = format!("{} {message}", code.as_deref().unwrap_or_default());
    let disposition = match operation {
        Operation::Token => decide_token(status, code.as_deref(), &text),
        _ => decide(operation, status, code.as_deref(), &text, html),
    };
    let disposition = match disposition {
        Disposition::Retry { after } => Disposition::Retry {
            after: longest(after, retry_after),
        },
        other => other,
    };
    Failure::Answered {
        status,
        code: code.map(|code| clean(&code, CODE_CHARS_MAX, secrets)),
        message: clean(&message, MESSAGE_CHARS_MAX, secrets),
        disposition,
    }
}

/// `AADSTS700016` and the rest out of `AADSTS700016: Application with identifier …`.
fn aadsts(description: &str) -> Option<(String, String)> {
    let (code, text) = description.split_once(':')?;
    let digits = code.strip_prefix("AADSTS")?;
    let is_code = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then(|| (code.to_owned(), text.trim_start().to_owned()))
}

/// The API's codes; the status counts only where there is no code, since many codes come with several.
fn decide(
    operation: Operation,
    status: u16,
    code: Option<&str>,
    text: &str,
    html: bool,
) -> Disposition {
    let wait = wait_in(text);
    match code {
        Some("AF10001") => Disposition::Consent,
        Some("AF20022" | "AF20023") => Disposition::Disabled,
        Some("AF20050" | "AF20051" | "AF20052") => Disposition::Gone,
        Some("AF20021") => Disposition::Retry {
            after: Some(START_COOL_DOWN),
        },
        // A page token that is no longer valid: the next listing begins anew.
        Some("AF20031" | "AF429") => Disposition::Retry { after: wait },
        Some(code) if code.starts_with("AF5") => Disposition::Retry { after: wait },
        Some(code) if is_af(code) && !is_transient(status) => Disposition::Operator,
        _ if text.contains("does not exist") && text.contains("Tenant") => Disposition::AuditingOff,
        _ if wait.is_some() || text.contains("Too many") => Disposition::Retry { after: wait },
        _ if is_transient(status) => Disposition::RETRY,
        // A gateway's page says nothing about a blob: only a bare or JSON 404 does.
        _ if status == 404 && operation == Operation::FetchBlob && !html => Disposition::Gone,
        _ if html => Disposition::RETRY,
        // Without a code, 403 was throttling wherever it was seen.
        _ if status == 403 => Disposition::RETRY,
        _ => Disposition::Operator,
    }
}

/// Entra's codes (Microsoft's reference of error codes; those that were met with this API).
fn decide_token(status: u16, code: Option<&str>, text: &str) -> Disposition {
    match code {
        // App not in the tenant; consent missing, declined, or reserved to an administrator; permission or resource
        // not available to the tenant.
        Some(
            "AADSTS700016" | "AADSTS65001" | "AADSTS65004" | "AADSTS90094" | "AADSTS650051"
            | "AADSTS650052" | "AADSTS500011",
        ) => Disposition::Consent,
        // The resource's service principal is disabled: seen where the tenant has no Exchange Online.
        Some("AADSTS500014") => Disposition::AuditingOff,
        _ if text.contains("service principal for resource") && text.contains("is disabled") => {
            Disposition::AuditingOff
        }
        // Throttled; transient faults inside Entra.
        Some(
            "AADSTS90055"
            | "AADSTS90033"
            | "AADSTS90006"
            | "AADSTS50196"
            | "temporarily_unavailable",
        ) => Disposition::Retry {
            after: wait_in(text),
        },
        _ if is_transient(status) => Disposition::Retry {
            after: wait_in(text),
        },
        Some(_) => Disposition::Operator,
        None if matches!(status, 400 | 401) => Disposition::Operator,
        None => Disposition::RETRY,
    }
}

fn is_af(code: &str) -> bool {
    code.strip_prefix("AF")
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Timeout, too early, too many, and everything the server blames on itself.
fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429) || status >= 500
}

fn longest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.max(other).map(|wait| wait.min(WAIT_MAX))
}

/// The wait in "Please retry again after 14m 56s" and "retry the request again in an hour".
pub(crate) fn wait_in(text: &str) -> Option<Duration> {
    let lower = text.to_ascii_lowercase();
    if lower.contains("retry") && lower.contains("in an hour") {
        return Some(Duration::from_secs(60 * 60));
    }
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

fn split_unit(word: &str) -> Option<(u64, &str)> {
    let at = word.find(|c: char| !c.is_ascii_digit())?;
    Some((word[..at].parse().ok()?, &word[at..]))
}

/// A text from outside, fit for a log line: bounded, no control characters, no secrets, nothing like a JWT.
pub(crate) fn clean(text: &str, chars_max: usize, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[redacted]");
    }
    let words: Vec<&str> = text
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(|word| {
            if word.contains("eyJ") {
                "[redacted]"
            } else {
                word
            }
        })
        .collect();
    words.join(" ").chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expect_seconds: Option<u64>) {
        assert_eq!(
            wait_in(text),
            expect_seconds.map(Duration::from_secs),
            "{text:?}"
        );
    }

    #[test]
    fn waits_in_words_are_understood() {
        check(
            "Too many frequent subscription start requests. Please retry again after 14m 56s",
            Some(896),
        );
        check(
            "Too many frequent subscription start requests. Please retry again after 14m 56s.",
            Some(896),
        );
        check("Please retry again after 59s", Some(59));
        check("Please retry again after 1h 0m 1s", Some(3601));
        check(
            "Please retry the request again in an hour. We have been notified and would be resolved soon.",
            Some(3600),
        );
        check("Please retry after some time", None);
        check("The subscription was disabled.", None);
        check("retry after 99999999999999999999999h", None);
        check("retry after 9999999999999999999h", Some(WAIT_MAX.as_secs()));
    }

    #[test]
    fn a_text_from_outside_is_made_fit_for_a_log_line() {
        let secret = "s3cr3t~value";
        let text = format!("bad\r\n\u{1b}[31m {secret} Bearer eyJhbGciOiJ9.eyJ0aWQi.sig end");
        assert_eq!(
            clean(&text, 300, &[secret]),
            "bad [31m [redacted] Bearer [redacted] end"
        );
        assert_eq!(clean(&"ä".repeat(1000), 300, &[]).chars().count(), 300);
    }

    proptest! {
        #[test]
        fn any_error_answer_is_read_into_a_bounded_line(
            body in prop::collection::vec(any::<u8>(), 0..400),
            status in 300_u16..600,
            token in any::<bool>(),
        ) {
            let operation = if token { Operation::Token } else { Operation::ListContent };
            let failure = read(operation, status, None, &body, &["secret"]);
            let text = failure.to_string();
            prop_assert!(text.chars().count() < 400 && !text.contains(char::is_control), "{text:?}");
        }

        #[test]
        fn no_secret_and_no_token_gets_through(before in "[ -~]{0,40}", after in "[ -~]{0,40}", name in "code|message|error_description|error") {
            let text = format!("{before}s3cr3t~value {after} eyJhbGciOi.eyJ0aWQi.sig");
            let flat = serde_json::json!({"error": text, "error_description": text, "message": text});
            let nested = serde_json::json!({"error": {name: text}});
            for body in [flat.to_string(), nested.to_string(), text] {
                for operation in [Operation::Token, Operation::FetchBlob] {
                    let failure = read(operation, 400, None, body.as_bytes(), &["s3cr3t~value"]);
                    let printed = format!("{failure} {failure:?}");
                    prop_assert!(!printed.contains("s3cr3t") && !printed.contains("eyJ"), "{printed}");
                }
            }
        }

        #[test]
        fn no_text_makes_a_wait_panic_or_endless(text in "(retry|after|in an hour|[0-9]{0,25}[hms.]| ){0,12}") {
            prop_assert!(wait_in(&text).is_none_or(|wait| wait <= WAIT_MAX));
        }
    }
}
