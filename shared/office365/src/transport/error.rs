//! The client's one error type, and what to do about each error.

use std::fmt;
use std::time::Duration;

use super::scope::{Scope, TenantTrouble};
use crate::names::{HostileUri, TenantId};

/// The application permission without which the API answers nothing.
pub(crate) const FEED_PERMISSION: &str = "ActivityFeed.Read";

/// What the client was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Asking for a token.
    Token,
    /// `subscriptions/start`
    Start,
    /// `subscriptions/stop`
    Stop,
    /// `subscriptions/list`
    ListSubscriptions,
    /// `subscriptions/content`
    ListContent,
    /// `audit/{contentId}`
    FetchBlob,
    /// `resources/dlpSensitiveTypes`
    SensitiveTypes,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "getting a token",
            Self::Start => "starting a subscription",
            Self::Stop => "stopping a subscription",
            Self::ListSubscriptions => "listing subscriptions",
            Self::ListContent => "listing content",
            Self::FetchBlob => "fetching a blob",
            Self::SensitiveTypes => "reading the names of sensitive types",
        })
    }
}

/// What the caller should do about an error. Whether other calls of the tenant are concerned too, [`Error::scope`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The same call may succeed later.
    Retry {
        /// The least wait, when Microsoft or the client's own limiter names one.
        after: Option<Duration>,
    },
    /// Microsoft says that it has no such blob: it does not exist, has expired or never had such a name (404, AF20050,
    /// AF20051, AF20052). Evidence, not yet a verdict: AF20052 for every blob of a tenant was a wrong tenant id or cloud.
    Gone,
    /// The subscription is missing or disabled (AF20022, AF20023): start it.
    Disabled,
    /// An administrator of the tenant must give consent (AF10001, AADSTS700016, AADSTS7000229 and the like).
    Consent,
    /// A conditional access policy of the tenant blocks the application (AADSTS53003); an administrator must exclude it.
    Blocked,
    /// Microsoft does not know the tenant (AADSTS90002, AF20011): deleted, or of another cloud.
    TenantGone,
    /// Entra gives no token: the secret is wrong or has expired, a certificate or a federated assertion was refused, or the
    /// cloud is wrong. The operator must mend it.
    Credential,
    /// The tenant has no unified audit log yet: auditing is off, or Exchange Online is missing. An administrator must
    /// turn it on; the change takes up to an hour.
    AuditingOff,
    /// Trying again changes nothing: Microsoft refuses the request as invalid, which is a mistake of this program's.
    Operator,
}

impl Disposition {
    /// Try again at any time.
    pub(crate) const RETRY: Self = Self::Retry { after: None };
}

/// A call failed. The message says what was tried, for whom and why it failed; never a token, a secret or a record.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} for tenant {tenant} failed: {failure}")]
pub struct Error {
    operation: Operation,
    tenant: TenantId,
    failure: Box<Failure>,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Microsoft answered with an error.
    #[error("status {status}, {code}: {message}", code = code.as_deref().unwrap_or("no code"))]
    Answered {
        /// HTTP status.
        status: u16,
        /// `AF…` or `AADSTS…`, or another short code.
        code: Option<String>,
        /// Microsoft's text, bounded, without control characters and without anything that looks like a token.
        message: String,
        /// What it means.
        disposition: Disposition,
    },
    /// A time limit was reached.
    #[error("{phase} took longer than {limit:?}; raise the limit if the network is slow")]
    TimedOut {
        /// What was waited for: `the connection`, `the first byte`, `the next byte` or `the whole call`.
        phase: &'static str,
        /// The limit that was reached.
        limit: Duration,
    },
    /// There was no connection, so nothing was sent.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke, or the answer ended before it was complete.
    #[error("the answer did not arrive whole: {0}")]
    Broken(String),
    /// The answer is larger than the caller allows.
    #[error("the answer is larger than {body_bytes_max} bytes")]
    TooLarge {
        /// The limit: of decoded bytes, or, for a [`crate::BlobBody`], of bytes as they come over the wire.
        body_bytes_max: u64,
    },
    /// Status 200 with a body of another form: a gateway's page, for example.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// An address in the answer was refused.
    #[error("the answer points elsewhere: {0}")]
    Hostile(#[from] HostileUri),
    /// The listing has too many pages, or a page that came before.
    #[error("the listing has more than {0} pages or repeats itself")]
    Endless(usize),
    /// The token is for another tenant or resource.
    #[error("the token {0}")]
    Token(String),
    /// The credential cannot be used.
    #[error("the credential cannot be used: {0}")]
    Credential(String),
    /// The credential's source failed: the secret store, or the other identity provider.
    #[error("the credential's source gave nothing: {0}")]
    NoCredential(String),
    /// The call's arguments are invalid.
    #[error("{0}")]
    Misuse(String),
    /// The client's own limiter did not let the request go.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The token lacks a permission that only an administrator's consent gives.
    #[error("the token lacks the permission {0}; an administrator of the tenant must give consent")]
    Permission(&'static str),
}

/// The client's own limiter did not let a request go: the tenant failed too often, is throttled, or has too many requests
/// waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sent: {why}; wait {wait:?}")]
pub struct Limited {
    /// How long from now.
    pub wait: Duration,
    /// For which reason.
    pub why: LimitedBy,
}

/// What in the client kept a request back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedBy {
    /// Microsoft throttled the tenant a moment ago.
    Throttled,
    /// The tenant's calls failed many times in a row.
    Failing,
    /// Too many requests of the tenant wait already.
    Queue,
    /// The tenant's budget of this minute is given out, to this process and to others.
    Budget,
}

impl fmt::Display for LimitedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttled => "the tenant's request quota is used up",
            Self::Failing => "the tenant's calls failed many times in a row",
            Self::Queue => "too many requests of the tenant wait already",
            Self::Budget => "the tenant's request budget of this minute is given out",
        })
    }
}

