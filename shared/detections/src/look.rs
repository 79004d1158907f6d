//! What rules make of one record by itself, and what they make of the sets that it joins: pure, so that whoever keeps the sets
//! can do so in memory or in a table.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::finding::{self, Finding, RECORDS_NAMED_MAX};
use crate::record::Record;
use crate::rules::{Correlation, Rule, Rules};
use crate::seen::SeenKey;
use crate::windows::{self, Member, WindowKey, travel};

/// Values of one field that a rule about new values looks at in a record.
const VALUES_OF_FIELD_MAX: usize = 20;

/// Fields of a group that tell who it was.
const USER_FIELDS: [&str; 4] = [
    "UserId",
    "UserKey",
    "MailboxOwnerUPN",
    "ocsf.actor.user.name",
];

const ADDRESS_FIELDS: [&str; 7] = [
    "ClientIP",
    "ClientIPAddress",
    "ActorIpAddress",
    "c-ip",
    "src_ip",
    "sourceIPAddress",
    "ocsf.src_endpoint.ip",
];

const APPLICATION_FIELDS: [&str; 4] = ["ApplicationId", "AppId", "appId", "ClientAppId"];

/// What rules make of a record.
#[derive(Debug, Default)]
pub struct Look {
    /// What it is by itself.
    pub findings: Vec<Finding>,
    /// What it would be if a value were new.
    pub questions: Vec<Question>,
    /// The sets that it belongs to.
    pub joins: Vec<Join>,
}

/// A record as a member of a correlation's set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The set.
    pub key: WindowKey,
    /// The record in it.
    pub member: Member,
}

/// Whether values are new, and what follows if one is.
#[derive(Debug)]
pub struct Question {
    /// For whom.
    pub key: SeenKey,
    /// The values, as the record has them.
    pub values: Vec<String>,
    /// The record's id.
    pub record: String,
    /// The record's time, in seconds since 1970.
    pub time: i64,
    /// Seconds after which a value is new again.
    pub within: i64,
    /// Seconds that a key must be known.
    pub learning: i64,
    field: String,
    finding: Option<Finding>,
    joins: Vec<Join>,
}

impl Question {
    /// A question of a rule that is told of values of 30 days, once a key is known for 7.
    #[cfg(test)]
    pub(crate) fn of(key: SeenKey, value: &str, record: &str, time: i64) -> Self {
        const DAY: i64 = 86_400;
        Self {
            key,
            values: vec![value.to_owned()],
            record: record.to_owned(),
            time,
            within: 30 * DAY,
            learning: 7 * DAY,
            field: "Country".to_owned(),
            finding: None,
            joins: Vec::new(),
        }
    }

    /// What follows from the values that are new: nothing when none is.
    #[must_use]
    pub fn answer(self, new: Vec<String>) -> (Option<Finding>, Vec<Join>) {
        if new.is_empty() {
            return (None, Vec::new());
        }
        let finding = self.finding.map(|finding| Finding {
            group: new
                .into_iter()
                .map(|value| (self.field.clone(), value))
                .collect(),
            ..finding
        });
        (finding, self.joins)
    }
}

impl Rules {
    /// What the rules make of a tenant's record. A record without a readable time meets no rule that needs one.
    #[must_use]
    pub fn look(&self, record: &Record<'_>, tenant: &str) -> Look {
        let mut look = Look::default();
        let time = record.time();
        for place in self.matching(record) {
            let rule = &self.rules[place];
            let finding = rule
                .is_told
                .then(|| of_record(rule, record, tenant, time.unwrap_or_default()));
            let joins = match time {
                Some(time) => self.joins(rule, record, tenant, time),
                None => Vec::new(),
            };
            if rule.first_seen.is_none() {
                look.findings.extend(finding);
                look.joins.extend(joins);
            } else if let Some(time) = time {
                let question = question(rule, record, tenant, (time, finding, joins));
                look.questions.extend(question);
            }
        }
        look
    }

