//! What could not be delivered: blobs that were given up, and stretches of time that Microsoft does not list any more.
//!
//! A loss is written in the same transaction as what it tells of, stays until somebody acknowledges it, and has an id that
//! is a function of what was lost: telling it twice is telling it once.

pub(super) mod id;

use std::str::FromStr;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Put, Update};
use jiff::Timestamp;
use office365::{ContentId, ContentType, TenantId};
use serde::Serialize;

pub use self::id::{InvalidLossId, LossId};
use super::attribute::{
    Item, cut, expiry, get_millis, get_number, get_parsed, get_text, millis, number, text,
};
use super::key::{Key, PK, SK, UnknownKey, losses_pk};
use super::{Ledger, LedgerError, unless_refused};
use crate::aws::AwsError;
use crate::clock::later;

/// Losses of one page: at most 100 KB of the 1 MB that a Query returns.
pub const LOSSES_PAGE_MAX: u16 = 200;

/// How long a loss is kept after somebody acknowledged it: audits look back over a year.
pub const KEPT_AFTER_ACKNOWLEDGEMENT: Duration = Duration::from_secs(400 * 24 * 3600);

/// Why something was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// A blob could not be fetched before Microsoft forgot it.
    Lost,
    /// A blob came, and is no array of records; its bytes are kept.
    Quarantined,
    /// A blob that workers die of.
    Poison,
    /// A stretch of time was not listed while Microsoft listed it.
    Gap,
}

impl LossKind {
    const ALL: [Self; 4] = [Self::Lost, Self::Quarantined, Self::Poison, Self::Gap];

    /// As the ledger and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Quarantined => "quarantined",
            Self::Poison => "poison",
            Self::Gap => "gap",
        }
    }
}

impl FromStr for LossKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// Something that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Loss {
    /// Its name within the tenant.
    #[schema(value_type = String)]
    pub id: LossId,
    /// Why.
    pub kind: LossKind,
    /// Under which subscription.
    #[schema(value_type = String)]
    pub content_type: ContentType,
    /// The blob; none for a gap.
    #[schema(value_type = Option<String>)]
    pub content_id: Option<ContentId>,
    /// When the blob became available, or when the gap begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// When the gap ends; of a blob the same as `from`.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// What happened last, for people.
    pub reason: String,
    /// How many answers speak for it.
    pub evidence_count: u32,
    /// When the first of them came.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub evidence_since: Option<Timestamp>,
    /// Where in the lake the bytes are kept, if they are.
    pub object: Option<String>,
    /// When it was written down.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// When somebody acknowledged it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub acknowledged_at: Option<Timestamp>,
    /// What that person said.
    pub note: Option<String>,
    /// When it was delivered after all.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub recovered_at: Option<Timestamp>,
}

impl Loss {
    /// Whether somebody still has to look at it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.acknowledged_at.is_none() && self.recovered_at.is_none()
    }
}

/// A page of losses.
#[derive(Debug, Default)]
pub struct LossPage {
    /// The newest first, by the time of what was lost.
    pub losses: Vec<Loss>,
    /// Where the next page begins, if there is one.
    pub next: Option<LossId>,
}

