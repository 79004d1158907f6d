//! A faithful Microsoft for the Office 365 Management Activity API: the login host and the API host on one port, over real HTTP, in memory.
//!
//! It is written from Microsoft's documentation and from what clients saw on the wire, and depends on no client.
//!
//! ```no_run
//! # async fn example() -> Result<(), emulator::StartError> {
//! let microsoft = emulator::Emulator::start(emulator::Config { tenants: 2, allow_http_webhooks: true, ..Default::default() }).await?;
//! println!("{} {} {}", microsoft.manage_url(), microsoft.client_id(), microsoft.client_secret());
//! // ... let a collector run against it ...
//! assert_eq!(microsoft.violations(), []);
//! # Ok(()) }
//! ```

mod api;
mod clock;
mod config;
mod content_type;
mod control;
mod emulator;
pub mod generator;
mod login;
mod message;
mod operation;
mod publish;
mod rng;
mod server;
mod story;
mod webhook;
mod world;

pub use clock::Clock;
pub use config::{
    Administrator, Behaviour, Config, Consent, CredentialState, Decision, Fault, FaultKind,
    FederatedCredential, NextPageHeader, Scenario, ScenarioError, StartCooldown, StoryEntry,
    TenantCheck, TenantState, Tls,
};
pub use content_type::{ContentType, UnknownContentType};
pub use emulator::{Emulator, StartError};
pub use generator::BadRecord;
pub use operation::Operation;
pub use publish::{Published, PublishedFeed, Told, UnknownTenant};
pub use story::{Story, UnknownStory};
pub use world::{Delivery, RequestSeen, StartSeen, Violation};
