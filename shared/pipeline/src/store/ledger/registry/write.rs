//! Changes, each one conditional write.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use office365::{Cloud, ContentType, TenantId};
use uuid::Uuid;

use super::read::read_tenant;
use super::{ACTIVITY_RESOLUTION, START_COOL_DOWN, Status, Tenant, TenantState};
use crate::aws::AwsError;
use crate::clock::earlier;
use crate::content::DiscoveredBy;
use crate::store::ledger::attribute::{cut, millis, text};
use crate::store::ledger::key::{Key, PK};
use crate::store::ledger::{Ledger, LedgerError, conditional, unless_refused};
use crate::teeth::{Tooth, bites};

/// What is to be different about a tenant. What is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// Another name.
    pub name: Option<String>,
    /// Another cloud.
    pub cloud: Option<Cloud>,
    /// Other content types, sorted, each once.
    pub content_types: Option<Vec<ContentType>>,
    /// Another state.
    pub state: Option<TenantState>,
    /// Whether it is made only if nobody has changed the tenant since it was read: neither name nor cloud nor content types.
    pub only_unchanged: bool,
}

impl Ledger {
    /// Creates the tenant. `false` when there is one already: then nothing was written.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been written.
    pub async fn create_tenant(&self, tenant: &Tenant) -> Result<bool, LedgerError> {
        let created = self
            .all_of(tenant)
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK);
        conditional(created).await
    }

    /// Writes the tenant, over whatever is there: one that cannot be read is mended by it. Its first registration and its
    /// brake stay.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been written.
    pub async fn put_tenant(&self, tenant: &Tenant) -> Result<(), LedgerError> {
        conditional(self.all_of(tenant)).await.map(drop)
    }

    fn all_of(&self, tenant: &Tenant) -> UpdateItemFluentBuilder {
        self.update_key(&Key::Tenant(tenant.tenant_id))
            .update_expression(
                "SET #name = :name, cloud = :cloud, content_types = :types, standing = :standing, \
                 created_at = if_not_exists(created_at, :created)",
            )
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", text(&tenant.name))
            .expression_attribute_values(":cloud", text(tenant.cloud.to_string()))
            .expression_attribute_values(":types", list(&tenant.content_types))
            .expression_attribute_values(":standing", text(tenant.state.as_str()))
            .expression_attribute_values(":created", millis(tenant.created_at))
    }

    /// Changes what is named of the tenant `before`, and returns it as it is then. `None` when its state is another one by
    /// now, or it is gone: then nothing was written.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been written.
    pub async fn change_tenant(
        &self,
        before: &Tenant,
        change: &TenantChange,
    ) -> Result<Option<Tenant>, LedgerError> {
        let mut update = self
            .update_key(&Key::Tenant(before.tenant_id))
            .expression_attribute_values(":before", text(before.state.as_str()));
        let mut condition = String::from("standing = :before");
        if change.only_unchanged {
            condition
                .push_str(" AND #name = :name0 AND cloud = :cloud0 AND content_types = :types0");
            update = update
                .expression_attribute_names("#name", "name")
                .expression_attribute_values(":name0", text(&before.name))
                .expression_attribute_values(":cloud0", text(before.cloud.to_string()))
                .expression_attribute_values(":types0", list(&before.content_types));
        }
        // A state is always set, so that the expression is never empty.
        let state = change.state.unwrap_or(before.state);
        let mut set = String::from("SET standing = :standing");
        update = update.expression_attribute_values(":standing", text(state.as_str()));
        if let Some(name) = &change.name {
            set.push_str(", #name = :name");
            update = update
                .expression_attribute_names("#name", "name")
                .expression_attribute_values(":name", text(name));
        }
        if let Some(cloud) = change.cloud {
            set.push_str(", cloud = :cloud");
            update = update.expression_attribute_values(":cloud", text(cloud.to_string()));
        }
        if let Some(types) = &change.content_types {
            set.push_str(", content_types = :types");
            update = update.expression_attribute_values(":types", list(types));
        }
        let updated = update
            .update_expression(set)
            .condition_expression(condition)
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let item = unless_refused(updated)?.and_then(|output| output.attributes);
        item.as_ref().map(read_tenant).transpose()
    }

    /// Makes the next probe of a braked tenant due now: somebody has just done something about it.
    ///
    /// # Errors
    /// [`LedgerError`]; it is probed when it is due.
    pub async fn probe_soon(&self, tenant: TenantId, now: Timestamp) -> Result<(), LedgerError> {
        let due = self
            .update_key(&Key::Tenant(tenant))
            .update_expression("SET next_probe_at = :now")
            .condition_expression("attribute_exists(brake_since)")
            .expression_attribute_values(":now", millis(now));
        conditional(due).await.map(drop)
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
            .expression_attribute_values(":leaving", text(TenantState::Leaving.as_str()));
        conditional(marked).await
    }

    /// Removes a leaving tenant, and then what [`Ledger::forget_tenant`] forgets. Its subscriptions' items stay, for the cool-down
    /// of `/start`. `false` when it is not leaving: registered again meanwhile, or gone.
    ///
    /// # Errors
    /// [`LedgerError`]; the tenant is still leaving, or the next sweep forgets the rest.
    pub async fn remove_tenant(&self, tenant: TenantId) -> Result<bool, LedgerError> {
        let removed = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::Tenant(tenant).attributes()))
            .condition_expression("standing = :leaving")
            .expression_attribute_values(":leaving", text(TenantState::Leaving.as_str()))
            .send()
            .await;
        match removed {
            Ok(_) => self.forget_tenant(tenant).await,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(AwsError::new("dynamodb:DeleteItem", &error).into()),
        }
    }

    /// Forgets what is open of a tenant that is not registered any more, and how far it was swept: should it come back, that begins
    /// anew. The latter at the end: it brings a sweep, which comes here again after a crash. `false` when the tenant came back
    /// meanwhile: its sweeps go on, and find anew what was open.
    ///
    /// # Errors
    /// [`LedgerError`]; the next sweep forgets the rest.
    pub async fn forget_tenant(&self, tenant: TenantId) -> Result<bool, LedgerError> {
        self.forget_all_open(tenant).await?;
        self.forget_sweep(tenant).await
    }

    /// Reserves a call of `/start`: `true` at most once in [`START_COOL_DOWN`] for a tenant and content type, whoever asks.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was reserved, or it was and nobody uses it.
    pub async fn may_start(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let reserved = self
            .update_key(&Key::Subscription(tenant, content_type))
            .update_expression("SET start_attempted_at = :now, start_token = :token")
            // The token lets the SDK's own repetition, after a lost answer, find what it reserved.
            .condition_expression(
                "attribute_not_exists(start_attempted_at) OR start_attempted_at <= :before OR start_token = :token",
            )
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":token", text(Uuid::new_v4().to_string()))
            .expression_attribute_values(":before", millis(earlier(now, START_COOL_DOWN)));
        Ok(conditional(reserved).await? || bites(Tooth::StartsUnguarded))
    }

    /// Gives back what [`Ledger::may_start`] took: the start was not sent, so that the next one need not wait.
    ///
    /// # Errors
    /// [`LedgerError`]; the next start waits.
    pub async fn start_not_sent(
        &self,
        tenant: TenantId,
        content_type: ContentType,
    ) -> Result<(), LedgerError> {
        let given_back = self
            .update_key(&Key::Subscription(tenant, content_type))
            .update_expression("REMOVE start_attempted_at, start_token")
            .condition_expression("attribute_exists(start_attempted_at)");
        conditional(given_back).await.map(drop)
    }

    /// Writes down how Microsoft says the subscription stands.
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

    /// Writes down what went wrong, or, with `None`, that nothing does any more.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was written.
    pub async fn note_error(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let update = self.update_key(&Key::Subscription(tenant, content_type));
        let noted = match error {
            Some(error) => update
                .update_expression("SET last_error = :error, last_error_at = :now")
                .expression_attribute_values(":error", text(cut(error)))
                .expression_attribute_values(":now", millis(now)),
            None => update.update_expression("REMOVE last_error, last_error_at"),
        };
        conditional(noted).await.map(drop)
    }

    /// Writes down whether Microsoft could validate our webhook at a start: the next start is planned by it.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was written.
    pub async fn note_webhook_refused(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        refused: bool,
    ) -> Result<(), LedgerError> {
        let noted = self
            .update_key(&Key::Subscription(tenant, content_type))
            .update_expression("SET webhook_refused = :refused")
            .expression_attribute_values(":refused", AttributeValue::Bool(refused));
        conditional(noted).await.map(drop)
    }

    /// Writes down whether Microsoft refused the last start because the tenant has no audit log.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was written.
    pub async fn note_auditing_off(
        &self,
        tenant: TenantId,
        content_type: ContentType,
        off: bool,
    ) -> Result<(), LedgerError> {
        let noted = self
            .update_key(&Key::Subscription(tenant, content_type))
            .update_expression("SET auditing_off = :off")
            .expression_attribute_values(":off", AttributeValue::Bool(off));
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
        via: DiscoveredBy,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let (update, last) = match via {
            DiscoveredBy::Notification => (
                "SET last_content_at = :now, last_notification_at = :now",
                "last_notification_at",
            ),
            DiscoveredBy::Listing | DiscoveredBy::Retry => {
                ("SET last_content_at = :now", "last_content_at")
            }
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
}

fn list(types: &[ContentType]) -> AttributeValue {
    AttributeValue::L(types.iter().map(|of| text(of.as_str())).collect())
}