impl Ledger {
    /// A page of a tenant's losses, the newest first: at most `limit`, and at most [`LOSSES_PAGE_MAX`].
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn losses(
        &self,
        tenant: TenantId,
        after: Option<&LossId>,
        limit: u16,
    ) -> Result<LossPage, LedgerError> {
        let start = after.map(|id| Key::Loss(tenant, id.clone()).attributes());
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(losses_pk(tenant)))
            .scan_index_forward(false)
            .limit(i32::from(limit.clamp(1, LOSSES_PAGE_MAX)))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let next = output.last_evaluated_key.as_ref();
        let next = next.and_then(|key| get_text(key, SK)?.parse().ok());
        let items = output.items.unwrap_or_default();
        // One that cannot be read must not hide the others.
        let readable = |item: &Item| {
            read(item)
                .inspect_err(
                    |error| tracing::error!(tenant.id = %tenant, %error, "loss passed over"),
                )
                .ok()
        };
        let losses = items.iter().filter_map(readable).collect();
        Ok(LossPage { losses, next })
    }

    /// Writes down that nothing of this period could be listed. Once written it stays as it is.
    ///
    /// # Errors
    /// [`LedgerError`]; telling it again is harmless.
    pub async fn record_gap(
        &self,
        tenant: TenantId,
        of: ContentType,
        (from, to): (Timestamp, Timestamp),
        reason: &str,
        now: Timestamp,
    ) -> Result<Loss, LedgerError> {
        let loss = Loss {
            id: LossId::of_gap(of, from, to),
            kind: LossKind::Gap,
            content_type: of,
            content_id: None,
            from,
            to,
            reason: cut(reason),
            evidence_count: 1,
            evidence_since: Some(from),
            object: None,
            recorded_at: now,
            acknowledged_at: None,
            note: None,
            recovered_at: None,
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(tenant, &loss)))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .send()
            .await;
        match put {
            Ok(_) => Ok(loss),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(loss)
            }
            Err(error) => Err(AwsError::new("dynamodb:PutItem", &error).into()),
        }
    }

    /// Notes that a person knows of the loss; `None` when there is no such loss. A second acknowledgement changes nothing.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn acknowledge(
        &self,
        tenant: TenantId,
        id: &LossId,
        note: &str,
        now: Timestamp,
    ) -> Result<Option<Loss>, LedgerError> {
        let expires = later(now, KEPT_AFTER_ACKNOWLEDGEMENT);
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::Loss(tenant, id.clone()).attributes()))
            .update_expression(
                "SET acknowledged_at = if_not_exists(acknowledged_at, :now), \
                 note = if_not_exists(note, :note), expires_at = if_not_exists(expires_at, :expires)",
            )
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":note", text(cut(note)))
            .expression_attribute_values(":expires", expiry(expires))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .send()
            .await;
        let item = unless_refused(updated)?.and_then(|output| output.attributes);
        item.as_ref().map(read).transpose()
    }

    /// The loss as part of a transaction, which holds when none of another kind is known by its id. The new reason counts; what
    /// somebody said of it stays, and when it was first written down.
    pub(super) fn tell_loss_again(
        &self,
        tenant: TenantId,
        loss: &Loss,
    ) -> Result<Update, aws_sdk_dynamodb::error::BuildError> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::Loss(tenant, loss.id.clone()).attributes()))
            .condition_expression("attribute_not_exists(#kind) OR #kind = :kind");
        let mut set = Vec::new();
        for (name, value) in attributes(loss) {
            set.push(match name {
                "recorded_at" => format!("#{name} = if_not_exists(#{name}, :{name})"),
                _ => format!("#{name} = :{name}"),
            });
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let set = set.join(", ");
        update
            .update_expression(format!("SET {set} REMOVE recovered_at"))
            .build()
    }

    /// The loss as part of a transaction, over one of another kind: nobody has acknowledged it.
    pub(super) fn put_loss(
        &self,
        tenant: TenantId,
        loss: &Loss,
    ) -> Result<Put, aws_sdk_dynamodb::error::BuildError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(tenant, loss)))
            .build()
    }
}

fn item(tenant: TenantId, loss: &Loss) -> Item {
    let mut item = Key::Loss(tenant, loss.id.clone()).attributes();
    item.extend(attributes(loss).map(|(name, value)| (name.to_owned(), value)));
    item
}

/// What is written of a loss, besides its key.
fn attributes(loss: &Loss) -> impl Iterator<Item = (&'static str, AttributeValue)> {
    let content_id = loss.content_id.as_ref();
    [
        ("kind", Some(text(loss.kind.as_str()))),
        ("content_type", Some(text(loss.content_type.as_str()))),
        ("content_id", content_id.map(|id| text(id.as_str()))),
        ("lost_from", Some(millis(loss.from))),
        ("lost_to", Some(millis(loss.to))),
        ("reason", Some(text(&loss.reason))),
        ("evidence_count", Some(number(loss.evidence_count))),
        ("evidence_since", loss.evidence_since.map(millis)),
        ("object", loss.object.as_ref().map(text)),
        ("recorded_at", Some(millis(loss.recorded_at))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

fn read(item: &Item) -> Result<Loss, LedgerError> {
    let (pk, sk) = (get_text(item, PK), get_text(item, SK));
    let (pk, sk) = (pk.unwrap_or_default(), sk.unwrap_or_default());
    let Key::Loss(_, id) = Key::parse(pk, sk)? else {
        return Err(UnknownKey.into());
    };
    let damaged = |attribute| LedgerError::Damaged {
        key: format!("{pk} {sk}"),
        attribute,
    };
    Ok(Loss {
        id,
        kind: get_parsed(item, "kind").ok_or_else(|| damaged("kind"))?,
        content_type: get_parsed(item, "content_type").ok_or_else(|| damaged("content_type"))?,
        content_id: get_parsed(item, "content_id"),
        from: get_millis(item, "lost_from").ok_or_else(|| damaged("lost_from"))?,
        to: get_millis(item, "lost_to").ok_or_else(|| damaged("lost_to"))?,
        reason: get_text(item, "reason").unwrap_or_default().to_owned(),
        evidence_count: get_number(item, "evidence_count").unwrap_or(0),
        evidence_since: get_millis(item, "evidence_since"),
        object: get_text(item, "object").map(str::to_owned),
        recorded_at: get_millis(item, "recorded_at").ok_or_else(|| damaged("recorded_at"))?,
        acknowledged_at: get_millis(item, "acknowledged_at"),
        note: get_text(item, "note").map(str::to_owned),
        recovered_at: get_millis(item, "recovered_at"),
    })
}
