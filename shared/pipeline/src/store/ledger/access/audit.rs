//! The audit log: each change that somebody made through the API, with who, when and from where.
//!
//! An entry lies in the partition of its month. People change things some hundred times a day, and API Gateway lets ten
//! requests a second through, so a partition stays far below 1,000 writes a second; and 400 days are fourteen partitions to
//! read, not four hundred.

use std::net::IpAddr;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use office365::TenantId;

use super::id::{EntryId, KeyId, Month};
use crate::aws::AwsError;
use crate::clock::{earlier, later};
use crate::store::ledger::attribute::{EXPIRES_AT, Item, cut, expiry, get_parsed, get_text, text};
use crate::store::ledger::key::{Key, PK, SK, UnknownKey, audit_pk};
use crate::store::ledger::{Ledger, LedgerError};

/// How long an entry is kept: audits look back over a year.
pub const ENTRY_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// Entries of one page.
pub const ENTRIES_PAGE_MAX: usize = 200;

/// Queries of one page: the fourteen months that are kept, and some more for a filter that finds little. What is not
/// searched by then, the next page searches.
const QUERIES_MAX: usize = 24;

/// Entries that one Query of a filtered page looks at: of at most 1 KB each, what a Query returns.
const FILTERED_MAX: i32 = 1_000;

/// What was done. As the ledger and the API spell it: the thing, a dot, the verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A tenant was registered, or registered again.
    TenantRegister,
    /// A tenant's name, content types or state was changed.
    TenantChange,
    /// A tenant was removed.
    TenantRemove,
    /// Somebody said that a loss is known.
    LossAcknowledge,
    /// Somebody looks at a finding.
    FindingAcknowledge,
    /// A finding was closed with a verdict.
    FindingClose,
    /// A closed finding was opened again.
    FindingReopen,
    /// An exception was made.
    ExceptionCreate,
    /// An exception was removed.
    ExceptionRemove,
    /// A replay was begun.
    ReplayBegin,
    /// A replay that had failed was started again.
    ReplayRestart,
    /// A consent link was made.
    ConsentCreate,
    /// A key was made.
    KeyCreate,
    /// A key was ended.
    KeyRevoke,
    /// Another key took the place of one.
    KeyRotate,
}

impl Action {
    /// As the ledger and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantRegister => "tenant.register",
            Self::TenantChange => "tenant.change",
            Self::TenantRemove => "tenant.remove",
            Self::LossAcknowledge => "loss.acknowledge",
            Self::FindingAcknowledge => "finding.acknowledge",
            Self::FindingClose => "finding.close",
            Self::FindingReopen => "finding.reopen",
            Self::ExceptionCreate => "exception.create",
            Self::ExceptionRemove => "exception.remove",
            Self::ReplayBegin => "replay.begin",
            Self::ReplayRestart => "replay.restart",
            Self::ConsentCreate => "consent.create",
            Self::KeyCreate => "key.create",
            Self::KeyRevoke => "key.revoke",
            Self::KeyRotate => "key.rotate",
        }
    }
}

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The key's name in the ledger.
    pub key_id: KeyId,
    /// What people called the key at that time.
    pub name: String,
    /// Where the request came from, as far as it is known.
    pub source: Option<IpAddr>,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, which tells when.
    pub id: EntryId,
    /// Who.
    pub actor: Actor,
    /// What: the text of an [`Action`].
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// Whose, if it concerns one tenant.
    pub tenant_id: Option<TenantId>,
    /// More, for people. At most 300 characters are kept.
    pub detail: String,
}

/// A page of the log.
#[derive(Debug, Default)]
pub struct AuditPage {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// Where the next page begins, if there may be one: entries older than this.
    pub next: Option<EntryId>,
}