    /// The finding of the window `key`, of whose set `own` are the members, and `next` those of the set of the window after it.
    /// `None` when there is none, or when the rule is not one of these any more.
    #[must_use]
    pub fn found(
        &self,
        key: &WindowKey,
        own: &BTreeSet<Member>,
        next: &BTreeSet<Member>,
    ) -> Option<Finding> {
        let rule = self.correlation(&key.rule)?;
        let members = windows::found(rule, own, next)?;
        Some(of_window(rule, key, &members))
    }

    /// The length of the windows of a correlation, in seconds; `None` when it is not one of these rules.
    #[must_use]
    pub fn span(&self, rule: &str) -> Option<i64> {
        self.correlation(rule).map(|rule| rule.span)
    }

    fn joins(&self, rule: &Rule, record: &Record<'_>, tenant: &str, time: i64) -> Vec<Join> {
        let feeds = rule.feeds.iter();
        feeds
            .filter_map(|(correlation, base)| {
                let correlation = &self.correlations[*correlation];
                join(correlation, *base, record, tenant, time)
            })
            .collect()
    }
}

fn join(
    rule: &Correlation,
    base: usize,
    record: &Record<'_>,
    tenant: &str,
    time: i64,
) -> Option<Join> {
    Some(Join {
        key: WindowKey {
            tenant: tenant.to_owned(),
            rule: rule.about.id.clone(),
            group: rule.group_of(base, record)?,
            window: time.div_euclid(rule.span),
        },
        member: Member {
            time,
            base,
            record: record.id().into_owned(),
            value: rule.value_of(record)?,
        },
    })
}

fn question(
    rule: &Rule,
    record: &Record<'_>,
    tenant: &str,
    (time, finding, joins): (i64, Option<Finding>, Vec<Join>),
) -> Option<Question> {
    let first_seen = rule.first_seen.as_ref()?;
    let by: Vec<String> = first_seen
        .by
        .iter()
        .map(|field| record.texts(field).join(",").to_lowercase())
        .collect();
    let mut values = record.texts(&first_seen.field);
    values.truncate(VALUES_OF_FIELD_MAX);
    if by.iter().any(String::is_empty) || values.is_empty() {
        return None;
    }
    Some(Question {
        key: SeenKey {
            tenant: tenant.to_owned(),
            rule: rule.about.id.clone(),
            by,
        },
        values,
        record: record.id().into_owned(),
        time,
        within: first_seen.within,
        learning: first_seen.learning,
        field: first_seen.field.clone(),
        finding,
        joins,
    })
}

fn of_record(rule: &Rule, record: &Record<'_>, tenant: &str, time: i64) -> Finding {
    let id = record.id().into_owned();
    Finding {
        uid: finding::uid(&[&rule.about.id, tenant, &id]),
        rule: Arc::clone(&rule.about),
        tenant: tenant.to_owned(),
        first: time,
        last: time,
        records: vec![id],
        count: 1,
        user: record.text_of("UserId").map(str::to_owned),
        address: record.address().map(str::to_owned),
        application: record.application().map(str::to_owned),
        operation: record.text_of("Operation").map(str::to_owned),
        group: Vec::new(),
        endpoints: Vec::new(),
    }
}

/// `members` in the order of time.
fn of_window(rule: &Correlation, key: &WindowKey, members: &[&Member]) -> Finding {
    let mut group: Vec<(String, String)> = rule
        .group
        .iter()
        .cloned()
        .zip(key.group.iter().cloned())
        .collect();
    let of = |fields: &[&str]| {
        let place = rule.place_of(fields);
        place.and_then(|place| key.group.get(place).cloned())
    };
    let mut endpoints = Vec::new();
    if rule.travel.is_some() {
        group.extend(travel::told(members));
        endpoints = travel::endpoints(members);
    }
    let mut records: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for member in members {
        if seen.insert(&member.record) && records.len() < RECORDS_NAMED_MAX {
            records.push(member.record.clone());
        }
    }
    Finding {
        uid: key.uid(),
        rule: Arc::clone(&rule.about),
        tenant: key.tenant.clone(),
        first: members.first().map_or(0, |member| member.time),
        last: members.last().map_or(0, |member| member.time),
        records,
        count: seen.len(),
        user: of(&USER_FIELDS),
        address: of(&ADDRESS_FIELDS),
        application: of(&APPLICATION_FIELDS),
        operation: None,
        group,
        endpoints,
    }
}
