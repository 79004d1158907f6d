//! What a rule says about itself.

use rsigma_parser::{CorrelationRule, Level, SigmaRule, Status};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::needs;
use super::travel::TravelText;
use crate::places::PlacesKind;

/// What makes a rule fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One record.
    Record,
    /// One record with a value that is new.
    FirstSeen,
    /// So many records in a time.
    EventCount,
    /// So many values in a time.
    ValueCount,
    /// Records of several rules in a time.
    Temporal,
    /// Records of several rules in a time, in the rules' order.
    TemporalOrdered,
    /// Two records that are too far apart for the time between.
    Travel,
}

/// A rule's description, for findings and lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    /// Its id; of a rule without one, a UUID of its title.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The file that it stands in.
    pub file: String,
    /// What makes it fire.
    pub kind: Kind,
    /// `informational`, `low`, `medium`, `high`, `critical`, or `None`.
    pub level: Option<Level>,
    /// `stable`, `test`, `experimental` …, or `None`.
    pub status: Option<&'static str>,
    /// What it finds.
    pub description: String,
    /// As written: `attack.t1114.003`, `attack.collection` …
    pub tags: Vec<String>,
    /// What is harmless and looks the same.
    pub false_positives: Vec<String>,
    /// Pages about it.
    pub references: Vec<String>,
    /// What to do about a finding; empty in rules of others.
    pub respond: String,
    /// What files of places must tell for it to find anything.
    pub needs: Vec<PlacesKind>,
}

/// The custom field `ualstream` of a rule.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extra {
    #[serde(default)]
    pub(super) respond: String,
    pub(super) first_seen: Option<FirstSeenText>,
    pub(super) travel: Option<TravelText>,
}

/// `first_seen` as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstSeenText {
    pub(super) field: String,
    pub(super) by: Vec<String>,
    pub(super) within: String,
    pub(super) learning: String,
}

impl About {
    pub(super) fn of_rule(rule: &SigmaRule, file: &str, extra: &Extra) -> Self {
        let kind = match (&extra.first_seen, &extra.travel) {
            (Some(_), _) => Kind::FirstSeen,
            (None, Some(_)) => Kind::Travel,
            (None, None) => Kind::Record,
        };
        let mut needs = needs::of_rule(rule);
        if let Some(first_seen) = &extra.first_seen {
            let fields = first_seen.by.iter().chain([&first_seen.field]);
            needs.extend(fields.filter_map(|field| needs::of_field(field)));
        }
        if let Some(travel) = &extra.travel {
            needs.push(PlacesKind::Cities);
            needs.extend(travel.by.iter().filter_map(|field| needs::of_field(field)));
        }
        Self {
            id: id(rule.id.as_deref(), &rule.title),
            title: rule.title.clone(),
            file: file.to_owned(),
            kind,
            level: rule.level,
            status: rule.status.map(status),
            description: rule.description.clone().unwrap_or_default(),
            tags: rule.tags.clone(),
            false_positives: rule.falsepositives.clone(),
            references: rule.references.clone(),
            respond: extra.respond.clone(),
            needs: needs::each_once(&needs),
        }
    }

    pub(super) fn of_correlation(
        rule: &CorrelationRule,
        kind: Kind,
        file: &str,
        extra: &Extra,
        needs: Vec<PlacesKind>,
    ) -> Self {
        Self {
            id: id(rule.id.as_deref(), &rule.title),
            title: rule.title.clone(),
            file: file.to_owned(),
            kind,
            level: rule.level,
            status: rule.status.map(status),
            description: rule.description.clone().unwrap_or_default(),
            tags: rule.tags.clone(),
            false_positives: rule.falsepositives.clone(),
            references: rule.references.clone(),
            respond: extra.respond.clone(),
            needs,
        }
    }
}

fn id(id: Option<&str>, title: &str) -> String {
    id.map_or_else(
        || Uuid::new_v5(&Uuid::NAMESPACE_OID, title.as_bytes()).to_string(),
        str::to_owned,
    )
}

fn status(of: Status) -> &'static str {
    match of {
        Status::Stable => "stable",
        Status::Test => "test",
        Status::Experimental => "experimental",
        Status::Deprecated => "deprecated",
        Status::Unsupported => "unsupported",
    }
}
