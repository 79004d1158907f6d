//! Registered tenants, and how the subscription to each of their content types stands.

pub mod brake;
mod read;
mod write;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use office365::{Cloud, ContentType, TenantId};
use serde::{Deserialize, Serialize};

use self::brake::Brake;
pub use self::read::{TENANTS_PAGE_MAX, TenantPage, Unreadable};
pub use self::write::TenantChange;

/// Microsoft asks for 15 minutes between two starts of one subscription; a minute more, because the two clocks differ and a
/// start may wait for a token after it was reserved.
pub const START_COOL_DOWN: Duration = Duration::from_secs(16 * 60);

/// How fresh "last content" and "last notification" are. Writing them for every blob would cost a busy tenant a write a
/// blob on one partition.
pub const ACTIVITY_RESOLUTION: Duration = Duration::from_secs(60);

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantState {
    /// Its content is fetched.
    Active,
    /// An operator wants nothing to be fetched. Its subscriptions go on, so that Microsoft keeps what it publishes.
    Paused,
    /// Its removal has begun: subscriptions are being stopped and never started again.
    Leaving,
}

impl TenantState {
    /// As the ledger and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Leaving => "leaving",
        }
    }
}

/// A registered tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Entra tenant id.
    pub tenant_id: TenantId,
    /// For people.
    pub name: String,
    /// Where its audit log lives.
    pub cloud: Cloud,
    /// What is subscribed to, in a fixed order, without repetition.
    pub content_types: Vec<ContentType>,
    /// Served, or on its way out.
    pub state: TenantState,
    /// First registration.
    pub created_at: Timestamp,
    /// What keeps it from being served, if anything does.
    pub brake: Option<Brake>,
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not started yet, or Microsoft has not said that it is.
    #[default]
    Pending,
    /// Microsoft says so.
    Enabled,
    /// Microsoft says so.
    Disabled,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }

    fn read(text: &str) -> Self {
        match text {
            "enabled" => Self::Enabled,
            "disabled" => Self::Disabled,
            _ => Self::Pending,
        }
    }
}

/// One content type of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// As last seen at Microsoft.
    pub status: Status,
    /// The webhook as last seen: `enabled`, `disabled`, `expired`, or `none`.
    pub webhook: Option<String>,
    /// When status and webhook were seen.
    pub observed_at: Option<Timestamp>,
    /// Last call of `/start`, whatever came of it.
    pub start_attempted_at: Option<Timestamp>,
    /// Microsoft could not validate our webhook at the last start (AF20021).
    pub webhook_refused: bool,
    /// The last start was refused because the tenant has no audit log.
    pub auditing_off: bool,
    /// Last blob announced by webhook and fetched, to the minute.
    pub last_notification_at: Option<Timestamp>,
    /// When the last fetched blob was written to the lake, to the minute.
    pub last_content_at: Option<Timestamp>,
    /// What went wrong last, until something goes right.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<Timestamp>,
}

/// A tenant with the state of each content type it is registered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The tenant.
    pub tenant: Tenant,
    /// One entry for each of the tenant's content types.
    pub subscriptions: BTreeMap<ContentType, Subscription>,
}
