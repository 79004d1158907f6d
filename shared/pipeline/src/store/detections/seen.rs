//! Which values were seen for whom: an item a key, which says since when it is known, and an item a value. What is known costs a
//! read, and nothing while this process remembers it; a new value costs two writes.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use detections::{Question, SeenKey, Sighting, VALUES_PER_KEY_MAX};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Detections, DetectionsError, conditional};
use crate::aws::AwsError;
use crate::clock::later;
use crate::store::ledger::attribute::{Item, expiry, get_number, get_text, number, text};
use crate::store::ledger::key::{PK, SK};

/// Sort key of a key's own item. No hash begins so.
const OWN: &str = "#key";

/// A sighting is written again when it is older than this part of the rule's time. So a user who comes daily is not written
/// daily, and a value is forgotten up to this part later than the rule says, never earlier.
const NOTED_PART: i64 = 10;

/// How long items are kept beyond the rule's time: records come up to seven days late.
const KEPT: Duration = Duration::from_secs(8 * 24 * 3600);

/// Values that a process remembers as known; all are forgotten when there are more. A hundred bytes each.
const REMEMBERED_MAX: usize = 50_000;

/// Times that a value is looked at again because another worker wrote it meanwhile.
const ATTEMPTS_MAX: u32 = 5;

/// Bytes of the hash of a key's fields, and of a value.
const HASH_BYTES: usize = 16;

/// Values that this process knows to be known, each with the time of a sighting.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<(String, String), i64>>);

impl Remembered {
    fn covers(&self, place: &(String, String), time: i64, within: i64) -> bool {
        let Ok(known) = self.0.lock() else {
            return false;
        };
        known
            .get(place)
            .is_some_and(|at| *at < time && time - at < within / NOTED_PART)
    }

    fn note(&self, place: (String, String), time: i64) {
        let Ok(mut known) = self.0.lock() else { return };
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(place, time);
    }
}

/// What a key's items say.
struct Known {
    since: Option<i64>,
    values: u64,
    sighting: Option<Sighting>,
}

/// What is said of one value.
enum Said {
    /// It is new.
    New,
    /// It is known, or its key is being learned.
    Known,
    /// There is no room for it.
    NoRoom,
    /// Another worker wrote it meanwhile.
    Again,
}

impl Detections {
    /// Notes the values of a question, and gives those that are new for a key that is not; and how many found no room, since a key
    /// takes [`VALUES_PER_KEY_MAX`].
    ///
    /// # Errors
    /// [`DetectionsError`]; values may have been noted. The record that asks again gets the same answer.
    pub async fn new_values(
        &self,
        question: &Question,
    ) -> Result<(Vec<String>, u64), DetectionsError> {
        let (mut new, mut without_room) = (Vec::new(), 0);
        let pk = pk(&question.key);
        for value in &question.values {
            let place = (pk.clone(), hash([&value.to_lowercase()]));
            if self.seen.covers(&place, question.time, question.within) {
                continue;
            }
            match self.say(&place, question).await? {
                Said::New => new.push(value.clone()),
                Said::NoRoom => without_room += 1,
                Said::Known | Said::Again => self.seen.note(place, question.time),
            }
        }
        Ok((new, without_room))
    }

    async fn say(
        &self,
        place: &(String, String),
        question: &Question,
    ) -> Result<Said, DetectionsError> {
        for _ in 0..ATTEMPTS_MAX {
            let known = self.known(place).await?;
            match self.note(place, question, known).await? {
                Said::Again => {}
                said => return Ok(said),
            }
        }
        Err(DetectionsError::Contended {
            what: "a value that is seen",
            times: ATTEMPTS_MAX,
        })
    }

