//! The sets of correlations: which records of a group lie in a window of time. A set only grows, by DynamoDB's own sets, so any
//! number of workers can add to it, in any order and any number of times.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use detections::{Member, THRESHOLD_MAX, WindowKey};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Detections, DetectionsError, conditional};
use crate::aws::AwsError;
use crate::clock::later;
use crate::store::ledger::attribute::{Item, expiry, get_text, number, text};
use crate::store::ledger::key::SK;
use crate::teeth::{Tooth, bites};

/// How long a set is kept after its window, beside the correlation's own timespan: Microsoft keeps content for seven days, so
/// what comes later is a replay of what was looked at before.
const KEPT: Duration = Duration::from_secs(8 * 24 * 3600);

/// The records of a set.
const MEMBERS: &str = "members";

/// Says that the window's finding was made.
const FOUND: &str = "found";

/// Records of a set from which on it takes no more: as many as a correlation may ask for. Those that are added together may fill
/// it to twice that, 350 KB of the 400 KB that an item can hold.
const SET_MEMBERS_MAX: usize = THRESHOLD_MAX;

/// Bytes of a counted value that are kept; a longer one is kept as the beginning of its hash. What a rule about travel counts has
/// coordinates, an address, a country and a city: some ninety bytes.
const VALUE_BYTES_MAX: usize = 112;

/// The same for a record's id. Microsoft's have 36.
const RECORD_BYTES_MAX: usize = 40;

/// Bytes of the hash of a group: two groups with one hash are not to be expected.
const GROUP_HASH_BYTES: usize = 16;

/// Added to the numbers of windows in sort keys, so that they have as many digits each: with windows of a second, 30,000 years.
const WINDOWS_BEFORE_1970: i64 = 1_000_000_000_000;

/// One set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowSet {
    /// Its records.
    pub members: BTreeSet<Member>,
    /// Its finding was made.
    pub is_found: bool,
}

/// A set, and those of the windows before and after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowSets {
    /// The window before.
    pub before: WindowSet,
    /// The window itself.
    pub own: WindowSet,
    /// The window after.
    pub after: WindowSet,
    /// The set was full, and the records are not in it.
    pub is_full: bool,
}

impl Detections {
    /// Adds records to a set, and reads it with its neighbours. `span` is the length of the window in seconds. A set takes no more
    /// records once it has as many as a correlation may ask for.
    ///
    /// # Errors
    /// [`DetectionsError`]; the records may have been added.
    pub async fn join(
        &self,
        key: &WindowKey,
        members: &BTreeSet<Member>,
        span: i64,
    ) -> Result<WindowSets, DetectionsError> {
        let written = members.iter().map(|member| encode(key, member, span));
        let added: Vec<String> = written.take(SET_MEMBERS_MAX).collect();
        let end = Timestamp::from_second((key.window + 2).saturating_mul(span));
        let kept_until = later(end.unwrap_or(Timestamp::MAX), KEPT);
        let update = self
            .update_at(&pk(key), &sk(key.window))
            .update_expression("SET expires_at = :expires ADD #members :added")
            .condition_expression("attribute_not_exists(#members) OR size(#members) < :most")
            .expression_attribute_names("#members", MEMBERS)
            .expression_attribute_values(":expires", expiry(kept_until))
            .expression_attribute_values(":added", AttributeValue::Ss(added))
            .expression_attribute_values(":most", number(SET_MEMBERS_MAX));
        let update = if bites(Tooth::WindowJoinedOnce) {
            update.condition_expression("attribute_not_exists(#members) OR size(#members) > :most")
        } else {
            update
        };
        let is_added = conditional(update).await?;
        let mut sets = self.windows_around(key, span).await?;
        let mut take = |window| sets.remove(&window).unwrap_or_default();
        Ok(WindowSets {
            before: take(key.window - 1),
            own: take(key.window),
            after: take(key.window + 1),
            is_full: !is_added,
        })
    }

    /// Notes that the window's finding was made, so that nobody looks for it again.
    ///
    /// # Errors
    /// [`DetectionsError`]
    pub async fn note_found(&self, key: &WindowKey) -> Result<(), DetectionsError> {
        let update = self
            .update_at(&pk(key), &sk(key.window))
            .update_expression("SET #found = :found")
            .condition_expression("attribute_exists(#members)")
            .expression_attribute_names("#members", MEMBERS)
            .expression_attribute_names("#found", FOUND)
            .expression_attribute_values(":found", AttributeValue::Bool(true));
        // A set that is gone needs no note.
        conditional(update).await?;
        Ok(())
    }

