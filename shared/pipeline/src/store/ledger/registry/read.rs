//! Reading tenants and subscriptions.

use std::collections::BTreeSet;

use office365::{ContentType, TenantId};

use super::brake::read_brake;
use super::{Registered, Status, Subscription, Tenant, TenantState};
use crate::aws::AwsError;
use crate::store::ledger::attribute::{Item, get_millis, get_parsed, get_text, text};
use crate::store::ledger::key::{Key, PK, SHARDS, SK, UnknownKey, shard, tenants_pk};
use crate::store::ledger::{Ledger, LedgerError};

/// Tenants of one page: with six items of some 500 bytes each, a third of the 1 MB that a Query returns.
pub const TENANTS_PAGE_MAX: usize = 100;

/// Pages of all tenants: a hundred thousand of them.
const PAGES_MAX: usize = 1_000;

/// Queries for one page. Sixteen partitions may be empty, and a page of 1 MB be full of what removed tenants left behind.
const QUERIES_MAX: usize = 64;

/// Pages of one partition, of 1 MB or some 400 tenants each: a hundred thousand tenants in all sixteen.
const SHARD_PAGES_MAX: usize = 20;

/// Items of one Query: enough for the rest of a page in one go.
const ITEMS_MAX: i32 = 700;

/// A tenant whose item cannot be read: its own trouble and nobody else's.
#[derive(Debug)]
pub struct Unreadable {
    /// Which.
    pub tenant_id: TenantId,
    /// What is wrong with it.
    pub error: LedgerError,
}

/// Some of the tenants, in the order of their ids.
#[derive(Debug, Default)]
pub struct TenantPage {
    /// The tenants.
    pub tenants: Vec<Result<Registered, Unreadable>>,
    /// Where the next page begins: after this one. None at the end.
    pub next: Option<TenantId>,
}

impl Ledger {
    /// The tenant, if it is registered.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn tenant(&self, tenant: TenantId) -> Result<Option<Tenant>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::Tenant(tenant).attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        output.item.as_ref().map(read_tenant).transpose()
    }

    /// The tenant with its subscriptions, if it is registered.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn registered(&self, tenant: TenantId) -> Result<Option<Registered>, LedgerError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :tenant)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(tenants_pk(shard(tenant))))
            .expression_attribute_values(":tenant", text(tenant.to_string()))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let mut assembled = Vec::new();
        for item in output.items.unwrap_or_default() {
            assemble(&item, &mut assembled);
        }
        match assembled.pop() {
            None => Ok(None),
            Some(Ok(registered)) => Ok(Some(registered)),
            Some(Err(unreadable)) => Err(unreadable.error),
        }
    }

    /// A page of the registered tenants with their subscriptions, after `after`: at most `limit`, and at most
    /// [`TENANTS_PAGE_MAX`]. An item that cannot be read is told in the place of its tenant.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn tenants(
        &self,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<TenantPage, LedgerError> {
        let limit = limit.clamp(1, TENANTS_PAGE_MAX);
        let mut page = TenantPage::default();
        // After the tenant's own items: "~" sorts after the "#" that stands between tenant and content type.
        let mut after = after.map(|tenant| format!("{tenant}~"));
        let first = after.as_deref().and_then(|after| after.chars().next());
        let mut shards = SHARDS
            .into_iter()
            .filter(|shard| first.is_none_or(|first| *shard >= first))
            .peekable();
        for _ in 0..QUERIES_MAX {
            let Some(shard) = shards.peek().copied() else {
                return Ok(page);
            };
            let output = self.query_shard(shard, after.as_deref()).await?;
            for item in output.items.unwrap_or_default() {
                if page.tenants.len() == limit && is_another(&item, &page) {
                    page.next = page.tenants.last().map(tenant_id);
                    return Ok(page);
                }
                assemble(&item, &mut page.tenants);
            }
            after = output
                .last_evaluated_key
                .as_ref()
                .and_then(|key| get_text(key, SK).map(str::to_owned));
            if after.is_none() {
                shards.next();
            }
        }
        page.next = page.tenants.last().map(tenant_id);
        Ok(page)
    }

    /// The tenants of one partition (one of [`super::super::key::SHARDS`]) with their subscriptions, in the order of their ids,
    /// by an eventually consistent read: for looking over all of them. One that cannot be read does not hide the others.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn tenants_of(
        &self,
        shard: char,
    ) -> Result<Vec<Result<Registered, Unreadable>>, LedgerError> {
        let mut all = Vec::new();
        let mut start = None;
        for _ in 0..SHARD_PAGES_MAX {
            let output = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":pk", text(tenants_pk(shard)))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
            for item in output.items.unwrap_or_default() {
                assemble(&item, &mut all);
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(all);
            }
        }
        Err(too_many().into())
    }

    /// The same of those in `some` that are registered, in the order of their ids.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn some_tenants(
        &self,
        some: &BTreeSet<TenantId>,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<TenantPage, LedgerError> {
        let limit = limit.clamp(1, TENANTS_PAGE_MAX);
        let mut page = TenantPage::default();
        let behind = |id: &&TenantId| after.is_none_or(|after| **id > after);
        for tenant_id in some.iter().filter(behind).copied() {
            let read = match self.registered(tenant_id).await {
                Ok(None) => continue,
                Ok(Some(registered)) => Ok(registered),
                // That DynamoDB does not answer is nothing about this tenant.
                Err(error @ LedgerError::Aws(_)) => return Err(error),
                Err(error) => Err(Unreadable { tenant_id, error }),
            };
            if page.tenants.len() == limit {
                page.next = page.tenants.last().map(self::tenant_id);
                break;
            }
            page.tenants.push(read);
        }
        Ok(page)
    }

    /// Every tenant that can be read, in the order of their ids. The others are in the log.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn all_tenants(&self) -> Result<Vec<Registered>, LedgerError> {
        let mut all = Vec::new();
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page = self.tenants(after, TENANTS_PAGE_MAX).await?;
            for tenant in page.tenants {
                match tenant {
                    Ok(registered) => all.push(registered),
                    Err(Unreadable { tenant_id, error }) => {
                        tracing::error!(tenant.id = %tenant_id, %error, "tenant passed over");
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
        Err(too_many().into())
    }

    async fn query_shard(
        &self,
        shard: char,
        after: Option<&str>,
    ) -> Result<aws_sdk_dynamodb::operation::query::QueryOutput, LedgerError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(tenants_pk(shard)))
            .limit(ITEMS_MAX);
        let query = match after {
            None => query.key_condition_expression("#pk = :pk"),
            Some(after) => query
                .key_condition_expression("#pk = :pk AND #sk > :after")
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":after", text(after)),
        };
        let output = query.send().await;
        Ok(output.map_err(|error| AwsError::new("dynamodb:Query", &error))?)
    }
}

