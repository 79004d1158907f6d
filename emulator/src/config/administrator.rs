//! The administrator who decides about consent.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the administrator in front of the consent page does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Agrees at once.
    #[default]
    Accept,
    /// Declines at once.
    Decline,
    /// Reads the page and clicks: it is shown with two links.
    Ask,
}

/// The administrator in front of the consent page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Administrator {
    /// Accepts, declines, or is asked.
    pub decision: Decision,
    /// Whose administrator it is, where the address names no single tenant; the first tenant by default.
    pub tenant: Option<Uuid>,
    /// Name this tenant in the redirect instead of the one that consented. Anybody can forge a redirect.
    pub forged_tenant: Option<Uuid>,
    /// The redirect carries no `state`, as on the older page when the administrator declines.
    pub omit_state: bool,
}