impl Ledger {
    /// Writes an entry. Writing one of the same id again replaces it.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been written.
    pub async fn note_change(&self, entry: &Entry) -> Result<(), LedgerError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(entry)))
            .send()
            .await;
        put.map_err(|error| AwsError::new("dynamodb:PutItem", &error))?;
        Ok(())
    }

    /// A page of at most `limit` entries older than `before`, of all tenants or of one. A page may be empty and have a next
    /// one: then there was more to search than one request may.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn audit_log(
        &self,
        before: Option<EntryId>,
        tenant: Option<TenantId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<AuditPage, LedgerError> {
        let limit = limit.clamp(1, ENTRIES_PAGE_MAX);
        let oldest = Month::of(earlier(now, ENTRY_KEPT));
        let mut page = AuditPage::default();
        let mut month = before.map_or(Month::of(now), |before| before.month());
        // Everything newer than this is searched.
        let mut searched = before;
        for _ in 0..QUERIES_MAX {
            if month < oldest {
                return Ok(page);
            }
            let (entries, last) = self.query_month(month, searched, tenant, limit).await?;
            for entry in entries {
                if page.entries.len() == limit {
                    page.next = page.entries.last().map(|last| last.id);
                    return Ok(page);
                }
                page.entries.push(entry);
            }
            match (last, month.before()) {
                (Some(last), _) => searched = Some(last),
                (None, Some(before)) => {
                    searched = Some(month.first_entry());
                    month = before;
                }
                (None, None) => return Ok(page),
            }
        }
        page.next = searched;
        Ok(page)
    }

    /// Entries of a month older than `before`, and how far was searched when that was not all.
    async fn query_month(
        &self,
        month: Month,
        before: Option<EntryId>,
        tenant: Option<TenantId>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Option<EntryId>), LedgerError> {
        // One more than asked for tells whether there is another page.
        let limit = i32::try_from(limit + 1).unwrap_or(FILTERED_MAX);
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(audit_pk(month)))
            .scan_index_forward(false)
            .limit(if tenant.is_some() {
                FILTERED_MAX
            } else {
                limit
            });
        query = match before {
            None => query.key_condition_expression("#pk = :pk"),
            Some(before) => query
                .key_condition_expression("#pk = :pk AND #sk < :before")
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":before", text(before.to_string())),
        };
        if let Some(tenant) = tenant {
            query = query
                .filter_expression("tenant_id = :tenant")
                .expression_attribute_values(":tenant", text(tenant.to_string()));
        }
        let output = query.send().await;
        let output = output.map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let last = output.last_evaluated_key.as_ref();
        let last = last.and_then(|key| get_parsed(key, SK));
        let items = output.items.unwrap_or_default();
        // One that cannot be read must not hide the others.
        let readable = |item: &Item| {
            read(item)
                .inspect_err(|error| tracing::error!(%error, "entry of the audit log passed over"))
                .ok()
        };
        Ok((items.iter().filter_map(readable).collect(), last))
    }
}

fn item(entry: &Entry) -> Item {
    let mut item = Key::Audit(entry.id).attributes();
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    set("actor_key", text(entry.actor.key_id.as_str()));
    set("actor_name", text(&entry.actor.name));
    set("action", text(&entry.action));
    set("target", text(&entry.target));
    set("detail", text(cut(&entry.detail)));
    if let Some(source) = entry.actor.source {
        set("source_ip", text(source.to_string()));
    }
    if let Some(tenant) = entry.tenant_id {
        set("tenant_id", text(tenant.to_string()));
    }
    set(EXPIRES_AT, expiry(later(entry.id.at(), ENTRY_KEPT)));
    item
}

fn read(item: &Item) -> Result<Entry, LedgerError> {
    let (pk, sk) = (get_text(item, PK), get_text(item, SK));
    let Key::Audit(id) = Key::parse(pk.unwrap_or_default(), sk.unwrap_or_default())? else {
        return Err(UnknownKey.into());
    };
    let own = |name: &str| get_text(item, name).unwrap_or_default().to_owned();
    Ok(Entry {
        id,
        actor: Actor {
            key_id: get_parsed(item, "actor_key").ok_or_else(|| LedgerError::Damaged {
                key: format!("entry {id}"),
                attribute: "actor_key",
            })?,
            name: own("actor_name"),
            source: get_parsed(item, "source_ip"),
        },
        action: own("action"),
        target: own("target"),
        tenant_id: get_parsed(item, "tenant_id"),
        detail: own("detail"),
    })
}
