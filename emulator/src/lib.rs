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

mod answer;
mod call;
mod clock;
mod config;
mod content_type;
mod control;
mod dice;
mod fault;
mod feed;
pub mod generator;
mod handle;
#[cfg(test)]
mod hostile;
mod login;
mod plan;
mod publish;
mod published;
mod query;
mod route;
mod rules;
mod server;
mod shared;
mod webhook;
mod world;

pub use clock::Clock;
pub use config::Config;
pub use content_type::{ContentType, UnknownContentType};
pub use fault::{Fault, FaultKind};
pub use generator::BadRecord;
pub use handle::{Emulator, StartError};
pub use login::{Administrator, Decision, FederatedCredential};
pub use plan::{BadPlan, Plan};
pub use published::{Published, PublishedFeed};
pub use rules::{Rules, StartCooldown, TenantCheck};
pub use world::{Consent, Delivery, Operation, RequestSeen, StartSeen, TenantState, Violation};
