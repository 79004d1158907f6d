//! What an emulator is started with, and what can be changed while it runs.

mod administrator;
mod behaviour;
mod credential_state;
mod fault;
mod federated_credential;
mod scenario;
mod settings;
mod story_entry;
mod tenant_state;
mod tls;

pub use administrator::{Administrator, Decision};
pub use behaviour::{Behaviour, NextPageHeader, StartCooldown, TenantCheck};
pub use credential_state::CredentialState;
pub use fault::{Fault, FaultKind};
pub use federated_credential::FederatedCredential;
pub use scenario::{Scenario, ScenarioError};
pub use settings::Config;
pub(crate) use settings::TENANTS_MAX;
pub use story_entry::StoryEntry;
pub use tenant_state::{Consent, TenantState};
pub use tls::Tls;
