//! What can be wrong with a request to the operator's API, as RFC 9457 problem details.

use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, Response, StatusCode};
use office365::{Client, Cloud, Disposition, InvalidConfig, TenantId};
use url::Url;

use crate::aws::AwsError;
use crate::response::Problem;
use crate::store::ledger::LedgerError;

/// Where Microsoft sends an administrator after consent when the app registration names no page of its own: its own portal.
const AFTER_CONSENT: &str = "https://portal.office.com/";

/// Why a request is refused, or failed.
#[derive(Debug)]
pub(super) enum ApiError {
    NotAuthenticated,
    NoSuchPath,
    NoSuchMethod,
    BodyTooLong,
    BadBody(String),
    BadTenantId,
    UnknownCloud,
    UnknownContentType,
    NoContentType,
    BadName,
    NotRegistered,
    /// The administrator has not consented (enough); the link where that is done.
    ConsentRequired {
        why: String,
        consent_url: String,
    },
    AuditingOff(String),
    /// Microsoft says something that an operator must put right.
    Operator(String),
    /// Microsoft does not answer; trying again may help.
    MicrosoftUnavailable(String),
    /// AWS does not answer; the reason is in the log and not the caller's.
    Unavailable,
    TooSlow,
}

impl ApiError {
    /// Why the tenant's token is not to be had, or not good enough.
    pub(super) fn of_token(
        error: office365::Error,
        client: &Client,
        tenant: TenantId,
        cloud: Cloud,
    ) -> Self {
        tracing::warn!(tenant.id = %tenant, %error, "tenant not registered");
        if error.disposition() != Disposition::Consent {
            return error.into();
        }
        let consent_url = Url::parse(AFTER_CONSENT)
            .ok()
            .and_then(|page| client.consent_url(cloud, Some(tenant), &page, "").ok())
            .map(String::from)
            .unwrap_or_default();
        Self::ConsentRequired {
            why: error.to_string(),
            consent_url,
        }
    }

    /// Its stable name, as the tests compare it.
    #[cfg(test)]
    pub(super) fn kind(&self) -> &'static str {
        self.parts().1
    }

    #[rustfmt::skip]
    fn parts(&self) -> (StatusCode, &'static str, &'static str, String) {
        use StatusCode as S;
        let own = str::to_owned;
        match self {
            Self::NotAuthenticated => (S::UNAUTHORIZED, "not-authenticated", "API key missing or wrong",
                own("send the API key as `Authorization: Bearer <key>`; the stack's output ApiKeySecret names the secret that holds it")),
            Self::NoSuchPath => (S::NOT_FOUND, "no-such-path", "No such path",
                own("the API has /v1/tenants and /v1/tenants/{tenant_id}")),
            Self::NoSuchMethod => (S::METHOD_NOT_ALLOWED, "no-such-method", "No such method",
                own("/v1/tenants takes GET and POST, /v1/tenants/{tenant_id} takes GET and DELETE")),
            Self::BodyTooLong => (S::PAYLOAD_TOO_LARGE, "body-too-long", "Body too long",
                own("a registration has at most 16 KiB")),
            Self::BadBody(why) => (S::BAD_REQUEST, "bad-request-body", "Body cannot be read",
                format!("{why}; send {{\"tenant_id\", \"cloud\", \"name\", \"content_types\"}} as JSON, all but the first may be left out")),
            Self::BadTenantId => (S::BAD_REQUEST, "bad-tenant-id", "Tenant id is not a GUID",
                own("give the directory (tenant) id as Entra shows it: 8-4-4-4-12 hexadecimal digits")),
            Self::UnknownCloud => (S::BAD_REQUEST, "unknown-cloud", "Unknown cloud",
                own("cloud is one of enterprise, gcc, gcc-high, dod, china")),
            Self::UnknownContentType => (S::BAD_REQUEST, "unknown-content-type", "Unknown content type",
                own("content types are Audit.AzureActiveDirectory, Audit.Exchange, Audit.SharePoint, Audit.General and DLP.All")),
            Self::NoContentType => (S::BAD_REQUEST, "no-content-type", "No content type",
                own("name at least one content type, or leave content_types out for the four audit types")),
            Self::BadName => (S::BAD_REQUEST, "bad-name", "Name cannot be used",
                own("a name has 1 to 100 characters, none of them a control character")),
            Self::NotRegistered => (S::NOT_FOUND, "not-registered", "Tenant not registered",
                own("register it with POST /v1/tenants")),
            Self::ConsentRequired { why, .. } => (S::CONFLICT, "consent-required", "Consent is missing",
                format!("{why}; a Global Administrator of the tenant opens consent_url and accepts, then register again")),
            Self::AuditingOff(why) => (S::CONFLICT, "auditing-off", "Auditing is off in this tenant",
                format!("{why}; turn the unified audit log on (Set-AdminAuditLogConfig -UnifiedAuditLogIngestionEnabled $true), wait up to an hour, register again")),
            Self::Operator(why) => (S::UNPROCESSABLE_ENTITY, "refused-by-microsoft", "Microsoft refuses this tenant", why.clone()),
            Self::MicrosoftUnavailable(why) => (S::BAD_GATEWAY, "microsoft-unavailable", "Microsoft does not answer",
                format!("{why}; try again")),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "Try again",
                own("a service this API needs did not answer; the function's log says which")),
            Self::TooSlow => (S::GATEWAY_TIMEOUT, "too-slow", "Not finished in time",
                own("look at GET /v1/tenants/{tenant_id} in some minutes: the reconciler goes on with what was begun")),
        }
    }

    /// The answer.
    pub(super) fn into_response(self) -> Response<Bytes> {
        let (status, kind, title, detail) = self.parts();
        let mut problem = Problem::new(status, kind, title, detail);
        if let Self::ConsentRequired { consent_url, .. } = &self {
            problem = problem.with("consent_url", consent_url.clone());
        }
        let mut response = problem.into_response();
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<office365::Error> for ApiError {
    fn from(error: office365::Error) -> Self {
        let why = error.to_string();
        match error.disposition() {
            Disposition::Retry { .. } => Self::MicrosoftUnavailable(why),
            Disposition::AuditingOff => Self::AuditingOff(why),
            _ => Self::Operator(why),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        tracing::error!(%error, "request not answered: the ledger failed");
        Self::Unavailable
    }
}

impl From<AwsError> for ApiError {
    fn from(error: AwsError) -> Self {
        tracing::error!(%error, "request not answered: a secret cannot be read");
        Self::Unavailable
    }
}

impl From<InvalidConfig> for ApiError {
    fn from(error: InvalidConfig) -> Self {
        tracing::error!(%error, "request not answered: no client for Microsoft");
        Self::Unavailable
    }
}
