//! Reads the body of an error answer, of the API or of Entra, whatever stands in it.

use std::time::Duration;

use serde::Deserialize;

use super::error::{Disposition, Failure, Operation};
use super::error_code;
use super::json;
use super::retry_after::WAIT_MAX;
use super::sanitize::sanitize;

/// Longest part of Microsoft's message that is kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// Longest code that is kept. Real ones have 7 to 13 characters, but a tenant without auditing is answered with a sentence of
/// over 200 in the place of the code.
const CODE_CHARS_MAX: usize = 40;

/// `{"error":{"code":"AF…","message":"…"}}` of the API, `{"error":"…","error_description":"AADSTS…: …"}` of Entra.
#[derive(Deserialize, Default)]
struct ErrorBody {
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

/// Finds code and message in an error answer and decides what they mean.
///
/// `secrets` are redacted, since a gateway may echo the request.
pub(crate) fn read(
    operation: Operation,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
    secrets: &[&str],
) -> Failure {
    let body = json::without_mark(body);
    let parsed: ErrorBody = json::parse(body).unwrap_or_default();
    let (code, message) = match parsed.error {
        Some(ErrorField::Api { code, message }) => (code, message),
        Some(ErrorField::Entra(error)) => {
            let description = parsed.error_description.unwrap_or_default();
            match aadsts(&description) {
                // The code is kept as the code and not repeated in the message.
                Some((code, text)) => (Some(code), Some(text)),
                None => (Some(error), Some(description)),
            }
        }
        Some(ErrorField::Other(_)) | None => (None, parsed.message),
    };
    let unparsed = code.is_none() && message.is_none();
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let html = unparsed && message.trim_start().starts_with('<');
    let text = format!("{} {message}", code.as_deref().unwrap_or_default());
    let disposition = match operation {
        Operation::Token => error_code::decide_entra(status, code.as_deref(), &text),
        _ => error_code::decide_api(operation, status, code.as_deref(), &text, html),
    };
    let disposition = match disposition {
        Disposition::Retry { after } => Disposition::Retry {
            after: after.max(retry_after).map(|wait| wait.min(WAIT_MAX)),
        },
        other => other,
    };
    let code = code.map(|code| sanitize(&code, CODE_CHARS_MAX, secrets));
    let mut message = sanitize(&message, MESSAGE_CHARS_MAX, secrets);
    message.push_str(hint(code.as_deref()));
    Failure::Answered {
        status,
        code,
        message,
        disposition,
    }
}

/// What Microsoft's text does not say, but its code was seen to mean.
fn hint(code: Option<&str>) -> &'static str {
    match code {
        // For every blob of a tenant, it was never the blobs.
        Some("AF20052") => " (wrong tenant or cloud?)",
        Some("AADSTS90002") => " (was the tenant deleted, or is it of another cloud?)",
        Some("AADSTS53003") => {
            " (a conditional access policy of the tenant blocks the application; an administrator must exclude it)"
        }
        _ => "",
    }
}

/// `AADSTS700016: Application with …` -> (`AADSTS700016`, `Application with …`)
fn aadsts(description: &str) -> Option<(String, String)> {
    let (code, text) = description.split_once(':')?;
    let digits = code.strip_prefix("AADSTS")?;
    let is_code = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then(|| (code.to_owned(), text.trim_start().to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_body_becomes_one_bounded_line(
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
        fn no_secret_and_no_token_is_kept(before in "[ -~]{0,40}", after in "[ -~]{0,40}", name in "code|message|error_description|error") {
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
    }
}
