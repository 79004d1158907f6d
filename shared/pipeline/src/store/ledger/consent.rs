//! Consent links: who was sent to Microsoft's consent page, and which tenant came back.
//!
//! One item for each link. A link is used by one tenant: the first that comes back with its state claims it, in one conditional
//! write, and no other can. That tenant may come back again, since Microsoft takes minutes until a consent shows, but one attempt
//! runs at a time.

pub mod id;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use office365::{Cloud, ContentType, TenantId};

use self::id::ConsentId;
use super::attribute::{Item, cut, expiry, get_millis, get_parsed, get_text, millis, text};
use super::key::Key;
use super::{Ledger, LedgerError, conditional};
use crate::aws::AwsError;
use crate::clock::later;

/// How long a link can be answered: time to forward it, sign in and read, and no more.
pub const LINK_LIVES: Duration = Duration::from_secs(15 * 60);

/// How long the tenant that has claimed a link may come back with it. A consent has taken up to some minutes to show in tokens;
/// this is counted from the claim, so that an answer in the last minute is not too late.
pub const CLAIM_LIVES: Duration = Duration::from_secs(30 * 60);

/// How long a link's item is kept: for people who ask which tenant came by which link.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nobody came back yet.
    Open,
    /// A tenant came back, and Microsoft does not issue what it consented to yet.
    Waiting,
    /// A tenant is registered.
    Registered,
    /// The administrator declined. The link stays open until it ends.
    Refused,
    /// It went wrong otherwise. The same tenant may try again until the link ends.
    Failed,
}

impl Progress {
    const ALL: [Self; 5] = [
        Self::Open,
        Self::Waiting,
        Self::Registered,
        Self::Refused,
        Self::Failed,
    ];

    /// As the ledger and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Registered => "registered",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentLink {
    /// Its name.
    pub id: ConsentId,
    /// In which cloud the tenant is.
    pub cloud: Cloud,
    /// What the tenant will be called; its id when there is none.
    pub name: Option<String>,
    /// The only tenant that it is for; any when there is none.
    pub bound_to: Option<TenantId>,
    /// What the tenant will be subscribed to; what it consents to when there is none.
    pub content_types: Option<Vec<ContentType>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it can no longer be answered.
    pub ends_at: Timestamp,
    /// What became of it.
    pub progress: Progress,
    /// The tenant that has claimed it.
    pub tenant_id: Option<TenantId>,
    /// When that tenant can no longer come back.
    pub waits_until: Option<Timestamp>,
    /// What happened last, for people.
    pub note: Option<String>,
}

impl ConsentLink {
    /// A new one.
    #[must_use]
    pub fn new(
        cloud: Cloud,
        name: Option<String>,
        bound_to: Option<TenantId>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: ConsentId::random(),
            cloud,
            name,
            bound_to,
            content_types: None,
            created_at: now,
            ends_at: later(now, LINK_LIVES),
            progress: Progress::Open,
            tenant_id: None,
            waits_until: None,
            note: None,
        }
    }

    /// Until when something can come of it.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.waits_until.unwrap_or(self.ends_at)
    }

    /// Whether nothing can come of it any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.progress != Progress::Registered && self.expires_at() <= now
    }
}

impl Ledger {
    /// Writes a new link down.
    ///
    /// # Errors
    /// [`LedgerError`]; the link cannot be answered.
    pub async fn create_consent(&self, link: &ConsentLink) -> Result<(), LedgerError> {
        let mut item = Key::Consent(link.id).attributes();
        let mut set = |name: &str, value: AttributeValue| {
            item.insert(name.to_owned(), value);
        };
        set("cloud", text(link.cloud.as_str()));
        if let Some(name) = &link.name {
            set("tenant_name", text(name));
        }
        if let Some(tenant) = link.bound_to {
            set("bound_to", text(tenant.to_string()));
        }
        if let Some(types) = &link.content_types {
            let types: Vec<&str> = types.iter().map(|of| of.as_str()).collect();
            set("types", text(types.join(",")));
        }
        set("created_at", millis(link.created_at));
        set("ends_at", millis(link.ends_at));
        set("progress", text(link.progress.as_str()));
        set("expires_at", expiry(later(link.created_at, KEPT)));
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:PutItem", &error))?;
        Ok(())
    }

