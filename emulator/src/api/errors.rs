//! The feed's errors, with Microsoft's texts.

use http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde_json::json;

use crate::config::Behaviour;
use crate::message::{ApiError, Response, json};

/// No token, or one that is not valid: the framework answers, without an AF code.
pub(crate) fn unauthorized() -> Response {
    let mut response = json(
        401,
        &json!({ "Message": "Authorization has been denied for this request." }),
    );
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

pub(crate) fn missing_permission(permissions: &[&str]) -> ApiError {
    let text = format!(
        "The permission set ({}) sent in the request does not include the expected permission.",
        permissions.join(" ")
    );
    ApiError::new(401, "AF10001", text)
}

pub(crate) fn missing_parameter(name: &str) -> ApiError {
    ApiError::new(400, "AF20001", format!("Missing parameter: {name}."))
}

pub(crate) fn wrong_type(name: &str, expected: &str) -> ApiError {
    ApiError::new(
        400,
        "AF20002",
        format!("Invalid parameter type: {name}. Expected type: {expected}"),
    )
}

pub(crate) fn past_expiration(expiration: &str) -> ApiError {
    ApiError::new(
        400,
        "AF20003",
        format!("Expiration {expiration} provided is set to past date and time."),
    )
}

pub(crate) fn foreign_tenant(behaviour: &Behaviour, address: &str, token: &str) -> ApiError {
    let text = format!(
        "The tenant ID passed in the URL ({address}) does not match the tenant ID passed in the access token ({token})."
    );
    ApiError::new(behaviour.tenant_error_status, "AF20010", text)
}

pub(crate) fn unknown_tenant(behaviour: &Behaviour, tenant: &str) -> ApiError {
    ApiError::new(
        behaviour.tenant_error_status,
        "AF20011",
        format!("Specified tenant ID ({tenant}) does not exist in the system or has been deleted."),
    )
}

pub(crate) fn misconfigured_tenant(behaviour: &Behaviour, tenant: &str) -> ApiError {
    ApiError::new(
        behaviour.tenant_error_status,
        "AF20012",
        format!("Specified tenant ID ({tenant}) is incorrectly configured in the system."),
    )
}

pub(crate) fn tenant_no_guid(behaviour: &Behaviour, tenant: &str) -> ApiError {
    ApiError::new(
        behaviour.tenant_error_status,
        "AF20013",
        format!("The tenant ID passed in the URL ({tenant}) is not a valid GUID."),
    )
}

pub(crate) fn bad_content_type() -> ApiError {
    ApiError::new(400, "AF20020", "The specified content type is not valid.")
}

pub(crate) fn bad_webhook(address: &str, reason: &str) -> ApiError {
    ApiError::new(
        400,
        "AF20021",
        format!("The webhook endpoint ({address}) could not be validated. {reason}"),
    )
}

pub(crate) fn no_subscription(behaviour: &Behaviour) -> ApiError {
    if behaviour.never_started_code == "AF20023" {
        return disabled();
    }
    ApiError::new(
        400,
        behaviour.never_started_code.clone(),
        "No subscription found for the specified content type.",
    )
}

pub(crate) fn disabled() -> ApiError {
    ApiError::new(400, "AF20023", "The subscription was disabled.")
}

pub(crate) fn nothing_to_change() -> ApiError {
    ApiError::new(
        400,
        "AF20024",
        "The subscription is already enabled. No property change.",
    )
}

/// The code of this answer was never recorded; the envelope carries the status's name.
pub(crate) fn start_too_soon(wait_seconds: i64) -> ApiError {
    let text = format!(
        "Too many frequent subscription start requests. Please retry again after {}m {}s",
        wait_seconds / 60,
        wait_seconds % 60
    );
    ApiError::new(429, "TooManyRequests", text)
}

pub(crate) fn bad_window(behaviour: &Behaviour) -> ApiError {
    ApiError::new(
        400,
        behaviour.window_code.clone(),
        "Start time and end time must both be specified (or both omitted) and must be less than or equal to 24 hours apart, with the start time prior to end time and start time no more than 7 days in the past.",
    )
}

pub(crate) fn bad_next_page(value: &str) -> ApiError {
    let value: String = value.chars().take(100).collect();
    ApiError::new(400, "AF20031", format!("Invalid nextPage Input: {value}."))
}

pub(crate) fn unknown_content(behaviour: &Behaviour, content_id: &str) -> ApiError {
    ApiError::new(
        behaviour.unknown_content_status,
        "AF20050",
        format!("The specified content ({content_id}) does not exist."),
    )
}

pub(crate) fn expired_content(behaviour: &Behaviour, content_id: &str) -> ApiError {
    let text = format!(
        "Content requested with the key {content_id} has already expired. Content older than 7 days cannot be retrieved."
    );
    ApiError::new(behaviour.expired_content_status, "AF20051", text)
}

pub(crate) fn malformed_content(behaviour: &Behaviour, content_id: &str) -> ApiError {
    ApiError::new(
        behaviour.malformed_content_status,
        "AF20052",
        format!("Content ID {content_id} in the URL is invalid."),
    )
}

pub(crate) fn several_languages() -> ApiError {
    ApiError::new(
        400,
        "AF20053",
        "Only one language may be present in the Accept-Language header.",
    )
}

pub(crate) fn bad_language() -> ApiError {
    ApiError::new(400, "AF20054", "Invalid syntax in Accept-Language header.")
}

/// An operation that is counted: GetBlob or GetContents.
pub(crate) fn throttled(status: u16, method: &str, publisher: &str) -> ApiError {
    ApiError::new(
        status,
        "AF429",
        format!("Too many requests. Method={method}, PublisherId={publisher}"),
    )
}

pub(crate) fn internal(in_an_hour: bool) -> ApiError {
    let text = if in_an_hour {
        "Please retry the request again in an hour. We have been notified and would be resolved soon."
    } else {
        "An internal error occurred. Retry the request."
    };
    ApiError::new(500, "AF50000", text)
}

/// What a tenant without auditing answers to a start; some 900 bytes, and no AF code.
pub(crate) fn not_audited(
    tenant: &str,
    content_type: &str,
    client_id: &str,
    publisher: &str,
) -> ApiError {
    let code = format!(
        "StartSubscription [TenantId={tenant},ContentType={content_type},ApplicationId={client_id},PublisherId={publisher}] failed. Exception"
    );
    let message = format!(
        "Microsoft.Office.Compliance.Audit.DataServiceException: Tenant {tenant} does not exist.\r\n   at Microsoft.Office.Compliance.Audit.API.AzureManager.GetSubscriptionTableClientForTenant(Guid tenantId)\r\n   at Microsoft.Office.Compliance.Audit.API.AzureManager.<GetSubscriptionTableClientForTenantAsync>d__24.MoveNext()\r\n--- End of stack trace from previous location where exception was thrown ---\r\n   at System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw()\r\n   at System.Runtime.CompilerServices.TaskAwaiter.HandleNonSuccessAndDebuggerNotification(Task task)\r\n   at Microsoft.Office.Compliance.Audit.API.StartController.<Post>d__2.MoveNext()"
    );
    ApiError::new(400, code, message)
}
