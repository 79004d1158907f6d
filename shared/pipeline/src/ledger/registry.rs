//! Registered tenants, and how the subscription to each of their content types stands.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use office365::{Cloud, ContentType, TenantId};
use serde::{Deserialize, Serialize};

use super::attribute::{Item, get_millis, get_parsed, get_text, millis, text};
use super::key::{Key, PK, REGISTRY, SK, UnknownKey};
use super::{Ledger, LedgerError};
use crate::aws::AwsError;
use crate::clock::earlier;
use crate::queue::Via;

/// Pages of the registry read at once. A page is 1 MB, about 1,500 items, so this is some 20,000 tenants.
const PAGES_MAX: usize = 80;

/// Microsoft asks for 15 minutes between two starts of one subscription; a little more, because the two clocks differ.
pub const START_COOL_DOWN: Duration = Duration::from_secs(15 * 60 + 15);

/// How fresh "last content" and "last notification" are. Writing them for every blob would cost a busy tenant a write a
/// blob on one partition.
pub const ACTIVITY_RESOLUTION: Duration = Duration::from_secs(60);

/// Longest error text kept, in characters: it is for the status page.
const ERROR_CHARS_MAX: usize = 300;

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Active,
    /// Its removal has begun: subscriptions are being stopped and never started again.
    Leaving,
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
    pub standing: Standing,
    /// First registration.
    pub created_at: Timestamp,
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not started yet, or Microsoft has not said that it is.
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Last blob announced by webhook and fetched, to the minute.
    pub last_notification_at: Option<Timestamp>,
    /// When the last fetched blob was written to the lake, to the minute.
    pub last_content_at: Option<Timestamp>,
    /// What went wrong last, until something goes right.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<Timestamp>,
    /// The last blob that was given up: its state, its content id and why. Stays until the next one.
    pub last_loss: Option<String>,
    /// When.
    pub last_loss_at: Option<Timestamp>,
    /// Everything with contentCreated before this was listed, compared and enqueued.
    pub watermark: Option<Timestamp>,
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            status: Status::Pending,
            webhook: None,
            observed_at: None,
            start_attempted_at: None,
            webhook_refused: false,
            last_notification_at: None,
            last_content_at: None,
            last_error: None,
            last_error_at: None,
            last_loss: None,
            last_loss_at: None,
            watermark: None,
        }
    }
}

/// A tenant with the state of each content type it is registered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The tenant.
    pub tenant: Tenant,
    /// One entry for each of the tenant's content types.
    pub subscriptions: BTreeMap<ContentType, Subscription>,
}

impl Ledger {
    /// Creates the tenant, or brings name, cloud and content types of the one that is there up to date. Returns what was
    /// there before.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was written.
    pub async fn put_tenant(&self, tenant: &Tenant) -> Result<Option<Tenant>, LedgerError> {
        let types = tenant
            .content_types
            .iter()
            .map(|of| text(of.as_str()))
            .collect();
        let output = self
            .update_key(&Key::Tenant(tenant.tenant_id))
            .update_expression(
                "SET #name = :name, cloud = :cloud, content_types = :types, standing = :standing, \
                 created_at = if_not_exists(created_at, :created)",
            )
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", text(&tenant.name))
            .expression_attribute_values(":cloud", text(tenant.cloud.to_string()))
            .expression_attribute_values(":types", AttributeValue::L(types))
            .expression_attribute_values(":standing", text(standing_name(tenant.standing)))
            .expression_attribute_values(":created", millis(tenant.created_at))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:UpdateItem", &error))?;
        match output.attributes {
            Some(item) if item.contains_key("cloud") => read_tenant(&item).map(Some),
            _ => Ok(None),
        }
    }

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