    async fn known(&self, (pk, sk): &(String, String)) -> Result<Known, DetectionsError> {
        let key = |sk: &str| HashMap::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))]);
        let wanted = KeysAndAttributes::builder()
            .consistent_read(true)
            .keys(key(OWN))
            .keys(key(sk))
            .build()
            .map_err(|error| AwsError::unusable("dynamodb:BatchGetItem", error.to_string()))?;
        let got = self
            .client
            .batch_get_item()
            .request_items(&self.table, wanted)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:BatchGetItem", &error))?;
        if got.unprocessed_keys.is_some_and(|left| !left.is_empty()) {
            return Err(AwsError::unusable("dynamodb:BatchGetItem", "not all was read").into());
        }
        let items = got.responses.unwrap_or_default();
        let items = items.into_values().flatten();
        let mut known = Known {
            since: None,
            values: 0,
            sighting: None,
        };
        for item in items {
            if get_text(&item, SK) == Some(OWN) {
                known.since = get_number(&item, "since");
                known.values = get_number(&item, "values").unwrap_or(0);
            } else {
                known.sighting = sighting(&item);
            }
        }
        Ok(known)
    }

    async fn note(
        &self,
        place: &(String, String),
        question: &Question,
        known: Known,
    ) -> Result<Said, DetectionsError> {
        let Question {
            record,
            time,
            within,
            ..
        } = question;
        let since = known.since.unwrap_or(*time).min(*time);
        let is_learned = time.saturating_sub(since) >= question.learning;
        let (is_new, sighting) = match known.sighting.clone() {
            None if known.values >= VALUES_PER_KEY_MAX as u64 => return Ok(Said::NoRoom),
            None => (true, Sighting::new(record, *time)),
            Some(mut sighting) => {
                // A sighting may be older than it says by the part that is not written.
                let is_new = sighting.note(within + within / NOTED_PART, record, *time);
                (is_new, sighting)
            }
        };
        if known.since != Some(since) || known.sighting.is_none() {
            self.note_key(place, question, since, known.sighting.is_none())
                .await?;
        }
        let is_old = |known: &Sighting| sighting.last - known.last >= within / NOTED_PART;
        let is_written = match &known.sighting {
            Some(known) if known.first == sighting.first && !is_old(known) => true,
            before => {
                self.note_value(place, question, before.as_ref(), &sighting)
                    .await?
            }
        };
        Ok(match (is_written, is_new && is_learned) {
            (false, _) => Said::Again,
            (true, true) => Said::New,
            (true, false) => Said::Known,
        })
    }

    /// The key is known since `since`, or longer.
    async fn note_key(
        &self,
        (pk, _): &(String, String),
        question: &Question,
        since: i64,
        has_value_more: bool,
    ) -> Result<(), DetectionsError> {
        let more = i64::from(has_value_more);
        let update = self
            .update_at(pk, OWN)
            .update_expression("SET since = :since, expires_at = :expires ADD #values :more")
            .condition_expression("attribute_not_exists(since) OR since >= :since")
            .expression_attribute_names("#values", "values")
            .expression_attribute_values(":since", number(since))
            .expression_attribute_values(":expires", kept_until(question))
            .expression_attribute_values(":more", number(more));
        if !conditional(update).await? && has_value_more {
            // Another record is older; the value is one more all the same.
            let update = self
                .update_at(pk, OWN)
                .update_expression("SET expires_at = :expires ADD #values :more")
                .expression_attribute_names("#values", "values")
                .expression_attribute_values(":expires", kept_until(question))
                .expression_attribute_values(":more", number(more));
            conditional(update).await?;
        }
        Ok(())
    }

    /// Whether the sighting is written: not when another worker wrote one meanwhile.
    async fn note_value(
        &self,
        (pk, sk): &(String, String),
        question: &Question,
        before: Option<&Sighting>,
        sighting: &Sighting,
    ) -> Result<bool, DetectionsError> {
        let update = self
            .update_at(pk, sk)
            .update_expression(
                "SET #first = :first, #record = :record, #last = :last, expires_at = :expires",
            )
            .expression_attribute_names("#first", "first")
            .expression_attribute_names("#record", "record")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":first", number(sighting.first))
            .expression_attribute_values(":record", text(&sighting.record))
            .expression_attribute_values(":last", number(sighting.last))
            .expression_attribute_values(":expires", kept_until(question));
        let update = match before {
            None => update.condition_expression("attribute_not_exists(pk)"),
            Some(before) => update
                .condition_expression("#first = :was_first AND #last = :was_last")
                .expression_attribute_values(":was_first", number(before.first))
                .expression_attribute_values(":was_last", number(before.last)),
        };
        Ok(conditional(update).await?)
    }
}

fn sighting(item: &Item) -> Option<Sighting> {
    Some(Sighting {
        first: get_number(item, "first")?,
        record: get_text(item, "record")?.to_owned(),
        last: get_number(item, "last")?,
    })
}

fn kept_until(question: &Question) -> AttributeValue {
    let forgotten = question.time.saturating_add(question.within);
    let forgotten = forgotten.saturating_add(question.within / NOTED_PART);
    let forgotten = Timestamp::from_second(forgotten).unwrap_or(Timestamp::MAX);
    expiry(later(forgotten, KEPT))
}

fn pk(key: &SeenKey) -> String {
    format!("seen#{}#{}#{}", key.tenant, key.rule, hash(&key.by))
}

fn hash<'t>(texts: impl IntoIterator<Item = &'t String>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex::encode(&hash.finalize()[..HASH_BYTES])
}