    /// A link, if there is one of this name.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn consent(&self, id: ConsentId) -> Result<Option<ConsentLink>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::Consent(id).attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        output.item.as_ref().map(|item| read(id, item)).transpose()
    }

    /// Claims a link for the tenant that came back with it, and begins an attempt that nobody else makes before `busy_until`.
    /// `false` when the link is over, registered, another tenant's, or an attempt is under way.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been claimed.
    pub async fn claim_consent(
        &self,
        id: ConsentId,
        tenant: TenantId,
        now: Timestamp,
        busy_until: Timestamp,
    ) -> Result<bool, LedgerError> {
        let claim = self
            .update_key(&Key::Consent(id))
            .update_expression(
                "SET tenant_id = :tenant, progress = :waiting, busy_until = :busy, \
                 waits_until = if_not_exists(waits_until, :waits)",
            )
            .condition_expression(
                "progress <> :registered \
                 AND (attribute_not_exists(busy_until) OR busy_until <= :now) \
                 AND (attribute_not_exists(bound_to) OR bound_to = :tenant) \
                 AND ((attribute_not_exists(tenant_id) AND ends_at > :now) \
                 OR (tenant_id = :tenant AND waits_until > :now))",
            )
            .expression_attribute_values(":tenant", text(tenant.to_string()))
            .expression_attribute_values(":waiting", text(Progress::Waiting.as_str()))
            .expression_attribute_values(":registered", text(Progress::Registered.as_str()))
            .expression_attribute_values(":busy", millis(busy_until))
            .expression_attribute_values(":waits", millis(later(now, CLAIM_LIVES)))
            .expression_attribute_values(":now", millis(now));
        conditional(claim).await
    }

    /// Writes down what an attempt of the tenant that has claimed the link came to; the next may begin at `next_at`.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been written.
    pub async fn note_consent(
        &self,
        id: ConsentId,
        tenant: TenantId,
        (progress, note): (Progress, &str),
        next_at: Timestamp,
    ) -> Result<bool, LedgerError> {
        let noted = self
            .update_key(&Key::Consent(id))
            .update_expression("SET progress = :progress, note = :note, busy_until = :next")
            .condition_expression("tenant_id = :tenant AND progress <> :registered")
            .expression_attribute_values(":progress", text(progress.as_str()))
            .expression_attribute_values(":registered", text(Progress::Registered.as_str()))
            .expression_attribute_values(":note", text(cut(note)))
            .expression_attribute_values(":next", millis(next_at))
            .expression_attribute_values(":tenant", text(tenant.to_string()));
        conditional(noted).await
    }

    /// Gives a link back that was claimed for a tenant that does not exist.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been given back.
    pub async fn release_consent(
        &self,
        id: ConsentId,
        tenant: TenantId,
        note: &str,
    ) -> Result<bool, LedgerError> {
        let released = self
            .update_key(&Key::Consent(id))
            .update_expression(
                "SET progress = :failed, note = :note REMOVE tenant_id, waits_until, busy_until",
            )
            .condition_expression("tenant_id = :tenant AND progress <> :registered")
            .expression_attribute_values(":failed", text(Progress::Failed.as_str()))
            .expression_attribute_values(":registered", text(Progress::Registered.as_str()))
            .expression_attribute_values(":note", text(cut(note)))
            .expression_attribute_values(":tenant", text(tenant.to_string()));
        conditional(released).await
    }

    /// Writes down that Microsoft sent an administrator back without a consent. `false` when the link is over, or a tenant has
    /// claimed it.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been written.
    pub async fn refuse_consent(
        &self,
        id: ConsentId,
        (progress, note): (Progress, &str),
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let refused = self
            .update_key(&Key::Consent(id))
            .update_expression("SET progress = :progress, note = :note")
            .condition_expression("attribute_not_exists(tenant_id) AND ends_at > :now")
            .expression_attribute_values(":progress", text(progress.as_str()))
            .expression_attribute_values(":note", text(cut(note)))
            .expression_attribute_values(":now", millis(now));
        conditional(refused).await
    }
}

fn read(id: ConsentId, item: &Item) -> Result<ConsentLink, LedgerError> {
    let damaged = |attribute| LedgerError::Damaged {
        key: Key::Consent(id).pk(),
        attribute,
    };
    let time = |name| get_millis(item, name).ok_or_else(|| damaged(name));
    let progress = get_text(item, "progress")
        .and_then(|text| Progress::ALL.into_iter().find(|of| of.as_str() == text));
    // What says who may use the link must not be taken for absent because it cannot be read.
    let tenant = |name| match item.contains_key(name) {
        true => get_parsed(item, name)
            .map(Some)
            .ok_or_else(|| damaged(name)),
        false => Ok(None),
    };
    let content_types = get_text(item, "types")
        .map(|types| types.split(',').map(str::parse).collect())
        .transpose()
        .map_err(|_| damaged("types"))?;
    Ok(ConsentLink {
        id,
        content_types,
        cloud: get_parsed(item, "cloud").ok_or_else(|| damaged("cloud"))?,
        name: get_text(item, "tenant_name").map(str::to_owned),
        bound_to: tenant("bound_to")?,
        created_at: time("created_at")?,
        ends_at: time("ends_at")?,
        progress: progress.ok_or_else(|| damaged("progress"))?,
        tenant_id: tenant("tenant_id")?,
        waits_until: get_millis(item, "waits_until"),
        note: get_text(item, "note").map(str::to_owned),
    })
}
