//! Client of the Office 365 Management Activity API: subscriptions, content listings, content blobs, and the webhook's
//! bodies, for every tenant that consented to one app registration.
//!
//! Knows no AWS and reads no environment. Whatever comes from outside is bounded, parsed and rebuilt: a token is sent to
//! the tenant's login and management servers and nowhere else. Every error says what to do about it
//! ([`Error::disposition`]).

pub mod address;
pub mod notification;
pub mod timestamp;

mod blob;
mod breaker;
mod certificate;
mod claims;
mod client;
mod cloud;
mod config;
mod consent;
mod content;
mod content_type;
mod credential;
mod envelope;
mod error;
mod exchange;
mod listing;
mod login;
mod operations;
mod pages;
mod quota;
mod resources;
mod restraint;
mod subscription;
mod tenant;
mod token;
mod wire;

pub use address::{AllowedHosts, HostileUri, check_content_uri};
pub use blob::RecordStream;
pub use breaker::BreakerLimits;
pub use certificate::{Certificate, InvalidCertificate};
pub use client::{Client, InvalidConfig};
pub use cloud::{Cloud, Endpoints, InvalidEndpoint, UnknownCloud};
pub use config::{ClientConfig, Clock, Random, RetryLimits, Timeouts};
pub use content::{CONTENT_ID_BYTES_MAX, Content, ContentId, InvalidContentId};
pub use content_type::{ContentType, UnknownContentType};
pub use credential::{AssertionSource, Credential, SecretSource, federation_audience};
pub use error::{Disposition, Error, Failure, Operation};
pub use listing::{ContentListing, Rejected, SentNotification};
pub use pages::WINDOW_MAX;
pub use quota::QuotaLimits;
pub use records::BlobLimits;
pub use resources::SensitiveType;
pub use subscription::{
    Started, Subscription, SubscriptionStatus, Webhook, WebhookState, WebhookStatus,
};
pub use tenant::{InvalidTenantId, TenantId};
