//! What each of Microsoft's error codes means.
//!
//! | answer | [`Disposition`] | whom it concerns |
//! |---|---|---|
//! | AF429, status 429 | Retry | tenant: Throttled (of a start: the call) |
//! | AF10001 whose permission set has ActivityFeed.Read | Consent | the call: DLP.All needs a second permission |
//! | AF10001 otherwise, 401 with a token without it | Consent | tenant: Consent |
//! | AADSTS700016, 7000229, 65001, 65004, 90094, 650051, 650052, 500011 | Consent | tenant: Consent |
//! | AADSTS53003 | Blocked | tenant: Blocked |
//! | AADSTS90002, AF20011 | TenantGone | tenant: TenantGone |
//! | AADSTS500014, "service principal … is disabled", "Tenant … does not exist" | AuditingOff | tenant: AuditingOff |
//! | any other code of Entra with a 4xx: AADSTS7000215, 7000222, invalid_client, 900382 … | Credential | tenant: Credential |
//! | AF20022, AF20023 | Disabled | the call (its content type) |
//! | AF20050, AF20051, AF20052, a bare 404 for a blob | Gone | the call |
//! | AF20021 | Retry after 15 minutes | the call |
//! | AF20031, AF5…, 5xx, 408, 425, AADSTS90055 and the like | Retry | the call |
//! | 401 with a good token, a redirect, a page, any status without a code | Retry | the call |
//! | any other AF code with a 4xx | Operator | the call |
//!
//! What fails without an answer of Microsoft's: a credential's source that gives nothing is Retry and the tenant's
//! (Credential); a credential that cannot be used is Credential; a broken, late, unreadable, hostile or too large answer is
//! Retry and the call's.

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
        Some("AF20011") => Disposition::TenantGone,
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
        // Only an empty or JSON 404 is about the blob; a page comes from a gateway.
        _ if status == 404 && operation == Operation::FetchBlob && !html => Disposition::Gone,
        // Without a code it is not the API that speaks, or not on purpose: front doors answer with a page, a redirect, a bare
        // 401 or 403 when they are in trouble.
        _ => Disposition::RETRY,
    }
}

/// What an error of Entra's token endpoint means. The codes are those met with this API; Microsoft's reference lists all.
pub(super) fn decide_entra(status: u16, code: Option<&str>, text: &str) -> Disposition {
    match code {
        // The application or its service principal is not in the tenant; consent is missing, was declined or needs an administrator; the tenant
        // lacks the permission or the resource.
        Some(
            "AADSTS700016" | "AADSTS7000229" | "AADSTS65001" | "AADSTS65004" | "AADSTS90094"
            | "AADSTS650051" | "AADSTS650052" | "AADSTS500011",
        ) => Disposition::Consent,
        Some("AADSTS53003") => Disposition::Blocked,
        Some("AADSTS90002") => Disposition::TenantGone,
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
        Some(_) => Disposition::Credential,
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
