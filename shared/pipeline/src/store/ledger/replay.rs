//! Replays: a period that is made anew from the raw copies, and how far that is. One item for each; its units (a content type
//! and a day) each have a position in it, which moves on with what was done before it, in one conditional write.

pub mod id;
mod unit;

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use office365::{ContentType, TenantId};
use serde::Serialize;

use self::id::ReplayId;
pub use self::unit::{Position, Unit, UnitProgress};
use super::attribute::{
    Item, cut, expiry, get_millis, get_number, get_parsed, get_text, millis, number, text,
};
use super::blob::Counts;
use super::key::{Key, PK, SK, UnknownKey, replays_pk};
use super::{Ledger, LedgerError, Refusal, refused_or_failed};
use crate::aws::AwsError;
use crate::clock::{earlier, later};
use crate::store::lake::key::Generation;

/// Replays of a tenant that are read at once: the newest.
pub const REPLAYS_PAGE_MAX: u16 = 50;

/// How long a replay's item is kept: for people who ask what was done.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// A replay that has not moved for this long has failed: its messages are in the dead-letter queue, or were never sent. A part
/// moves on at least once in a worker's time, which is 15 minutes at most; the rest is patience with a backlog.
pub const STALLED_AFTER: Duration = Duration::from_secs(6 * 3600);

/// Where a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// Blobs are made anew.
    Running,
    /// All are.
    Done,
    /// Nothing has moved for [`STALLED_AFTER`]. It can be started again, and goes on where it stood.
    Failed,
}

/// What was done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Blobs made anew.
    pub blobs: u64,
    /// Blobs that could not be: their raw copy is gone, or is not what it was.
    pub skipped: u64,
    /// Why, for the last of these.
    pub last_skip: Option<String>,
    /// What became of the records of those made anew.
    pub counts: Counts,
}

/// A replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Its name within the tenant.
    pub id: ReplayId,
    /// Blobs that became available from then on.
    pub from: Timestamp,
    /// And before then.
    pub to: Timestamp,
    /// Under which subscriptions.
    pub content_types: Vec<ContentType>,
    /// Into which folder; without one, into the objects that are there.
    pub generation: Option<Generation>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last moved on.
    pub updated_at: Timestamp,
    /// Each content type and day, in the order in which they are done.
    pub units: Vec<UnitProgress>,
    /// What was done.
    pub tally: Tally,
}

impl Replay {
    /// A new one, of which nothing is done.
    #[must_use]
    pub fn new(
        (from, to): (Timestamp, Timestamp),
        content_types: Vec<ContentType>,
        generation: Option<Generation>,
        now: Timestamp,
    ) -> Self {
        let units = Unit::all(&content_types, from, to);
        let not_begun = |unit| UnitProgress {
            unit,
            position: Position::START,
        };
        Self {
            id: ReplayId::new(now),
            from,
            to,
            content_types,
            generation,
            created_at: now,
            updated_at: now,
            units: units.into_iter().map(not_begun).collect(),
            tally: Tally::default(),
        }
    }

    /// How many units are done.
    #[must_use]
    pub fn units_done(&self) -> usize {
        let done = |unit: &&UnitProgress| unit.position == Position::Done;
        self.units.iter().filter(done).count()
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> ReplayState {
        if self.units_done() == self.units.len() {
            ReplayState::Done
        } else if self.updated_at < earlier(now, STALLED_AFTER) {
            ReplayState::Failed
        } else {
            ReplayState::Running
        }
    }
}

impl Ledger {
    /// Writes a new replay down.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing runs.
    pub async fn create_replay(
        &self,
        tenant: TenantId,
        replay: &Replay,
    ) -> Result<(), LedgerError> {
        let mut item = Key::Replay(tenant, replay.id.clone()).attributes();
        let mut set = |name: &str, value: AttributeValue| {
            item.insert(name.to_owned(), value);
        };
        let types: Vec<&str> = replay.content_types.iter().map(|of| of.as_str()).collect();
        set("replay_from", millis(replay.from));
        set("replay_to", millis(replay.to));
        set("types", text(types.join(",")));
        if let Some(generation) = &replay.generation {
            set("generation", text(generation.to_string()));
        }
        set("created_at", millis(replay.created_at));
        set("updated_at", millis(replay.updated_at));
        set("expires_at", expiry(later(replay.created_at, KEPT)));
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:PutItem", &error))?;
        Ok(())
    }

