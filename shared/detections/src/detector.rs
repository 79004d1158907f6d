//! The detector: records in, findings out, with what was seen of the records before.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use crate::exceptions::Exceptions;
use crate::finding::{self, Finding, RECORDS_NAMED_MAX};
use crate::record::Record;
use crate::rules::{Correlation, Rule, Rules};
use crate::seen::{Seen, SeenKey};
use crate::windows::{Found, Member, WindowKey, Windows};

/// Findings of one rule, tenant and hour. What comes more often is not a threat but a rule that matches everything.
pub const FINDINGS_PER_HOUR_MAX: u32 = 1_000;

/// Findings whose uids are remembered, so that a record that comes twice makes none again.
pub const REMEMBERED_FINDINGS_MAX: usize = 100_000;

/// Counts of rule, tenant and hour that are kept: of the latest hours.
const HOURS_MAX: usize = 20_000;

const HOUR: i64 = 3_600;

/// Values of one field that a rule about new values looks at in a record.
const VALUES_OF_FIELD_MAX: usize = 20;

/// Fields of a group that tell who it was.
const USER_FIELDS: [&str; 4] = [
    "UserId",
    "UserKey",
    "MailboxOwnerUPN",
    "ocsf.actor.user.name",
];

const ADDRESS_FIELDS: [&str; 6] = [
    "ClientIP",
    "ClientIPAddress",
    "ActorIpAddress",
    "c-ip",
    "src_ip",
    "ocsf.src_endpoint.ip",
];

const APPLICATION_FIELDS: [&str; 4] = ["ApplicationId", "AppId", "appId", "ClientAppId"];

/// What happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Records that were looked at.
    pub records: u64,
    /// Of what came as records: no JSON objects, or too long.
    pub malformed: u64,
    /// Records without a readable `CreationTime`: rules that need the time passed over them.
    pub without_time: u64,
    /// Findings made.
    pub findings: u64,
    /// Findings that an exception was for.
    pub excepted: u64,
    /// Findings beyond [`FINDINGS_PER_HOUR_MAX`], by the rule's id.
    pub capped: BTreeMap<String, u64>,
    /// Windows of correlations that were forgotten for want of room.
    pub windows_forgotten: u64,
    /// Records that found their window full.
    pub windows_full: u64,
    /// Records whose new value found no room.
    pub first_seen_full: u64,
}

/// Rules at work.
#[derive(Debug)]
pub struct Detector {
    rules: Arc<Rules>,
    exceptions: Exceptions,
    windows: Windows,
    seen: Seen,
    hours: BTreeMap<(i64, String, Arc<str>), u32>,
    known: HashSet<Uuid>,
    /// The known uids in the order in which they came.
    order: VecDeque<Uuid>,
    told: Told,
}