impl Error {
    pub(crate) fn new(operation: Operation, tenant: TenantId, failure: Failure) -> Self {
        Self {
            operation,
            tenant,
            failure: Box::new(failure),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match &*self.failure {
            Failure::Answered { disposition, .. } => *disposition,
            Failure::TimedOut { .. }
            | Failure::Connect(_)
            | Failure::Broken(_)
            | Failure::Unreadable(_)
            | Failure::TooLarge { .. }
            | Failure::Hostile(_)
            | Failure::NoCredential(_)
            | Failure::Endless(_) => Disposition::RETRY,
            Failure::Limited(limited) => Disposition::Retry {
                after: Some(limited.wait),
            },
            Failure::Permission(_) => Disposition::Consent,
            Failure::Token(_) | Failure::Credential(_) => Disposition::Credential,
            Failure::Misuse(_) => Disposition::Operator,
        }
    }

    /// Whom it concerns: this call, or all calls of the tenant.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self.disposition() {
            // The type's own permission is missing (ReadDlp), or the answer is one of those that come for no reason.
            Disposition::Consent if self.names_feed_permission() => Scope::Call,
            Disposition::Consent => Scope::Tenant(TenantTrouble::Consent),
            Disposition::Blocked => Scope::Tenant(TenantTrouble::Blocked),
            Disposition::TenantGone => Scope::Tenant(TenantTrouble::TenantGone),
            Disposition::Credential => Scope::Tenant(TenantTrouble::Credential),
            Disposition::AuditingOff => Scope::Tenant(TenantTrouble::AuditingOff),
            Disposition::Retry { after } if self.is_throttled() => {
                Scope::Tenant(TenantTrouble::Throttled { after })
            }
            Disposition::Retry { .. } if matches!(*self.failure, Failure::NoCredential(_)) => {
                Scope::Tenant(TenantTrouble::Credential)
            }
            Disposition::Retry { .. }
            | Disposition::Gone
            | Disposition::Disabled
            | Disposition::Operator => Scope::Call,
        }
    }

    /// Whether the tenant has made too many requests. The cool-down between starts is one subscription's, not the tenant's.
    pub(crate) fn is_throttled(&self) -> bool {
        let answered = self.status() == Some(429) || self.code() == Some("AF429");
        (answered && self.operation != Operation::Start)
            || matches!(*self.failure, Failure::Limited(limited) if limited.why == LimitedBy::Throttled)
    }

    /// Whether Microsoft says that the token has the permission that all content types need: `The permission set
    /// (ActivityFeed.Read …) …`. Then another one is missing, that of DLP.All.
    fn names_feed_permission(&self) -> bool {
        let Failure::Answered { message, .. } = &*self.failure else {
            return false;
        };
        message
            .split(|c: char| c.is_whitespace() || c == '(' || c == ')')
            .any(|word| word == FEED_PERMISSION)
    }

    /// Whether the same call, repeated at once, may end otherwise. A body over the limit would only be read again; and a
    /// refused token was already replaced by a new one.
    pub(crate) fn may_pass_at_once(&self) -> bool {
        !matches!(*self.failure, Failure::TooLarge { .. }) && self.status() != Some(401)
    }

    /// Microsoft's code, such as `AF20023` or `AADSTS700016`, when there was one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match &*self.failure {
            Failure::Answered { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// HTTP status of the answer, when Microsoft answered with an error.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &*self.failure {
            Failure::Answered { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Why it failed.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// What was tried.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Raises the wait of a retry to at least this.
    pub(crate) fn postpone(&mut self, wait: Duration) {
        if let Failure::Answered {
            disposition: Disposition::Retry { after },
            ..
        } = &mut *self.failure
        {
            *after = (*after).max(Some(wait));
        }
    }

    /// Whether the request had certainly no effect at Microsoft: it was not sent, or its token was refused and there was no
    /// other. The request for the token may have been sent.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        self.operation == Operation::Token
            || matches!(*self.failure, Failure::Connect(_) | Failure::Limited(_))
    }
}
