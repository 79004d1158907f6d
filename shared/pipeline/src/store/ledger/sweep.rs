//! How far each tenant is swept, and when it is due: one item for a tenant, so that a quiet one costs one small write a sweep,
//! and so that the dispatcher reads little of each.

mod activity;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, ReturnValue, TransactWriteItem,
};
use jiff::Timestamp;
use office365::{ContentType, TenantId};
use serde::{Deserialize, Serialize};

pub use self::activity::{Activity, HOURS as ACTIVITY_HOURS, Lags};
use super::attribute::{Item, cut, get_millis, get_number, get_text, millis, number, text};
use super::key::{Key, PK, SK, UnknownKey, sweeps_pk};
use super::transaction::unusable;
use super::{Ledger, LedgerError, conditional};
use crate::aws::AwsError;

/// As the ledger keeps a moment of a sweep: in whole seconds, rounded down, and not at all when there is none. Five content
/// types are then less than the 1 KB that one write unit holds.
mod seconds {
    pub(super) use jiff::fmt::serde::timestamp::second::optional::{deserialize, serialize};
}

/// Pages of one partition of sweeps, of 1 MB or some 1,000 tenants each: sixteen partitions are then 160,000 tenants.
const PAGES_MAX: usize = 10;

/// How far one content type is swept. Its moments are whole seconds once they were kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypeSweep {
    /// Everything with contentCreated before this was listed, compared and enqueued.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Timestamp>,
    /// Where the first listing began; with it, how much of the first one is done can be told.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<Timestamp>,
    /// Until where the first listing goes: when it was begun.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub begun_until: Option<Timestamp>,
    /// How often its windows are halved, because longer ones could not be listed to their end.
    #[serde(rename = "cut", skip_serializing_if = "is_zero")]
    pub narrowed: u8,
    /// The pass over the last day.
    pub day: Pass,
    /// The pass over all that Microsoft lists.
    pub week: Pass,
    /// The tenant is not registered for it any more. What was swept of it is kept for its certificates; should it come back, its
    /// sweeps begin anew, because nobody asked for what lies between.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

impl TypeSweep {
    /// Whether the first listing is still under way.
    #[must_use]
    pub fn is_beginning(&self) -> bool {
        let until = self.begun_until.filter(|_| !self.stopped);
        until.is_some_and(|until| self.watermark.is_none_or(|mark| mark < until))
    }
}

/// A pass over what was listed before, window by window, one each sweep. It looks for what appeared late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pass {
    /// Where it goes on; none while no pass is under way.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub position: Option<Timestamp>,
    /// When the last pass was finished.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
}

/// How far a tenant is swept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepState {
    /// When the next sweep is due.
    pub due_at: Timestamp,
    /// When the first one was due.
    pub known_at: Option<Timestamp>,
    /// When a sweep last began.
    pub begun_at: Option<Timestamp>,
    /// When a sweep last did all that it had to do.
    pub done_at: Option<Timestamp>,
    /// How many in a row did not.
    pub failures: u32,
    /// What the last one failed with.
    pub last_error: Option<String>,
    /// How far each content type is.
    pub types: BTreeMap<ContentType, TypeSweep>,
    /// Certificates of all hours before this are in the lake.
    pub certified_until: Option<Timestamp>,
    /// What sweeps saw, in numbers.
    pub activity: Activity,
    /// Who may write this item until when: one sweeper at a time.
    pub lease: Option<(String, Timestamp)>,
}

/// A tenant and how far it is swept, or why that cannot be read.
#[derive(Debug)]
pub struct Swept {
    /// Which tenant.
    pub tenant_id: TenantId,
    /// How far.
    pub state: Result<SweepState, LedgerError>,
}

