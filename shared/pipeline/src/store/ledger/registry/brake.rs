//! What keeps a tenant from being served at all: consent, credential, auditing, throttling. It is one fact about the tenant,
//! not one about each of its blobs. While it holds, its blobs wait without attempts, and one call now and then tries whether
//! it still does.

use std::str::FromStr;
use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;
use jiff::Timestamp;
use office365::TenantId;
use serde::Serialize;

use crate::backoff::patient;
use crate::clock::later;
use crate::store::ledger::attribute::{
    Item, cut, get_millis, get_number, get_parsed, get_text, millis, number, text,
};
use crate::store::ledger::key::Key;
use crate::store::ledger::{Ledger, LedgerError, conditional, unless_refused};

/// Where the probes begin in the delays of [`patient`]: the first is after two seconds at most, because a single odd answer is
/// over by then.
const FIRST_PROBE: u32 = 2;

/// Why a tenant cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BrakeReason {
    /// An administrator must give consent.
    Consent,
    /// Our credential is refused.
    Credential,
    /// A policy of the tenant keeps us out.
    Blocked,
    /// The tenant has no unified audit log.
    AuditingOff,
    /// Microsoft does not know the tenant.
    TenantGone,
    /// Too many requests.
    Throttled,
}

impl BrakeReason {
    const ALL: [Self; 6] = [
        Self::Consent,
        Self::Credential,
        Self::Blocked,
        Self::AuditingOff,
        Self::TenantGone,
        Self::Throttled,
    ];

    /// As the ledger and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Credential => "credential",
            Self::Blocked => "blocked",
            Self::AuditingOff => "auditing_off",
            Self::TenantGone => "tenant_gone",
            Self::Throttled => "throttled",
        }
    }
}

impl FromStr for BrakeReason {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|reason| reason.as_str() == text).ok_or(())
    }
}

/// A tenant that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brake {
    /// Why.
    pub reason: BrakeReason,
    /// What Microsoft said, for people.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// When the next call may try.
    pub next_probe_at: Timestamp,
    /// How many tried.
    pub probes: u32,
}

impl Ledger {
    /// Puts the brake on; returns it. `wait` is the least that Microsoft asks for. Of one that is on already the latest reason
    /// counts, and the longest wait.
    ///
    /// # Errors
    /// [`LedgerError`]; the next failing call puts it on.
    pub async fn put_brake(
        &self,
        tenant: TenantId,
        reason: BrakeReason,
        why: &str,
        wait: Duration,
        now: Timestamp,
    ) -> Result<Option<Brake>, LedgerError> {
        let next = later(now, patient(FIRST_PROBE, tenant).max(wait));
        let put = self
            .update_key(&Key::Tenant(tenant))
            .update_expression(
                "SET brake_reason = :reason, brake_text = :text, brake_since = if_not_exists(brake_since, :now), \
                 brake_probes = if_not_exists(brake_probes, :none), \
                 next_probe_at = if_not_exists(next_probe_at, :next)",
            )
            .condition_expression("attribute_exists(standing)")
            .expression_attribute_values(":reason", text(reason.as_str()))
            .expression_attribute_values(":text", text(cut(why)))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":next", millis(next))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let item = unless_refused(put)?.and_then(|output| output.attributes);
        let mut brake = item.as_ref().and_then(read_brake);
        let asked_for = later(now, wait);
        if let Some(brake) = &mut brake
            && !wait.is_zero()
            && brake.next_probe_at < asked_for
        {
            self.put_probe_off(tenant, asked_for).await?;
            brake.next_probe_at = asked_for;
        }
        Ok(brake)
    }

    /// Moves the next probe to `until`, unless it is later, or the brake is off.
    async fn put_probe_off(&self, tenant: TenantId, until: Timestamp) -> Result<(), LedgerError> {
        let put_off = self
            .update_key(&Key::Tenant(tenant))
            .update_expression("SET next_probe_at = :until")
            .condition_expression("attribute_exists(brake_since) AND next_probe_at < :until")
            .expression_attribute_values(":until", millis(until));
        conditional(put_off).await.map(drop)
    }

    /// Takes the next probe, when it is due: `true` for one of all who ask.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn take_probe(
        &self,
        tenant: TenantId,
        brake: &Brake,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let next = later(
            now,
            patient(brake.probes.saturating_add(FIRST_PROBE + 1), tenant),
        );
        let taken = self
            .update_key(&Key::Tenant(tenant))
            .update_expression("SET next_probe_at = :next ADD brake_probes :one")
            .condition_expression("next_probe_at = :known AND next_probe_at <= :now")
            .expression_attribute_values(":next", millis(next))
            .expression_attribute_values(":known", millis(brake.next_probe_at))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":one", number(1));
        conditional(taken).await
    }

    /// Takes the brake off, after a call that succeeded. `true` for the one who did: that one enqueues what waits.
    ///
    /// # Errors
    /// [`LedgerError`]; the next call that succeeds takes it off.
    pub async fn take_brake_off(&self, tenant: TenantId) -> Result<bool, LedgerError> {
        let off = self
            .update_key(&Key::Tenant(tenant))
            .update_expression(
                "REMOVE brake_reason, brake_text, brake_since, brake_probes, next_probe_at",
            )
            .condition_expression("attribute_exists(brake_since)");
        conditional(off).await
    }
}

pub(super) fn read_brake(item: &Item) -> Option<Brake> {
    Some(Brake {
        reason: get_parsed(item, "brake_reason")?,
        text: get_text(item, "brake_text").unwrap_or_default().to_owned(),
        since: get_millis(item, "brake_since")?,
        next_probe_at: get_millis(item, "next_probe_at")?,
        probes: get_number(item, "brake_probes").unwrap_or(0),
    })
}
