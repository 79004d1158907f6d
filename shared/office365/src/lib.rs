//! Client of the Office 365 Management Activity API: subscriptions, content listings, content blobs, and the bodies it
//! posts to a webhook, for every tenant that consented to one app registration.
//!
//! It knows no AWS and reads no environment. Whatever comes from outside is bounded and parsed, and an address is taken
//! apart and built anew: a token is sent to the tenant's login and management servers and nowhere else. Every error says
//! what to do about it ([`Error::disposition`]).
//!
//! Arrows between the modules run one way: `api` -> `auth` -> `transport` -> `names`; `teeth`, a
//! deliberate bug of the simulation alone, stands below.

mod api;
mod auth;
mod names;
#[cfg(feature = "teeth")]
pub mod teeth;
#[cfg(not(feature = "teeth"))]
mod teeth;
mod transport;

pub use api::{
    BlobBody, Client, ClientConfig, ContentListing, ContentPages, CredentialReport, InvalidConfig,
    Readdressed, Rejected, RetryLimits, SensitiveType, Started, Subscription, SubscriptionStatus,
    TokenFacts, TokenReport, WINDOW_MAX, Webhook, WebhookState, WebhookStatus, notification,
};
pub use auth::{
    AssertionSource, Certificate, Credential, CredentialKind, InvalidCertificate, SecretSource,
    federation_audience,
};
pub use names::{
    AllowedHosts, CONTENT_ID_BYTES_MAX, Cloud, Content, ContentId, ContentType, Endpoints,
    HostileUri, InvalidContentId, InvalidEndpoint, InvalidTenantId, TenantId, UnknownCloud,
    UnknownContentType, check_content_uri,
};
pub use transport::{
    BreakerLimits, Budget, Clock, Disposition, Encoding, Error, Failure, Grant, Limited, LimitedBy,
    Operation, QuotaLimits, Random, Scope, TenantTrouble, Timeouts,
};
