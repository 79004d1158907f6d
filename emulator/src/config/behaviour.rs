//! Behaviour that Microsoft does not document, or that was seen both ways. All of it can be set; the README lists it under "Guessed".

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which starts the 15-minute cool-down counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartCooldown {
    /// No cool-down.
    Off,
    /// Each subscription for itself: five types started in a row work, as clients have seen.
    PerSubscription,
    /// All starts of an application in a tenant.
    PerTenant,
}

/// How the tenant of the address is compared with the token's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantCheck {
    /// They must be equal, as documented.
    Strict,
    /// The client id in the tenant's place is taken as the token's tenant (a widely used collector sends it).
    Loose,
}

/// How the header is spelled that leads to the next page. HTTP reads it in any case, some clients do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NextPageHeader {
    /// In small letters, as all headers then are. Seen.
    #[serde(rename = "nextpageuri")]
    Lower,
    /// With one capital letter, as every word of the other headers then has. Seen.
    #[serde(rename = "Nextpageuri")]
    Title,
    /// As documented; the other headers have a capital letter in every word.
    #[serde(rename = "NextPageUri")]
    Documented,
}

/// Behaviour that Microsoft does not document. Fields that a file leaves out keep their default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Entries on a page of a listing. Unknown; Microsoft's support did not get a second page from thousands of operations.
    pub page_items_max: usize,
    /// Entries in one notification. "More than one", the limit "may change".
    pub notification_items_max: usize,
    /// Notifications under way to one address at once.
    pub notification_parallel_max: usize,
    /// How long a webhook may take to answer a notification.
    pub notification_timeout_seconds: u64,
    /// How long a webhook may take to answer the validation call. One receiver assumes 5 s.
    pub validation_timeout_seconds: u64,
    /// How long after a valid start the listing still shows `webhook: null`.
    pub validation_shown_after_seconds: u64,
    /// Pause after the first failed notification.
    pub retry_first_seconds: u64,
    /// Each pause is this many times the one before.
    pub retry_factor: u32,
    /// Longest pause between two attempts.
    pub retry_seconds_max: u64,
    /// Failures in a row after which the webhook is disabled.
    pub failures_until_disabled: u32,
    /// Scope of "Too many frequent subscription start requests".
    pub start_cooldown: StartCooldown,
    /// Length of the cool-down. Documented.
    pub start_cooldown_seconds: u64,
    /// A start without a webhook removes the one that is there (inferred), instead of leaving it.
    pub start_without_webhook_removes: bool,
    /// After a stop and a start, for how long content is still refused (AF20023) and the listing empty, although the start answered `enabled`.
    pub stuck_after_restart_seconds: u64,
    /// How strictly the tenant of the address is compared with the token's.
    pub tenant_check: TenantCheck,
    /// Refuse a window of exactly 24 hours, as seen since 2026-05.
    pub refuse_exact_day: bool,
    /// Answer a window that is too wide with part of the data and status 200 instead of an error.
    pub wide_windows_are_partial: bool,
    /// The code for a bad window: AF20055 (seen today) or AF20030 (documented).
    pub window_code: String,
    /// The code for a type that was never started: AF20022 (documented) or AF20023 (seen).
    pub never_started_code: String,
    /// contentExpiration after contentCreated. Documented as 7 days, measured as 20 to 21.
    pub content_expires_after_days: u64,
    /// Status of AF20010, AF20011, AF20012 and AF20013, never recorded.
    pub tenant_error_status: u16,
    /// Status of AF20050, never recorded; clients skip a 404.
    pub unknown_content_status: u16,
    /// Status of AF20051, never recorded.
    pub expired_content_status: u16,
    /// Status of AF20052, never recorded.
    pub malformed_content_status: u16,
    /// Requests a minute after which a tenant is throttled (2,000 is documented); none by default, so that it does not slow measurements down.
    pub requests_per_minute_max: Option<u32>,
    /// Status of AF429: 403 as documented, or 429.
    pub throttled_status: u16,
    /// Compress the answers of the feed for callers who accept gzip. Undocumented.
    pub gzip: bool,
    /// How `NextPageUri` is spelled.
    pub next_page_header: NextPageHeader,
    /// Omit `status` from the subscription listing, as one documented sample does.
    pub omit_subscription_status: bool,
    /// A listing that starts exactly at a blob's creation makes that blob partial: from then on only half of its records are sent. One collector saw this.
    pub partial_blob_at_window_start: bool,
    /// Blobs that are in the feed already when a type is first started, created up to 22 hours before.
    pub blobs_before_subscription: usize,
    /// Time from the first start of a type to its first blob. Documented as up to 12 hours, measured as 2 minutes.
    pub first_blob_after_seconds: u64,
    /// After auditing was turned on, for how long a tenant still "does not exist". Documented as up to 60 minutes.
    pub auditing_starts_after_seconds: u64,
    /// After an administrator has accepted, for how long tokens are still as they were before. Seen as seconds to some minutes.
    pub consent_spreads_after_seconds: u64,
    /// Refuse unknown query parameters instead of ignoring them. They are recorded as violations either way.
    pub refuse_unknown_parameters: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            page_items_max: 200,
            notification_items_max: 10,
            notification_parallel_max: 8,
            notification_timeout_seconds: 30,
            validation_timeout_seconds: 5,
            validation_shown_after_seconds: 0,
            retry_first_seconds: 10,
            retry_factor: 2,
            retry_seconds_max: 3600,
            failures_until_disabled: 12,
            start_cooldown: StartCooldown::PerSubscription,
            start_cooldown_seconds: 15 * 60,
            start_without_webhook_removes: true,
            stuck_after_restart_seconds: 0,
            tenant_check: TenantCheck::Strict,
            refuse_exact_day: true,
            wide_windows_are_partial: false,
            window_code: "AF20055".to_owned(),
            never_started_code: "AF20022".to_owned(),
            content_expires_after_days: 7,
            tenant_error_status: 400,
            unknown_content_status: 404,
            expired_content_status: 400,
            malformed_content_status: 400,
            requests_per_minute_max: None,
            throttled_status: 403,
            gzip: false,
            next_page_header: NextPageHeader::Lower,
            omit_subscription_status: false,
            partial_blob_at_window_start: false,
            blobs_before_subscription: 0,
            first_blob_after_seconds: 0,
            auditing_starts_after_seconds: 3600,
            consent_spreads_after_seconds: 0,
            refuse_unknown_parameters: true,
        }
    }
}

impl Behaviour {
    /// `contentExpiration` less `contentCreated`.
    pub(crate) fn content_lifetime(&self) -> Duration {
        Duration::from_hours(24 * self.content_expires_after_days)
    }

    /// The pause before the next attempt after `failures` failures in a row.
    pub(crate) fn retry_pause(&self, failures: u32) -> Duration {
        let factor = u64::from(self.retry_factor).saturating_pow(failures.saturating_sub(1));
        Duration::from_secs(
            self.retry_first_seconds
                .saturating_mul(factor)
                .min(self.retry_seconds_max),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_pauses_grow_to_their_limit() {
        let behaviour = Behaviour::default();
        let gaps =
            [1, 2, 3, 9, 10, 64, 1000].map(|failures| behaviour.retry_pause(failures).as_secs());
        assert_eq!(gaps, [10, 20, 40, 2560, 3600, 3600, 3600]);
    }
}
