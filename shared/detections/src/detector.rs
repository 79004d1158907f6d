//! The detector: records in, findings out, with what was seen of the records before.

mod known_values;
mod window_sets;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use self::known_values::KnownValues;
pub use self::known_values::{KEYS_MAX, VALUES_MAX};
pub use self::window_sets::WINDOWS_MAX;
use self::window_sets::WindowSets;
use crate::exceptions::Exceptions;
use crate::finding::Finding;
use crate::look::Look;
use crate::places::Places;
use crate::record::Record;
use crate::rules::Rules;

/// Findings of one rule, tenant and hour. What comes more often is not a threat but a rule that matches everything.
pub const FINDINGS_PER_HOUR_MAX: u32 = 1_000;

/// Findings whose uids are remembered, so that a record that comes twice makes none again.
pub const REMEMBERED_FINDINGS_MAX: usize = 100_000;

/// Counts of rule, tenant and hour that are kept: of the latest hours.
const HOURS_MAX: usize = 20_000;

const HOUR: i64 = 3_600;

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
    places: Arc<Places>,
    windows: WindowSets,
    seen: KnownValues,
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
            places: Arc::default(),
            windows: WindowSets::default(),
            seen: KnownValues::default(),
            hours: BTreeMap::new(),
            known: HashSet::new(),
            order: VecDeque::new(),
            told: Told::default(),
        }
    }

    /// The detector with what is known of places.
    #[must_use]
    pub fn with_places(self, places: Arc<Places>) -> Self {
        Self { places, ..self }
    }

    /// What is known of places.
    #[must_use]
    pub fn places(&self) -> &Arc<Places> {
        &self.places
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
        let places = Arc::clone(&self.places);
        match Record::read(record) {
            Ok(record) => self.take(&record.with_places(&places)),
            Err(_) => {
                self.told.malformed += 1;
                Vec::new()
            }
        }
    }

    /// The same for a record that was read.
    pub fn take(&mut self, record: &Record<'_>) -> Vec<Finding> {
        self.told.records += 1;
        self.told.without_time += u64::from(record.time().is_none());
        let rules = Arc::clone(&self.rules);
        let Look {
            mut findings,
            questions,
            mut joins,
        } = rules.look(record, record.tenant());
        for question in questions {
            let new = self.seen.new_values(&question);
            let (finding, further) = question.answer(new);
            findings.extend(finding);
            joins.extend(further);
        }
        for join in joins {
            findings.extend(self.windows.add(&rules, join));
        }
        for finding in &mut findings {
            finding.locate(&self.places);
        }
        findings.retain(|finding| self.is_wanted(finding));
        findings
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
        if self.exceptions.cover(finding).is_some() {
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
