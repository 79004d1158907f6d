//! What each of Microsoft's error codes means: try again, ask for consent, start the subscription, and so on.

use std::time::Duration;

use super::error::{Disposition, Operation};
use super::retry_after;

/// Wait after a webhook was refused: Microsoft asks for 15 minutes between starts, failed ones included.
const START_COOL_DOWN: Duration = Duration::from_secs(15 * 60);

/// What an error of the API means. Where there is a code the status counts for little: the same code comes with several.
///
/// `text` is code and message together. `html` says that a gateway's page stands in the place of an answer.
pub(super) fn decide_api(
    operation: Operation,
    status: u16,
    code: Option<&str>,
    text: &str,
    html: bool,
) -> Disposition {
    let wait = retry_after::in_text(text);
    match code {
        Some("AF10001") => Disposition::Consent,
        Some("AF20022" | "AF20023") => Disposition::Disabled,
        Some("AF20050" | "AF20051" | "AF20052") => Disposition::Gone,
        Some("AF20021") => Disposition::Retry {
            after: Some(START_COOL_DOWN),
        },
        // AF20031: the page token is no longer valid; the next listing starts again at its first page.
        Some("AF20031" | "AF429") => Disposition::Retry { after: wait },
        Some(code) if code.starts_with("AF5") => Disposition::Retry { after: wait },
        Some(code) if is_af(code) && !is_transient(status) => Disposition::Operator,
        _ if text.contains("does not exist") && text.contains("Tenant") => Disposition::AuditingOff,
        _ if wait.is_some() || text.contains("Too many") => Disposition::Retry { after: wait },
        _ if is_transient(status) => Disposition::RETRY,
        // Only an empty or JSON 404 is about the blob; a page comes from a gateway.
        _ if status == 404 && operation == Operation::FetchBlob && !html => Disposition::Gone,
        _ if html => Disposition::RETRY,
        // Every 403 without a code that was seen meant throttling.
        _ if status == 403 => Disposition::RETRY,
        _ => Disposition::Operator,
    }
}

/// What an error of Entra's token endpoint means. The codes are those met with this API; Microsoft's reference lists all.
pub(super) fn decide_entra(status: u16, code: Option<&str>, text: &str) -> Disposition {
    match code {
        // The application is not in the tenant; consent is missing, was declined or needs an administrator; the tenant
        // lacks the permission or the resource.
        Some(
            "AADSTS700016" | "AADSTS65001" | "AADSTS65004" | "AADSTS90094" | "AADSTS650051"
            | "AADSTS650052" | "AADSTS500011",
        ) => Disposition::Consent,
        // The API's service principal is disabled: seen in tenants without Exchange Online.
        Some("AADSTS500014") => Disposition::AuditingOff,
        _ if text.contains("service principal for resource") && text.contains("is disabled") => {
            Disposition::AuditingOff
        }
        // Throttling and transient faults inside Entra.
        Some(
            "AADSTS90055"
            | "AADSTS90033"
            | "AADSTS90006"
            | "AADSTS50196"
            | "temporarily_unavailable",
        ) => Disposition::Retry {
            after: retry_after::in_text(text),
        },
        _ if is_transient(status) => Disposition::Retry {
            after: retry_after::in_text(text),
        },
        Some(_) => Disposition::Operator,
        None if matches!(status, 400 | 401) => Disposition::Operator,
        None => Disposition::RETRY,
    }
}

/// Whether this is a code of the API: `AF` and digits.
fn is_af(code: &str) -> bool {
    code.strip_prefix("AF")
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Request timeout, too early, too many requests, and every fault of the server.
fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429) || status >= 500
}