impl Ledger {
    /// Makes a tenant due for its first sweep. One that has been swept before stays as it is.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was written.
    pub async fn begin_sweeps(&self, tenant: TenantId, now: Timestamp) -> Result<(), LedgerError> {
        let begun = self
            .update_key(&Key::Sweep(tenant))
            .update_expression("SET due_at = :now, known_at = :now, types = :types")
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":types", text("{}"));
        conditional(begun).await.map(drop)
    }

    /// Makes a tenant due now: something about it has changed.
    ///
    /// # Errors
    /// [`LedgerError`]; it is swept when it is due.
    pub async fn sweep_soon(&self, tenant: TenantId, now: Timestamp) -> Result<(), LedgerError> {
        let due = self
            .update_key(&Key::Sweep(tenant))
            .update_expression("SET due_at = :now")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":now", millis(now));
        conditional(due).await.map(drop)
    }

    /// Takes the tenant's sweep from whoever has it, and makes it due: for whoever knows that nobody is at it any more.
    ///
    /// # Errors
    /// [`LedgerError`]; it is free when its time is over.
    pub async fn free_sweep(&self, tenant: TenantId, now: Timestamp) -> Result<(), LedgerError> {
        let freed = self
            .update_key(&Key::Sweep(tenant))
            .update_expression("SET due_at = :now REMOVE lease_owner, lease_until")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":now", millis(now));
        conditional(freed).await.map(drop)
    }

    /// How far a tenant is swept; `None` when it was never due for a sweep.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn sweep_state(&self, tenant: TenantId) -> Result<Option<SweepState>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::Sweep(tenant).attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        output.item.as_ref().map(read).transpose()
    }

    /// How far the tenants of one partition (one of [`super::key::SHARDS`]) are swept, into `found`. One that cannot be read
    /// does not hide the others.
    ///
    /// # Errors
    /// [`LedgerError`]; those that were read before it are found.
    pub async fn sweeps(&self, shard: char, found: &mut Vec<Swept>) -> Result<(), LedgerError> {
        let mut start = None;
        for _ in 0..PAGES_MAX {
            let output = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":pk", text(sweeps_pk(shard)))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
            for item in output.items.unwrap_or_default() {
                match read_tenant_id(&item) {
                    Ok(tenant_id) => found.push(Swept {
                        tenant_id,
                        state: read(&item),
                    }),
                    Err(error) => {
                        tracing::error!(%error, "an item among the sweeps was passed over");
                    }
                }
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
        Err(AwsError::unusable(
            "dynamodb:Query",
            "there are more tenants than this program is made for",
        )
        .into())
    }

    /// Takes the tenant's sweep until `until`, when it is due and nobody has begun one since `asked_at`: for one sweeper at a
    /// time. `owner` is a name that no other attempt has. Returns how far the tenant is swept; a state that cannot be read is
    /// taken too, so that whoever took it can begin anew.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been taken, and is free again when it ends.
    pub async fn take_sweep(
        &self,
        tenant: TenantId,
        owner: &str,
        asked_at: Timestamp,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Option<Result<SweepState, LedgerError>>, LedgerError> {
        let taken = self
            .update_key(&Key::Sweep(tenant))
            .update_expression("SET lease_owner = :owner, lease_until = :until, begun_at = :now")
            // The last line: this very call, whose answer was lost. What is no number must not keep a tenant from being swept.
            .condition_expression(
                "attribute_exists(#pk) AND (\
                 ((NOT attribute_type(due_at, :number)) OR due_at <= :now) AND \
                 ((NOT attribute_type(begun_at, :number)) OR begun_at < :asked) AND \
                 ((NOT attribute_type(lease_until, :number)) OR lease_until < :now) \
                 OR lease_owner = :owner)",
            )
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":number", text("N"))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":asked", millis(asked_at))
            .expression_attribute_values(":until", millis(until))
            .expression_attribute_values(":now", millis(now))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match taken {
            Ok(output) => Ok(output.attributes.as_ref().map(read)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(AwsError::new("dynamodb:UpdateItem", &error).into()),
        }
    }

    /// Writes down on the way how far a sweep has come. `false` when another sweeper has taken over.
    ///
    /// # Errors
    /// [`LedgerError`]; the end of the sweep writes it too.
    pub async fn keep_sweep(
        &self,
        tenant: TenantId,
        owner: &str,
        types: &BTreeMap<ContentType, TypeSweep>,
    ) -> Result<bool, LedgerError> {
        let kept = self
            .update_key(&Key::Sweep(tenant))
            .update_expression("SET types = :types")
            .condition_expression("lease_owner = :owner")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":types", types_attribute(types));
        conditional(kept).await
    }

    /// Writes down how far a sweep came, and gives it back. `false` when another sweeper has taken over. Certificates are noted
    /// apart from it: see [`Ledger::note_certified`].
    ///
    /// # Errors
    /// [`LedgerError`]; the next sweep then lists the same again.
    pub async fn note_sweep(
        &self,
        tenant: TenantId,
        owner: &str,
        state: &SweepState,
    ) -> Result<bool, LedgerError> {
        let mut set = String::from(
            "SET due_at = :due, failures = :failures, types = :types, noted_by = :owner",
        );
        let mut remove = String::from(" REMOVE lease_owner, lease_until");
        let mut update = self
            .update_key(&Key::Sweep(tenant))
            // The second part: this very call, whose answer was lost.
            .condition_expression(
                "lease_owner = :owner OR (attribute_not_exists(lease_owner) AND noted_by = :owner)",
            )
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":due", millis(state.due_at))
            .expression_attribute_values(":failures", number(state.failures))
            .expression_attribute_values(":types", types_attribute(&state.types));
        let optional: [(&str, Option<AttributeValue>); 4] = [
            ("activity", activity_attribute(&state.activity)),
            ("done_at", state.done_at.map(millis)),
            ("known_at", state.known_at.map(millis)),
            (
                "last_error",
                state.last_error.as_deref().map(|error| text(cut(error))),
            ),
        ];
        for (name, value) in optional {
            match value {
                Some(value) => {
                    set.push_str(&format!(", {name} = :{name}"));
                    update = update.expression_attribute_values(format!(":{name}"), value);
                }
                None => remove.push_str(&format!(", {name}")),
            }
        }
        conditional(update.update_expression(set + &remove)).await
    }

    /// Notes that the certificates of all hours before `until` are in the lake.
    ///
    /// # Errors
    /// [`LedgerError`]; they are written again, to the same object.
    pub async fn note_certified(
        &self,
        tenant: TenantId,
        until: Timestamp,
    ) -> Result<(), LedgerError> {
        let noted = self
            .update_key(&Key::Sweep(tenant))
            .update_expression("SET certified_until = :until")
            .condition_expression(
                "attribute_exists(#pk) AND (attribute_not_exists(certified_until) OR certified_until < :until)",
            )
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":until", millis(until));
        conditional(noted).await.map(drop)
    }

    /// Forgets how far a tenant was swept that is not registered any more. `false` when it is, because it came back meanwhile: then
    /// its sweeps go on, because one that no sweep looks after would never be noticed.
    ///
    /// # Errors
    /// [`LedgerError`]; it is forgotten when the tenant is due.
    pub async fn forget_sweep(&self, tenant: TenantId) -> Result<bool, LedgerError> {
        let gone = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(Key::Tenant(tenant).attributes()))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .build()
            .map_err(|error| unusable(&error))?;
        let forgotten = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(Key::Sweep(tenant).attributes()))
            .build()
            .map_err(|error| unusable(&error))?;
        self.transact([
            TransactWriteItem::builder().condition_check(gone).build(),
            TransactWriteItem::builder().delete(forgotten).build(),
        ])
        .await
    }
}