impl Detector {
    /// A detector that has seen nothing.
    #[must_use]
    pub fn new(rules: Arc<Rules>, exceptions: Exceptions) -> Self {
        Self {
            rules,
            exceptions,
            windows: Windows::default(),
            seen: Seen::default(),
            hours: BTreeMap::new(),
            known: HashSet::new(),
            order: VecDeque::new(),
            told: Told::default(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn told(&self) -> Told {
        Told {
            windows_forgotten: self.windows.forgotten,
            windows_full: self.windows.without_room,
            first_seen_full: self.seen.without_room,
            ..self.told.clone()
        }
    }

    /// The exceptions, with how often each was used.
    #[must_use]
    pub fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    /// The findings that a record makes, alone or with those before. Bytes that are no record are counted.
    pub fn read(&mut self, record: &[u8]) -> Vec<Finding> {
        match Record::read(record) {
            Ok(record) => self.take(&record),
            Err(_) => {
                self.told.malformed += 1;
                Vec::new()
            }
        }
    }

    /// The same for a record that was read.
    pub fn take(&mut self, record: &Record<'_>) -> Vec<Finding> {
        self.told.records += 1;
        let rules = Arc::clone(&self.rules);
        let time = record.time();
        self.told.without_time += u64::from(time.is_none());
        let mut findings = Vec::new();
        for place in rules.matching(record) {
            let rule = &rules.rules[place];
            let Some(new) = self.news(rule, record, time) else {
                continue;
            };
            if rule.is_told {
                findings.push(of_record(rule, record, time.unwrap_or_default(), new));
            }
            let Some(time) = time else { continue };
            for (correlation, base) in &rule.feeds {
                let of = &rules.correlations[*correlation];
                findings.extend(self.correlate(of, *base, record, time));
            }
        }
        findings.retain(|finding| self.is_wanted(finding));
        findings
    }

    /// What is new in the record, with for whom it is; nothing for a rule that does not ask. `None` when nothing is new.
    fn news(
        &mut self,
        rule: &Rule,
        record: &Record<'_>,
        time: Option<i64>,
    ) -> Option<Vec<(String, String)>> {
        let Some(first_seen) = &rule.first_seen else {
            return Some(Vec::new());
        };
        let time = time?;
        let by: Vec<String> = first_seen
            .by
            .iter()
            .map(|field| record.texts(field).join(",").to_lowercase())
            .collect();
        if by.iter().any(String::is_empty) {
            return None;
        }
        let id = record.id();
        let mut new = Vec::new();
        let values = record.texts(&first_seen.field);
        for value in values.into_iter().take(VALUES_OF_FIELD_MAX) {
            let key = SeenKey {
                tenant: record.tenant().to_owned(),
                rule: rule.about.id.clone(),
                by: by.clone(),
            };
            let is_new = self
                .seen
                .is_new(first_seen, key, value.to_lowercase(), &id, time);
            if is_new {
                new.push((first_seen.field.clone(), value));
            }
        }
        (!new.is_empty()).then_some(new)
    }

    fn correlate(
        &mut self,
        rule: &Correlation,
        base: usize,
        record: &Record<'_>,
        time: i64,
    ) -> Vec<Finding> {
        let Some(group) = rule.group_of(base, record) else {
            return Vec::new();
        };
        let Some(value) = rule.value_of(record) else {
            return Vec::new();
        };
        let key = WindowKey {
            tenant: record.tenant().to_owned(),
            rule: rule.about.id.clone(),
            group,
            window: time.div_euclid(rule.span),
        };
        let member = Member {
            time,
            base,
            record: record.id().into_owned(),
            value,
        };
        let found = self.windows.add(rule, &key, member);
        found.into_iter().map(|of| of_window(rule, of)).collect()
    }

    /// Whether a finding is neither known, nor excepted, nor one of too many.
    fn is_wanted(&mut self, finding: &Finding) -> bool {
        if !self.known.insert(finding.uid) {
            return false;
        }
        self.order.push_back(finding.uid);
        if self.order.len() > REMEMBERED_FINDINGS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        if self.exceptions.cover(finding) {
            self.told.excepted += 1;
            return false;
        }
        let hour = finding.last.div_euclid(HOUR);
        let key = (hour, finding.tenant.clone(), Arc::from(&*finding.rule.id));
        let count = self.hours.entry(key).or_default();
        *count += 1;
        let is_capped = *count > FINDINGS_PER_HOUR_MAX;
        if self.hours.len() > HOURS_MAX {
            self.hours.pop_first();
        }
        if is_capped {
            let capped = self.told.capped.entry(finding.rule.id.clone());
            *capped.or_default() += 1;
            return false;
        }
        self.told.findings += 1;
        true
    }
}

fn of_record(rule: &Rule, record: &Record<'_>, time: i64, new: Vec<(String, String)>) -> Finding {
    let id = record.id().into_owned();
    Finding {
        uid: finding::uid(&[&rule.about.id, record.tenant(), &id]),
        rule: Arc::clone(&rule.about),
        tenant: record.tenant().to_owned(),
        first: time,
        last: time,
        records: vec![id],
        count: 1,
        user: record.text_of("UserId").map(str::to_owned),
        address: record.address().map(str::to_owned),
        application: record.application().map(str::to_owned),
        operation: record.text_of("Operation").map(str::to_owned),
        group: new,
    }
}

fn of_window(rule: &Correlation, found: Found) -> Finding {
    let group: Vec<(String, String)> = rule
        .group
        .iter()
        .cloned()
        .zip(found.key.group.iter().cloned())
        .collect();
    let of = |fields: &[&str]| {
        let field = group.iter().find(|(name, _)| fields.contains(&&**name));
        field.map(|(_, value)| value.clone())
    };
    let mut records: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for member in &found.members {
        if seen.insert(&member.record) && records.len() < RECORDS_NAMED_MAX {
            records.push(member.record.clone());
        }
    }
    Finding {
        uid: found.key.uid(),
        rule: Arc::clone(&rule.about),
        tenant: found.key.tenant.clone(),
        first: found.members.first().map_or(0, |member| member.time),
        last: found.members.last().map_or(0, |member| member.time),
        records,
        count: seen.len(),
        user: of(&USER_FIELDS),
        address: of(&ADDRESS_FIELDS),
        application: of(&APPLICATION_FIELDS),
        operation: None,
        group,
    }
}