    /// Marks the tenant as leaving: from here on nothing starts its subscriptions. `false` when it is not registered.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was written.
    pub async fn mark_leaving(&self, tenant: TenantId) -> Result<bool, LedgerError> {
        let marked = self
            .update_key(&Key::Tenant(tenant))
            .update_expression("SET standing = :leaving")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":leaving", text(standing_name(Standing::Leaving)));
        conditional(marked).await
    }

    /// Removes a leaving tenant. Its subscriptions' items stay, for the cool-down of `/start` and the watermark, should it
    /// come back.
    ///
    /// # Errors
    /// [`LedgerError`]; the tenant is still leaving.
    pub async fn remove_tenant(&self, tenant: TenantId) -> Result<(), LedgerError> {
        let removed = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::Tenant(tenant).attributes()))
            // A tenant registered again meanwhile stays.
            .condition_expression("standing = :leaving")
            .expression_attribute_values(":leaving", text(standing_name(Standing::Leaving)))
            .send()
            .await;
        match removed {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(AwsError::new("dynamodb:DeleteItem", &error).into()),
        }
    }

    /// Reserves a call of `/start`: `true` at most once in [`START_COOL_DOWN`] for a tenant and content type, whoever asks.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was reserved.
    pub async fn may_start(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let reserved = self
            .update_key(&Key::Subscription(tenant, content_type))
            .update_expression("SET start_attempted_at = :now")
            .condition_expression(
                "attribute_not_exists(start_attempted_at) OR start_attempted_at <= :before",
            )
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":before", millis(earlier(now, START_COOL_DOWN)));
        conditional(reserved).await
    }

    /// Writes down how Microsoft says the subscription stands. `fault` is what is wrong with it, if anything.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was written.
    pub async fn note_observed(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        status: Status,
        webhook: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let noted = self
            .update_key(&Key::Subscription(tenant, content_type))
            .update_expression("SET #status = :status, webhook = :webhook, observed_at = :now")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(status.as_str()))
            .expression_attribute_values(":webhook", text(webhook))
            .expression_attribute_values(":now", millis(now));
        conditional(noted).await.map(drop)
    }

    /// Writes down what went wrong, or, with `None`, that nothing does any more. `webhook_refused` says whether the fault
    /// is that Microsoft could not validate our webhook.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was written.
    pub async fn note_error(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        error: Option<&str>,
        webhook_refused: bool,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let update = self.update_key(&Key::Subscription(tenant, content_type));
        let noted = match error {
            Some(error) => update
                .update_expression(
                    "SET last_error = :error, last_error_at = :now, webhook_refused = :refused",
                )
                .expression_attribute_values(":error", text(cut(error)))
                .expression_attribute_values(":now", millis(now))
                .expression_attribute_values(":refused", AttributeValue::Bool(webhook_refused)),
            None => update.update_expression("REMOVE last_error, last_error_at, webhook_refused"),
        };
        conditional(noted).await.map(drop)
    }

    /// Writes down that a blob was given up.
    ///
    /// # Errors
    /// [`LedgerError`]; the blob's own item says it all the same.
    pub async fn note_loss(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        loss: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let noted = self
            .update_key(&Key::Subscription(tenant, content_type))
            .update_expression("SET last_loss = :loss, last_loss_at = :now")
            .expression_attribute_values(":loss", text(cut(loss)))
            .expression_attribute_values(":now", millis(now));
        conditional(noted).await.map(drop)
    }

    /// Writes down that content arrived, unless that was written within [`ACTIVITY_RESOLUTION`].
    ///
    /// # Errors
    /// [`LedgerError`]; the status is then a minute older than it could be.
    pub async fn note_content(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        via: Via,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let (update, last) = match via {
            Via::Notification => (
                "SET last_content_at = :now, last_notification_at = :now",
                "last_notification_at",
            ),
            Via::Sweep | Via::Retry => ("SET last_content_at = :now", "last_content_at"),
        };
        let noted = self
            .update_key(&Key::Subscription(tenant, content_type))
            .update_expression(update)
            .condition_expression("attribute_not_exists(#last) OR #last < :before")
            .expression_attribute_names("#last", last)
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":before", millis(earlier(now, ACTIVITY_RESOLUTION)));
        conditional(noted).await.map(drop)
    }

    /// Moves the watermark forward to `to`; never back.
    ///
    /// # Errors
    /// [`LedgerError`]; the next sweep then lists the same again.
    pub async fn advance_watermark(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        to: Timestamp,
    ) -> Result<(), LedgerError> {
        let moved = self
            .update_key(&Key::Subscription(tenant, content_type))
            .update_expression("SET watermark = :to")
            .condition_expression("attribute_not_exists(watermark) OR watermark < :to")
            .expression_attribute_values(":to", millis(to));
        conditional(moved).await.map(drop)
    }

    fn update_key(&self, key: &Key) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
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

fn cut(error: &str) -> String {
    error.chars().take(ERROR_CHARS_MAX).collect()
}

/// Runs an update; `false` when its condition does not hold.
async fn conditional(update: UpdateItemFluentBuilder) -> Result<bool, LedgerError> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(error)
            if matches!(
                error.as_service_error(),
                Some(UpdateItemError::ConditionalCheckFailedException(_))
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(AwsError::new("dynamodb:UpdateItem", &error).into()),
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
            Key::Blob(..) | Key::Record(..) => return Err(UnknownKey.into()),
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

const fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Leaving => "leaving",
    }
}

fn read_tenant(item: &Item) -> Result<Tenant, LedgerError> {
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
        standing: match get_text(item, "standing") {
            Some("active") => Standing::Active,
            Some("leaving") => Standing::Leaving,
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
