//! What can be wrong with a request to the operator's API, as RFC 9457 problem details.

use bytes::Bytes;
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use office365::{Disposition, InvalidConfig, TenantId};

use crate::aws::AwsError;
use crate::replay::BeginError;
use crate::response::Problem;
use crate::store::detections::DetectionsError;
use crate::store::ledger::LedgerError;
use crate::verbs::subscription::StopError;

/// When to ask again for what is under way, in seconds: most answers take less.
const SOON_SECONDS: u64 = 5;

/// Why a request is refused, or failed.
#[derive(Debug)]
pub(super) enum ApiError {
    NotAuthenticated,
    /// What it takes.
    NotAllowed(&'static str),
    /// A person signed on who has no role here.
    NoRole,
    /// The seconds until the key may ask again.
    TooManyRequests(u64),
    NoSuchKey,
    /// The installation's own key is not kept here.
    RootKey,
    TooManyKeys,
    BadIdempotencyKey,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    /// What was asked for is done; its answer held a secret, or was too long.
    AnswerNotKept,
    /// The tenant is not what `If-Match` says.
    ChangedMeanwhile,
    NoSuchPath,
    /// What can be done there instead.
    NoSuchMethod(&'static str),
    BodyTooLong,
    /// What is wrong with it, and what is expected.
    BadBody(String, &'static str),
    /// Which parameter, and what is wrong with it.
    BadQuery(&'static str, &'static str),
    BadPeriod,
    BadNote,
    BadGeneration,
    BadTenantId,
    UnknownCloud,
    UnknownContentType,
    NoContentType,
    BadName,
    NotRegistered,
    NoSuchLoss,
    NoSuchReplay,
    NoSuchConsent,
    /// The API does not know under which address browsers reach it.
    NoPublicAddress,
    NoSuchEvent,
    NoSuchFinding,
    /// It must be opened again first.
    FindingIsClosed,
    NoSuchException,
    TooManyExceptions,
    /// The tenant's removal has begun.
    Leaving,
    /// Others change the same tenant all the time.
    Busy,
    /// A replay's period, or their number, is refused.
    ReplayRefused(String),
    TooManyReplays(String),
    /// An item of the ledger is damaged.
    Unreadable(String),
    /// The administrator has not consented (enough); the link where that is done, where one could be made.
    ConsentRequired {
        why: String,
        consent_url: Option<String>,
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
    pub(super) fn of_token(error: office365::Error, tenant: TenantId) -> Self {
        tracing::warn!(tenant.id = %tenant, %error, "tenant not registered");
        if error.disposition() != Disposition::Consent {
            return error.into();
        }
        Self::ConsentRequired {
            why: error.to_string(),
            consent_url: None,
        }
    }

    /// Its stable name, as the tests compare it.
    #[cfg(test)]
    pub(super) fn kind(&self) -> &'static str {
        self.parts().1
    }

    #[rustfmt::skip]
    #[expect(clippy::too_many_lines, reason = "a table, a line for each")]
    fn parts(&self) -> (StatusCode, &'static str, &'static str, String) {
        use StatusCode as S;
        let own = str::to_owned;
        match self {
            Self::NotAuthenticated => (S::UNAUTHORIZED, "not-authenticated", "API key missing or wrong",
                own("send an API key that works as `Authorization: Bearer <key>`; the stack's output ApiKeySecret names the secret that holds the first one")),
            Self::NotAllowed(need) => (S::FORBIDDEN, "not-allowed", "This key may not do that",
                format!("this takes {need}; GET /v1/me says what the key is good for")),
            Self::NoRole => (S::FORBIDDEN, "no-role", "You have no role here",
                own("your token names none of the roles ualstream.read and ualstream.admin: ask whoever manages the application at your identity provider for one, then sign in again")),
            Self::TooManyRequests(seconds) => (S::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests",
                format!("a key may ask 20 times a second, and 200 times at once; try again in {seconds} s")),
            Self::NoSuchKey => (S::NOT_FOUND, "no-such-key", "No such key",
                own("GET /v1/keys lists the keys; one that was revoked cannot be rotated")),
            Self::RootKey => (S::CONFLICT, "root-key", "This key is not kept here",
                own("root is the key that the installation was given: store a new one in the secret that the stack's output ApiKeySecret names, or in serve's file api-key")),
            Self::TooManyKeys => (S::CONFLICT, "too-many-keys", "There are too many keys",
                own("there can be 500 keys, those revoked within 30 days included: revoke some, and wait until they are gone")),
            Self::BadIdempotencyKey => (S::BAD_REQUEST, "bad-idempotency-key", "Idempotency-Key cannot be used",
                own("an Idempotency-Key has 1 to 255 visible ASCII characters, such as a new UUID for each thing that is to be done")),
            Self::IdempotencyKeyInUse => (S::CONFLICT, "idempotency-key-in-use", "The same request is being answered",
                own("the first of these requests has no answer yet; try again in some seconds")),
            Self::IdempotencyKeyReused => (S::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Idempotency-Key belongs to another request",
                own("the same Idempotency-Key came with another path or body within 24 hours: use a new one for each thing that is to be done")),
            Self::AnswerNotKept => (S::CONFLICT, "answer-not-kept", "Done before, and the answer is not kept",
                own("a request with this Idempotency-Key was done; its answer held a key, which is shown once: look at GET /v1/keys and rotate the key")),
            Self::ChangedMeanwhile => (S::PRECONDITION_FAILED, "changed-meanwhile", "Tenant was changed meanwhile",
                own("the tenant is not what If-Match says: look at it, then decide again")),
            Self::NoSuchPath => (S::NOT_FOUND, "no-such-path", "No such path",
                own("the paths of the API are listed at /docs")),
            Self::NoSuchMethod(methods) => (S::METHOD_NOT_ALLOWED, "no-such-method", "No such method",
                format!("this path takes {methods}")),
            Self::BodyTooLong => (S::PAYLOAD_TOO_LARGE, "body-too-long", "Body too long",
                own("a body has at most 16 KiB")),
            Self::BadBody(why, expect) => (S::BAD_REQUEST, "bad-request-body", "Body cannot be read",
                format!("{why}; {expect}")),
            Self::BadQuery(name, why) => (S::BAD_REQUEST, "bad-query", "Query cannot be read",
                format!("{name} {why}")),
            Self::BadPeriod => (S::BAD_REQUEST, "bad-period", "Period cannot be answered",
                own("from must be before to, at most 8 days; certificates of older days are in the lake, below certificates/")),
            Self::BadNote => (S::BAD_REQUEST, "bad-note", "Note cannot be used",
                own("a note or reason has 1 to 300 characters: say who has looked, and what follows from it")),
            Self::BadGeneration => (S::BAD_REQUEST, "bad-generation", "Generation cannot be used",
                own("a generation is named by 1 to 64 small letters, digits or hyphens, and not a hyphen first")),
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
            Self::NoSuchLoss => (S::NOT_FOUND, "no-such-loss", "No such loss",
                own("GET /v1/tenants/{tenant_id}/losses lists them")),
            Self::NoSuchReplay => (S::NOT_FOUND, "no-such-replay", "No such replay",
                own("GET /v1/tenants/{tenant_id}/replays lists them")),
            Self::NoSuchConsent => (S::NOT_FOUND, "no-such-consent", "No such consent link",
                own("make one with POST /v1/consents; links are remembered for 90 days")),
            Self::NoPublicAddress => (S::CONFLICT, "no-public-address", "The API has no public address",
                own("Microsoft sends the administrator's browser back to it: set WEBHOOK_BASE_URL (--public-url of ualstream serve)")),
            Self::NoSuchEvent => (S::NOT_FOUND, "no-such-event", "No such event",
                own("GET /v1/tenants/{tenant_id}/events finds events; an id holds until a replay makes the event anew")),
            Self::NoSuchFinding => (S::NOT_FOUND, "no-such-finding", "No such finding",
                own("GET /v1/tenants/{tenant_id}/findings lists them; they are kept for 400 days")),
            Self::FindingIsClosed => (S::CONFLICT, "finding-is-closed", "Finding is closed",
                own("somebody has decided what it was: open it again with POST .../reopen to look at it once more")),
            Self::NoSuchException => (S::NOT_FOUND, "no-such-exception", "No such exception",
                own("GET /v1/exceptions lists them; one is gone 30 days after its end")),
            Self::TooManyExceptions => (S::CONFLICT, "too-many-exceptions", "There are too many exceptions",
                own("there can be 1,000 exceptions: remove some, or turn off a rule by one for it alone")),
            Self::Leaving => (S::CONFLICT, "tenant-leaving", "Tenant is being removed",
                own("its removal has begun; register it again with POST /v1/tenants to keep it")),
            Self::Busy => (S::CONFLICT, "busy", "Tenant is being changed",
                own("somebody else is changing the same tenant; look at it, then try again")),
            Self::ReplayRefused(why) => (S::BAD_REQUEST, "bad-period", "Period cannot be replayed", why.clone()),
            Self::TooManyReplays(why) => (S::CONFLICT, "too-many-replays", "Too many replays are running",
                format!("{why}; wait for one of them")),
            Self::Unreadable(why) => (S::INTERNAL_SERVER_ERROR, "item-unreadable", "The ledger holds an item that cannot be read",
                format!("{why}; a tenant is mended by POST /v1/tenants with cloud, name and content_types")),
            Self::ConsentRequired { why, .. } => (S::CONFLICT, "consent-required", "Consent is missing",
                format!("{why}; a Global Administrator of the tenant opens consent_url within 15 minutes and accepts: that registers the tenant")),
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
            // Null where the API does not know its own address.
            problem = problem.with("consent_url", consent_url.clone());
        }
        let mut response = problem.into_response();
        let header = match self {
            Self::NoSuchMethod(methods) => Some((ALLOW, HeaderValue::from_static(methods))),
            Self::NotAuthenticated => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::TooManyRequests(seconds) => Some((RETRY_AFTER, HeaderValue::from(seconds))),
            Self::IdempotencyKeyInUse => Some((RETRY_AFTER, HeaderValue::from(SOON_SECONDS))),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
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

impl From<StopError> for ApiError {
    fn from(error: StopError) -> Self {
        match error {
            StopError::Microsoft(error) => error.into(),
            StopError::Ledger(error) => error.into(),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        tracing::error!(%error, "request not answered: the ledger failed");
        match error {
            LedgerError::Aws(_) | LedgerError::Contended { .. } | LedgerError::Endless { .. } => {
                Self::Unavailable
            }
            LedgerError::Damaged { .. } | LedgerError::UnknownKey(_) => {
                Self::Unreadable(error.to_string())
            }
        }
    }
}

impl From<DetectionsError> for ApiError {
    fn from(error: DetectionsError) -> Self {
        match error {
            DetectionsError::Table(error) => error.into(),
            DetectionsError::Contended { .. } => Self::Busy,
        }
    }
}

impl From<BeginError> for ApiError {
    fn from(error: BeginError) -> Self {
        let why = error.to_string();
        match error {
            BeginError::Period { .. } => Self::ReplayRefused(why),
            BeginError::TooMany { .. } => Self::TooManyReplays(why),
            BeginError::Ledger(error) => error.into(),
            BeginError::Queue(error) => {
                tracing::error!(%error, "replay not begun: the queue failed");
                Self::Unavailable
            }
        }
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
