//! What can be set of a tenant.

use serde::{Deserialize, Serialize};

/// Whether, and how, a tenant knows the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Tokens carry roles.
    Granted,
    /// The application is known but nothing was consented: tokens are issued without roles.
    Roleless,
    /// The application is not in the tenant: AADSTS700016.
    Missing,
}

/// What can be changed of a tenant while running. Fields that are `None` stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantState {
    /// Consent; tokens issued before stay as they were issued.
    pub consent: Option<Consent>,
    /// The roles that new tokens carry.
    pub roles: Option<Vec<String>>,
    /// Whether auditing is on. Turning it on takes effect after [`crate::Behaviour::auditing_starts_after_seconds`].
    pub auditing: Option<bool>,
    /// The application is disabled in the tenant: AADSTS7000112.
    pub app_disabled: Option<bool>,
    /// The API's service principal is disabled in the tenant (no Exchange Online licence): AADSTS500014.
    pub resource_disabled: Option<bool>,
    /// The tenant lives in another cloud: AADSTS900382.
    pub other_cloud: Option<bool>,
    /// The tenant is configured wrongly: AF20012.
    pub misconfigured: Option<bool>,
}
