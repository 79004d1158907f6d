//! What was found, by rule: how often, how often per day, and examples.

use std::collections::BTreeMap;
use std::fmt;

use detections::{About, Detector, Finding, Places, PlacesKind, Rules, Told};
use jiff::Timestamp;
use serde::Serialize;

use super::super::rules::level;
use crate::commands::table::{Column, table};

/// Findings of a rule that are shown.
const EXAMPLES_MAX: usize = 3;

/// Days that are told apart for a rule; the findings of further ones are counted in the sum alone.
const DAYS_MAX: usize = 4_000;

const DAY_SECONDS: i64 = 86_400;

/// What a run found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Records with what is no record.
    pub(super) records: u64,
    /// Days from the first record's to the last one's, both included.
    days: i64,
    pub(super) findings: u64,
    /// Raw copies of the lake that could not be read.
    pub(super) unreadable: u64,
    /// All rules, those that found most first.
    rules: Vec<OfRule>,
    /// Rules that are not used.
    refused: usize,
    /// Rules that can find nothing without the files of places that they need.
    off: Vec<OfOff>,
    /// Look-ups that ended at damage of a file of places.
    damaged_places: u64,
    exceptions: Vec<OfException>,
    told: Told,
    #[serde(skip)]
    first_day: Option<i64>,
    #[serde(skip)]
    last_day: Option<i64>,
}

/// What a rule found.
#[derive(Debug, Serialize)]
struct OfRule {
    id: String,
    title: String,
    level: &'static str,
    file: String,
    findings: u64,
    per_day: f64,
    by_day: BTreeMap<String, u64>,
    examples: Vec<Finding>,
}

/// A rule that is off.
#[derive(Debug, Serialize)]
struct OfOff {
    id: String,
    lacks: PlacesKind,
}

/// How often an exception was used.
#[derive(Debug, Serialize)]
struct OfException {
    reason: String,
    author: String,
    used: u64,
}

impl Report {
    pub(super) fn new(rules: &Rules, places: &Places) -> Self {
        let off = rules.off_without(places).into_iter();
        Self {
            records: 0,
            days: 0,
            findings: 0,
            unreadable: 0,
            rules: rules.about().map(OfRule::new).collect(),
            refused: rules.refused().len(),
            off: off
                .map(|of| OfOff {
                    id: of.rule.id.clone(),
                    lacks: of.lacks,
                })
                .collect(),
            damaged_places: 0,
            exceptions: Vec::new(),
            told: Told::default(),
            first_day: None,
            last_day: None,
        }
    }

    pub(super) fn saw(&mut self, time: Option<i64>) {
        self.records += 1;
        let Some(day) = time.map(|time| time.div_euclid(DAY_SECONDS)) else {
            return;
        };
        self.first_day = Some(self.first_day.map_or(day, |first| first.min(day)));
        self.last_day = Some(self.last_day.map_or(day, |last| last.max(day)));
    }

    pub(super) fn add(&mut self, finding: &Finding) {
        self.findings += 1;
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.id == finding.rule.id);
        if let Some(rule) = rule {
            rule.add(finding);
        }
    }

    /// Sums up, once everything was read.
    pub(super) fn end(&mut self, detector: &Detector) {
        self.told = detector.told();
        self.damaged_places = detector.places().damaged();
        self.records += self.told.malformed;
        if let (Some(first), Some(last)) = (self.first_day, self.last_day) {
            self.days = last - first + 1;
        }
        for rule in &mut self.rules {
            rule.per_day = rule.findings as f64 / self.days.max(1) as f64;
        }
        self.rules
            .sort_by(|a, b| (b.findings, &a.title).cmp(&(a.findings, &b.title)));
        let used = detector.exceptions().used();
        self.exceptions = used
            .map(|(exception, used)| OfException {
                reason: exception.reason.clone(),
                author: exception.author.clone(),
                used,
            })
            .collect();
    }
}

impl OfRule {
    fn new(about: &About) -> Self {
        Self {
            id: about.id.clone(),
            title: about.title.clone(),
            level: level(about),
            file: about.file.clone(),
            findings: 0,
            per_day: 0.0,
            by_day: BTreeMap::new(),
            examples: Vec::new(),
        }
    }

    fn add(&mut self, finding: &Finding) {
        self.findings += 1;
        let at = Timestamp::from_second(finding.last).unwrap_or_default();
        let day = at.strftime("%Y-%m-%d").to_string();
        if self.by_day.len() < DAYS_MAX || self.by_day.contains_key(&day) {
            *self.by_day.entry(day).or_default() += 1;
        }
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(finding.clone());
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found: Vec<&OfRule> = self.rules.iter().filter(|rule| rule.findings > 0).collect();
        if !found.is_empty() {
            let rows: Vec<Vec<String>> = found.iter().map(|rule| rule.row()).collect();
            let columns = [
                Column::Left("LEVEL"),
                Column::Right("FINDINGS"),
                Column::Right("A DAY"),
                Column::Left("RULE"),
            ];
            writeln!(f, "{}", table(&columns, &rows))?;
            let examples = found.iter().flat_map(|rule| &rule.examples);
            let rows: Vec<Vec<String>> = examples.map(example).collect();
            let columns = ["RULE", "TIME (UTC)", "WHO", "FROM", "WHAT", "RECORD"];
            writeln!(f, "{}", table(&columns.map(Column::Left), &rows))?;
        }
        writeln!(
            f,
            "{} records of {} days, {} findings by {} of {} rules",
            self.records,
            self.days,
            self.findings,
            found.len(),
            self.rules.len()
        )?;
        for (count, what) in self.notes() {
            if count > 0 {
                writeln!(f, "{count} {what}")?;
            }
        }
        Ok(())
    }
}

impl Report {
    /// What else a person must know.
    fn notes(&self) -> [(u64, &'static str); 11] {
        let told = &self.told;
        [
            (told.malformed, "of them are no records"),
            (self.unreadable, "raw copies could not be read"),
            (
                told.without_time,
                "records have no time: rules that need it passed over them",
            ),
            (self.refused as u64, "rules are not used"),
            (
                self.off.len() as u64,
                "rules are off without the places that they need",
            ),
            (
                self.damaged_places,
                "addresses were not found because a file of places is damaged",
            ),
            (told.excepted, "findings were left out by exceptions"),
            (
                told.capped.values().sum(),
                "findings were left out because their rule made too many in an hour",
            ),
            (
                told.windows_forgotten,
                "windows of correlations were forgotten for want of room",
            ),
            (told.windows_full, "records found their window full"),
            (
                told.first_seen_full,
                "records found no room for a new value",
            ),
        ]
    }
}

impl OfRule {
    fn row(&self) -> Vec<String> {
        vec![
            self.level.to_owned(),
            self.findings.to_string(),
            often(self.per_day),
            self.title.clone(),
        ]
    }
}

/// To a tenth, which a rare finding must not lack.
fn often(per_day: f64) -> String {
    if 0.0 < per_day && per_day < 0.05 {
        "<0.1".to_owned()
    } else {
        format!("{per_day:.1}")
    }
}

fn example(of: &Finding) -> Vec<String> {
    let at = Timestamp::from_second(of.last).unwrap_or_default();
    let text = |of: &Option<String>| of.clone().unwrap_or_default();
    let what = match &of.operation {
        Some(operation) => operation.clone(),
        None => format!("{} records", of.count),
    };
    vec![
        of.rule.title.clone(),
        at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        text(&of.user),
        text(&of.address),
        what,
        of.records.first().cloned().unwrap_or_default(),
    ]
}
