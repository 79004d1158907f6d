//! Reading tenants and subscriptions.

use office365::{ContentType, TenantId};

use super::{Registered, Status, Subscription, Tenant, TenantState};
use crate::aws::AwsError;
use crate::store::ledger::attribute::{Item, get_millis, get_parsed, get_text, text};
use crate::store::ledger::key::{Key, PK, REGISTRY, SK, UnknownKey};
use crate::store::ledger::{Ledger, LedgerError};

/// Pages of the registry read at once. A page is 1 MB, about 1,500 items, so this is some 20,000 tenants.
const PAGES_MAX: usize = 80;

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
        let all = self.query_registry(Some(tenant)).await?;
        Ok(all.into_iter().next())
    }

    /// Every registered tenant with its subscriptions, in the order of tenant ids.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn all_registered(&self) -> Result<Vec<Registered>, LedgerError> {
        self.query_registry(None).await
    }

    async fn query_registry(&self, only: Option<TenantId>) -> Result<Vec<Registered>, LedgerError> {
        let mut items = Vec::new();
        let mut start = None;
        for _ in 0..PAGES_MAX {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":registry", text(REGISTRY))
                .set_exclusive_start_key(start);
            let query = match only {
                None => query.key_condition_expression("#pk = :registry"),
                Some(tenant) => query
                    .key_condition_expression("#pk = :registry AND begins_with(#sk, :tenant)")
                    .expression_attribute_names("#sk", SK)
                    .expression_attribute_values(":tenant", text(tenant.to_string())),
            };
            let output = query
                .send()
                .await
                .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
            items.extend(output.items.unwrap_or_default());
            start = output.last_evaluated_key;
            if start.is_none() {
                return assemble(&items);
            }
        }
        Err(AwsError::unusable(
            "dynamodb:Query",
            "the registry has more pages than this deployment is made for",
        )
        .into())
    }
}

/// Puts tenants and subscriptions together. A tenant's item sorts before those of its subscriptions; subscriptions without
/// a tenant are what a removed one left behind.
fn assemble(items: &[Item]) -> Result<Vec<Registered>, LedgerError> {
    let mut all: Vec<Registered> = Vec::new();
    for item in items {
        match read_key(item)? {
            Key::Tenant(_) => {
                let tenant = read_tenant(item)?;
                let subscriptions = tenant
                    .content_types
                    .iter()
                    .map(|of| (*of, Subscription::default()))
                    .collect();
                all.push(Registered {
                    tenant,
                    subscriptions,
                });
            }
            Key::Subscription(tenant, content_type) => {
                if let Some(last) = all.last_mut()
                    && last.tenant.tenant_id == tenant
                    && let Some(entry) = last.subscriptions.get_mut(&content_type)
                {
                    *entry = read_subscription(item);
                }
            }
            Key::Blob(..) | Key::Claims(..) => return Err(UnknownKey.into()),
        }
    }
    Ok(all)
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
        key: format!("{REGISTRY} {tenant_id}"),
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
            Some("leaving") => TenantState::Leaving,
            _ => return Err(damaged("standing")),
        },
        created_at: get_millis(item, "created_at").ok_or_else(|| damaged("created_at"))?,
    })
}

fn read_subscription(item: &Item) -> Subscription {
    Subscription {
        status: Status::read(get_text(item, "status").unwrap_or_default()),
        webhook: get_text(item, "webhook").map(str::to_owned),
        observed_at: get_millis(item, "observed_at"),
        start_attempted_at: get_millis(item, "start_attempted_at"),
        webhook_refused: item
            .get("webhook_refused")
            .and_then(|refused| refused.as_bool().ok().copied())
            .unwrap_or(false),
        last_notification_at: get_millis(item, "last_notification_at"),
        last_content_at: get_millis(item, "last_content_at"),
        last_error: get_text(item, "last_error").map(str::to_owned),
        last_error_at: get_millis(item, "last_error_at"),
        last_loss: get_text(item, "last_loss").map(str::to_owned),
        last_loss_at: get_millis(item, "last_loss_at"),
        watermark: get_millis(item, "watermark"),
    }
}