    async fn windows_around(
        &self,
        key: &WindowKey,
        span: i64,
    ) -> Result<BTreeMap<i64, WindowSet>, DetectionsError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(pk(key)))
            .expression_attribute_values(":first", text(sk(key.window - 1)))
            .expression_attribute_values(":last", text(sk(key.window + 1)))
            .into_paginator()
            .items()
            .send();
        let mut sets = BTreeMap::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| AwsError::new("dynamodb:Query", &error))?;
            sets.extend(read(&item, span));
        }
        Ok(sets)
    }
}

fn read(item: &Item, span: i64) -> Option<(i64, WindowSet)> {
    let window = get_text(item, SK)?.parse::<i64>().ok()? - WINDOWS_BEFORE_1970;
    let members = item.get(MEMBERS).and_then(|members| members.as_ss().ok());
    let members = members.into_iter().flatten();
    let set = WindowSet {
        members: members
            .filter_map(|member| decode(window, member, span))
            .collect(),
        is_found: item.contains_key(FOUND),
    };
    Some((window, set))
}

/// All windows of a rule and group lie in one partition, so that a window and its neighbours are one Query. The group is a hash:
/// its values are as long as their records have them.
fn pk(key: &WindowKey) -> String {
    let mut group = Sha256::new();
    for value in &key.group {
        group.update((value.len() as u64).to_be_bytes());
        group.update(value);
    }
    let group = hex::encode(&group.finalize()[..GROUP_HASH_BYTES]);
    format!("window#{}#{}#{group}", key.tenant, key.rule)
}

/// In the order of windows, also of those before 1970.
fn sk(window: i64) -> String {
    format!("{:013}", window.saturating_add(WINDOWS_BEFORE_1970))
}

/// A member as text: seconds since the window began, the base rule, the record's id and the value.
fn encode(key: &WindowKey, member: &Member, span: i64) -> String {
    let offset = member.time - key.window.saturating_mul(span);
    let record = short(&member.record, RECORD_BYTES_MAX);
    let value = short(&member.value, VALUE_BYTES_MAX);
    format!("{offset} {} {record}\u{1f}{value}", member.base)
}

fn decode(window: i64, text: &str, span: i64) -> Option<Member> {
    let (head, value) = text.split_once('\u{1f}')?;
    let mut parts = head.splitn(3, ' ');
    let offset: i64 = parts.next()?.parse().ok()?;
    Some(Member {
        time: window.saturating_mul(span).saturating_add(offset),
        base: parts.next()?.parse().ok()?,
        record: parts.next()?.to_owned(),
        value: value.to_owned(),
    })
}

/// A text that tells from others what it is told from by all of it.
fn short(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max && !text.contains('\u{1f}') {
        return text.to_owned();
    }
    let hash = hex::encode(Sha256::digest(text));
    hash.chars().take(bytes_max).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(group: &[&str], window: i64) -> WindowKey {
        WindowKey {
            tenant: "t".to_owned(),
            rule: "r".to_owned(),
            group: group.iter().map(|&value| value.to_owned()).collect(),
            window,
        }
    }

    proptest! {
        #[test]
        fn members_survive_the_table(at in 0i64..600, base in 0usize..9, record in "[a-z0-9-]{1,36}", value in "[ -~]{0,112}") {
            let key = key(&["a"], -3);
            let member = Member { time: -3 * 600 + at, base, record, value };
            let written = encode(&key, &member, 600);
            prop_assert_eq!(decode(-3, &written, 600), Some(member));
        }

        #[test]
        fn long_members_stay_apart_and_short(record in ".{0,300}", value in ".{0,300}", other in ".{0,300}") {
            let member = |value: &str| Member { time: 7, base: 1, record: record.clone(), value: value.to_owned() };
            let written = |value: &str| encode(&key(&["a"], 0), &member(value), 600);
            prop_assert!(decode(0, &written(&value), 600).is_some());
            prop_assert!(written(&value).len() <= 175);
            prop_assert_eq!(written(&value) == written(&other), value == other);
        }
    }

    #[test]
    fn windows_sort_as_their_numbers_and_groups_stay_apart() {
        assert!(sk(-2) < sk(-1) && sk(-1) < sk(0) && sk(9) < sk(10));
        assert_ne!(pk(&key(&["ab", "c"], 0)), pk(&key(&["a", "bc"], 0)));
        assert_eq!(pk(&key(&["a"], 0)), pk(&key(&["a"], 1)));
    }
}
