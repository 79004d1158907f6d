//! The operations of the Management Activity API, and the body it posts to a webhook.

pub mod notification;

mod blob;
mod client;
mod config;
mod diagnosis;
mod listing;
mod pagination;
mod request;
mod sensitive_types;
mod subscribe;
mod subscription;

pub use blob::BlobBody;
pub use client::{Client, InvalidConfig};
pub use config::{ClientConfig, RetryLimits};
pub use diagnosis::{CredentialReport, TokenFacts, TokenReport};
pub use listing::{ContentListing, Readdressed, Rejected};
pub use pagination::{ContentPages, WINDOW_MAX};
pub use sensitive_types::SensitiveType;
pub use subscription::{
    Started, Subscription, SubscriptionStatus, Webhook, WebhookState, WebhookStatus,
};