fn too_many() -> AwsError {
    let why = "there are more tenants than this program is made for";
    AwsError::unusable("dynamodb:Query", why)
}

fn tenant_id(read: &Result<Registered, Unreadable>) -> TenantId {
    match read {
        Ok(registered) => registered.tenant.tenant_id,
        Err(unreadable) => unreadable.tenant_id,
    }
}

/// Whether the item is of another tenant than the last one of the page.
fn is_another(item: &Item, page: &TenantPage) -> bool {
    let last = page.tenants.last().map(|last| tenant_id(last).to_string());
    let sk = get_text(item, SK).unwrap_or_default();
    last.is_none_or(|last| !sk.starts_with(&last))
}

/// Puts tenants and subscriptions together. A tenant's item sorts before those of its subscriptions; subscriptions without
/// a tenant are what a removed one left behind.
fn assemble(item: &Item, all: &mut Vec<Result<Registered, Unreadable>>) {
    match read_key(item) {
        Ok(Key::Tenant(tenant_id)) => all.push(match read_tenant(item) {
            Ok(tenant) => {
                let of = tenant.content_types.iter();
                let subscriptions = of.map(|of| (*of, Subscription::default())).collect();
                Ok(Registered {
                    tenant,
                    subscriptions,
                })
            }
            Err(error) => Err(Unreadable { tenant_id, error }),
        }),
        Ok(Key::Subscription(tenant, content_type)) => {
            if let Some(Ok(last)) = all.last_mut()
                && last.tenant.tenant_id == tenant
                && let Some(entry) = last.subscriptions.get_mut(&content_type)
            {
                *entry = read_subscription(item);
            }
        }
        Ok(_) | Err(_) => {
            tracing::error!("an item among the tenants has a key of no known layout, passed over");
        }
    }
}

fn read_key(item: &Item) -> Result<Key, UnknownKey> {
    Key::parse(
        get_text(item, PK).unwrap_or_default(),
        get_text(item, SK).unwrap_or_default(),
    )
}

pub(super) fn read_tenant(item: &Item) -> Result<Tenant, LedgerError> {
    let Key::Tenant(tenant_id) = read_key(item)? else {
        return Err(UnknownKey.into());
    };
    let damaged = |attribute| LedgerError::Damaged {
        key: format!("tenant {tenant_id}"),
        attribute,
    };
    let types = item
        .get("content_types")
        .and_then(|list| list.as_l().ok())
        .ok_or_else(|| damaged("content_types"))?;
    let content_types = types
        .iter()
        .map(|of| of.as_s().ok()?.parse().ok())
        .collect::<Option<Vec<ContentType>>>()
        .ok_or_else(|| damaged("content_types"))?;
    Ok(Tenant {
        tenant_id,
        name: get_text(item, "name").unwrap_or_default().to_owned(),
        cloud: get_parsed(item, "cloud").ok_or_else(|| damaged("cloud"))?,
        content_types,
        state: match get_text(item, "standing") {
            Some("active") => TenantState::Active,
            Some("paused") => TenantState::Paused,
            Some("leaving") => TenantState::Leaving,
            _ => return Err(damaged("standing")),
        },
        created_at: get_millis(item, "created_at").ok_or_else(|| damaged("created_at"))?,
        brake: read_brake(item),
    })
}

fn read_subscription(item: &Item) -> Subscription {
    let flag = |name: &str| {
        let value = item.get(name).and_then(|of| of.as_bool().ok().copied());
        value.unwrap_or(false)
    };
    Subscription {
        status: Status::read(get_text(item, "status").unwrap_or_default()),
        webhook: get_text(item, "webhook").map(str::to_owned),
        observed_at: get_millis(item, "observed_at"),
        start_attempted_at: get_millis(item, "start_attempted_at"),
        webhook_refused: flag("webhook_refused"),
        auditing_off: flag("auditing_off"),
        last_notification_at: get_millis(item, "last_notification_at"),
        last_content_at: get_millis(item, "last_content_at"),
        last_error: get_text(item, "last_error").map(str::to_owned),
        last_error_at: get_millis(item, "last_error_at"),
    }
}