fn types_attribute(types: &BTreeMap<ContentType, TypeSweep>) -> AttributeValue {
    let Ok(types) = serde_json::to_string(types) else {
        unreachable!("content types are strings, and times are numbers")
    };
    text(types)
}

/// None where nothing was seen: the item of a tenant without content stays within one write unit.
fn activity_attribute(activity: &Activity) -> Option<AttributeValue> {
    let Ok(text_of) = serde_json::to_string(activity) else {
        unreachable!("numbers and times become JSON")
    };
    (*activity != Activity::default()).then(|| text(text_of))
}

fn read_tenant_id(item: &Item) -> Result<TenantId, UnknownKey> {
    let pk = get_text(item, PK).unwrap_or_default();
    match Key::parse(pk, get_text(item, SK).unwrap_or_default())? {
        Key::Sweep(tenant) => Ok(tenant),
        _ => Err(UnknownKey),
    }
}

fn read(item: &Item) -> Result<SweepState, LedgerError> {
    let tenant = read_tenant_id(item)?;
    let damaged = |attribute| LedgerError::Damaged {
        key: format!("sweep {tenant}"),
        attribute,
    };
    let types = get_text(item, "types").ok_or_else(|| damaged("types"))?;
    let lease = get_text(item, "lease_owner").map(str::to_owned);
    Ok(SweepState {
        due_at: get_millis(item, "due_at").ok_or_else(|| damaged("due_at"))?,
        known_at: get_millis(item, "known_at"),
        begun_at: get_millis(item, "begun_at"),
        done_at: get_millis(item, "done_at"),
        failures: get_number(item, "failures").unwrap_or(0),
        last_error: get_text(item, "last_error").map(str::to_owned),
        types: serde_json::from_str(types).map_err(|_| damaged("types"))?,
        certified_until: get_millis(item, "certified_until"),
        // Only for looking over many tenants: one that cannot be read is seen anew by the next sweep.
        activity: get_text(item, "activity")
            .and_then(|seen| serde_json::from_str(seen).ok())
            .unwrap_or_default(),
        lease: lease.zip(get_millis(item, "lease_until")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moments_of_five_types_fit_into_one_write_unit() {
        let at = Some("2026-03-08T12:00:00Z".parse().unwrap());
        let pass = Pass {
            position: at,
            done_at: at,
        };
        let swept = TypeSweep {
            watermark: at,
            begun_at: at,
            begun_until: at,
            narrowed: 4,
            day: Pass {
                position: None,
                ..pass
            },
            week: pass,
            stopped: false,
        };
        let types = BTreeMap::from(ContentType::ALL.map(|of| (of, swept.clone())));
        let text = serde_json::to_string(&types).unwrap();
        assert!(text.len() < 900, "{} bytes: {text}", text.len());
        let back: BTreeMap<ContentType, TypeSweep> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, types);
    }

    #[test]
    fn the_first_listing_ends_where_it_was_begun() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).ok();
        let of = |watermark, begun_until| TypeSweep {
            watermark,
            begun_until,
            ..TypeSweep::default()
        };
        assert!(!of(None, None).is_beginning());
        assert!(of(None, at(9)).is_beginning());
        assert!(of(at(8), at(9)).is_beginning());
        assert!(!of(at(9), at(9)).is_beginning());
    }
}