    /// A replay, if there is one of this name.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn replay(
        &self,
        tenant: TenantId,
        id: &ReplayId,
    ) -> Result<Option<Replay>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::Replay(tenant, id.clone()).attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        output.item.as_ref().map(read).transpose()
    }

    /// The newest replays of a tenant, at most [`REPLAYS_PAGE_MAX`].
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn replays(&self, tenant: TenantId) -> Result<Vec<Replay>, LedgerError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(replays_pk(tenant)))
            .scan_index_forward(false)
            .limit(i32::from(REPLAYS_PAGE_MAX))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        // One that cannot be read must not hide the others.
        let readable = |item: &Item| {
            read(item)
                .inspect_err(
                    |error| tracing::error!(tenant.id = %tenant, %error, "replay passed over"),
                )
                .ok()
        };
        let items = output.items.unwrap_or_default();
        Ok(items.iter().filter_map(readable).collect())
    }

    /// Moves a unit on to `to`, with what was done on the way. `None` when it does not stand where `known` says: somebody else
    /// has moved it, and counted what was done; or the replay is gone. One that stands at `to` was moved by this very call, whose
    /// first answer was lost, or by somebody who did the same work: either way it is counted once.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been moved.
    pub async fn move_replay(
        &self,
        tenant: TenantId,
        id: &ReplayId,
        (known, to): (&UnitProgress, &Position),
        done: &Tally,
        now: Timestamp,
    ) -> Result<Option<Replay>, LedgerError> {
        let mut add = Vec::new();
        let mut update = self
            .update_key(&Key::Replay(tenant, id.clone()))
            .condition_expression(match known.position == Position::START {
                true => "attribute_exists(created_at) AND attribute_not_exists(#unit)",
                false => "#unit = :known",
            })
            .expression_attribute_names("#unit", known.unit.attribute())
            .expression_attribute_values(":to", text(to.to_string()))
            .expression_attribute_values(":now", millis(now));
        if known.position != Position::START {
            let position = known.position.to_string();
            update = update.expression_attribute_values(":known", text(position));
        }
        for (name, count) in tallied(done) {
            if count > 0 {
                add.push(format!("{name} :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), number(count));
            }
        }
        let mut expression = String::from("SET #unit = :to, updated_at = :now");
        if let Some(why) = &done.last_skip {
            expression.push_str(", last_skip = :skip");
            update = update.expression_attribute_values(":skip", text(cut(why)));
        }
        if !add.is_empty() {
            expression.push_str(" ADD ");
            expression.push_str(&add.join(", "));
        }
        let moved = update
            .update_expression(expression)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match moved.map_err(|error| refused_or_failed(&error)) {
            Ok(output) => output.attributes.as_ref().map(read).transpose(),
            Err(Refusal::Item(item)) => {
                let stands = get_text(&item, &known.unit.attribute());
                let is_there = stands == Some(to.to_string().as_str());
                is_there.then(|| read(&item)).transpose()
            }
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }

    /// Notes that a replay is started again: from now on it counts as one that moves.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn touch_replay(
        &self,
        tenant: TenantId,
        id: &ReplayId,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let touched = self
            .update_key(&Key::Replay(tenant, id.clone()))
            .update_expression("SET updated_at = :now")
            .condition_expression("attribute_exists(created_at)")
            .expression_attribute_values(":now", millis(now));
        super::conditional(touched).await.map(drop)
    }
}

/// The attributes of a tally.
const TALLY: [&str; 9] = [
    "blobs",
    "skipped",
    "records_in",
    "records_written",
    "records_routed",
    "records_dropped",
    "records_duplicate",
    "records_foreign",
    "records_malformed",
];

fn tallied(tally: &Tally) -> [(&'static str, u64); 9] {
    let Counts {
        records,
        written,
        routed,
        dropped,
        duplicate,
        foreign,
        malformed,
    } = tally.counts;
    let values = [
        tally.blobs,
        tally.skipped,
        records,
        written,
        routed,
        dropped,
        duplicate,
        foreign,
        malformed,
    ];
    std::array::from_fn(|at| (TALLY[at], values[at]))
}

fn read(item: &Item) -> Result<Replay, LedgerError> {
    let (pk, sk) = (get_text(item, PK), get_text(item, SK));
    let (pk, sk) = (pk.unwrap_or_default(), sk.unwrap_or_default());
    let Key::Replay(_, id) = Key::parse(pk, sk)? else {
        return Err(UnknownKey.into());
    };
    let damaged = |attribute| LedgerError::Damaged {
        key: format!("{pk} {sk}"),
        attribute,
    };
    let time = |name| get_millis(item, name).ok_or_else(|| damaged(name));
    let (from, to) = (time("replay_from")?, time("replay_to")?);
    let content_types: Vec<ContentType> = get_text(item, "types")
        .and_then(|types| types.split(',').map(|of| of.parse().ok()).collect())
        .ok_or_else(|| damaged("types"))?;
    let stands = |unit: Unit| {
        let position = match get_text(item, &unit.attribute()) {
            None => Some(Position::START),
            Some(text) => text.parse().ok(),
        };
        let position = position.ok_or_else(|| damaged("position of a unit"))?;
        Ok(UnitProgress { unit, position })
    };
    let units = Unit::all(&content_types, from, to);
    let [
        blobs,
        skipped,
        records,
        written,
        routed,
        dropped,
        duplicate,
        foreign,
        malformed,
    ] = TALLY.map(|name| get_number(item, name).unwrap_or(0));
    Ok(Replay {
        id,
        from,
        to,
        generation: get_parsed(item, "generation"),
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        units: units
            .into_iter()
            .map(stands)
            .collect::<Result<_, LedgerError>>()?,
        content_types,
        tally: Tally {
            blobs,
            skipped,
            last_skip: get_text(item, "last_skip").map(str::to_owned),
            counts: Counts {
                records,
                written,
                routed,
                dropped,
                duplicate,
                foreign,
                malformed,
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_that_does_not_move_has_failed() {
        let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let day = Duration::from_secs(24 * 3600);
        let types = vec![ContentType::AuditExchange];
        let mut replay = Replay::new((earlier(now, day), now), types, None, now);
        assert_eq!((replay.units.len(), replay.units_done()), (2, 0));
        assert_eq!(replay.state(now), ReplayState::Running);
        assert_eq!(replay.state(later(now, day)), ReplayState::Failed);
        for unit in &mut replay.units {
            unit.position = Position::Done;
        }
        assert_eq!(replay.state(later(now, day)), ReplayState::Done);
    }
}
