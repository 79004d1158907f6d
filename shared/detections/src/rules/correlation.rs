//! Correlations: rules about several records.

use std::collections::HashMap;
use std::sync::Arc;

use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, WindowMode,
};

use super::about::{About, Extra, Kind};
use super::limits::seconds;
use super::needs;
use super::refusal::UnusableRule;
use super::travel::{Travel, TravelText};
use crate::places::PlacesKind;
use crate::record::Record;

/// Records, values or rules that a correlation may ask for: half of what a window holds, so that one can always fill it.
pub const THRESHOLD_MAX: usize = 1_000;

/// Longest time of a correlation, in seconds: 30 days. Microsoft delivers most records within a day.
const SPAN_MAX: i64 = 30 * 86_400;

/// Characters of a group's or a counted value that tell it from others.
const VALUE_CHARS_MAX: usize = 256;

/// A correlation, compiled.
#[derive(Debug)]
pub(crate) struct Correlation {
    pub(crate) about: Arc<About>,
    pub(crate) bases: Vec<usize>,
    /// The names of the group's fields, as the rule has them.
    pub(crate) group: Vec<String>,
    /// For each base the fields to read.
    pub(super) fields: Vec<Vec<String>>,
    /// Seconds.
    pub(crate) span: i64,
    /// Records, values or rules that make a finding.
    pub(crate) need: usize,
    /// The fields whose values are counted.
    pub(super) counted: Vec<String>,
    /// What must be between two records; not of Sigma's correlations.
    pub(crate) travel: Option<Travel>,
}

impl Correlation {
    pub(super) fn read(
        of: &CorrelationRule,
        file: &str,
        extra: &Extra,
        (places, needs_of): (&HashMap<String, usize>, &dyn Fn(usize) -> Vec<PlacesKind>),
    ) -> Result<Self, UnusableRule> {
        let kind = kind(of.correlation_type)?;
        if of.window != WindowMode::Sliding {
            return Err(UnusableRule::Correlation(
                "only sliding windows are supported",
            ));
        }
        if extra.first_seen.is_some() || extra.travel.is_some() {
            return Err(UnusableRule::Correlation(
                "first_seen and travel belong to a rule about one record",
            ));
        }
        let span = i64::try_from(of.timespan.seconds).unwrap_or(i64::MAX);
        if !(1..=SPAN_MAX).contains(&span) {
            return Err(UnusableRule::Correlation(
                "its timespan is not between a second and 30 days",
            ));
        }
        let bases: Vec<usize> = of
            .rules
            .iter()
            .map(|name| {
                let place = places.get(name).copied();
                place.ok_or_else(|| UnusableRule::LacksBase(name.clone()))
            })
            .collect::<Result<_, _>>()?;
        let (need, counted) = threshold(of, kind)?;
        let fields: Vec<Vec<String>> = of.rules.iter().map(|rule| fields(of, rule)).collect();
        let of_bases = bases.iter().zip(&fields).map(|(base, fields)| {
            let mut needs = needs_of(*base);
            needs.extend(fields.iter().filter_map(|field| needs::of_field(field)));
            needs
        });
        let of_bases: Vec<Vec<PlacesKind>> = of_bases.collect();
        let are_all_wanted = matches!(kind, Kind::Temporal | Kind::TemporalOrdered);
        let needs = needs::of_correlation(are_all_wanted, &of_bases, &counted);
        Ok(Self {
            about: Arc::new(About::of_correlation(of, kind, file, extra, needs)),
            bases,
            group: of.group_by.clone(),
            fields,
            span,
            need,
            counted,
            travel: None,
        })
    }

    /// The correlation of a rule with `travel`: the rule, at this place, is its one base.
    pub(super) fn of_travel(
        text: &TravelText,
        about: Arc<About>,
        base: usize,
    ) -> Result<Self, UnusableRule> {
        let within = seconds(&text.within)?;
        if !(1..=SPAN_MAX).contains(&within) {
            return Err(Travel::wrong("within is not between a second and 30 days"));
        }
        Ok(Self {
            about,
            bases: vec![base],
            fields: vec![text.by.clone()],
            group: text.by.clone(),
            span: within,
            need: 2,
            counted: Vec::new(),
            travel: Some(Travel::read(text)?),
        })
    }

    /// The name among `names` that a field of the group has in any base rule's records, and its place in the group: an alias
    /// calls it something else.
    pub(crate) fn place_of(&self, names: &[&str]) -> Option<usize> {
        (0..self.group.len()).find(|place| {
            let fields = self.fields.iter().filter_map(|of| of.get(*place));
            let mut fields = fields.chain(self.group.get(*place));
            fields.any(|field| names.contains(&&**field))
        })
    }

    /// The record's group, in small letters: users are written in any. `None` when it lacks a field of it.
    pub(crate) fn group_of(&self, base: usize, record: &Record<'_>) -> Option<Vec<String>> {
        let of_field = |field: &String| {
            let texts = record.texts(field).join(",");
            (!texts.is_empty()).then(|| bounded(&texts.to_lowercase()))
        };
        self.fields[base].iter().map(of_field).collect()
    }

    /// What the record counts for: nothing but itself (an empty text), or its values. `None` when it lacks the counted field.
    pub(crate) fn value_of(&self, record: &Record<'_>) -> Option<String> {
        if let Some(travel) = &self.travel {
            return travel.value(record).map(|value| bounded(&value));
        }
        if self.counted.is_empty() {
            return Some(String::new());
        }
        let values: Vec<String> = self
            .counted
            .iter()
            .map(|field| record.texts(field).join(","))
            .collect();
        let is_there = values.iter().any(|value| !value.is_empty());
        is_there.then(|| bounded(&values.join("\u{1f}").to_lowercase()))
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(VALUE_CHARS_MAX).collect()
}

fn kind(of: CorrelationType) -> Result<Kind, UnusableRule> {
    Ok(match of {
        CorrelationType::EventCount => Kind::EventCount,
        CorrelationType::ValueCount => Kind::ValueCount,
        CorrelationType::Temporal => Kind::Temporal,
        CorrelationType::TemporalOrdered => Kind::TemporalOrdered,
        _ => {
            return Err(UnusableRule::Correlation(
                "only event_count, value_count, temporal and temporal_ordered are supported",
            ));
        }
    })
}

/// How many there must be, and of what.
fn threshold(of: &CorrelationRule, kind: Kind) -> Result<(usize, Vec<String>), UnusableRule> {
    if matches!(kind, Kind::Temporal | Kind::TemporalOrdered) {
        return Ok((of.rules.len(), Vec::new()));
    }
    let CorrelationCondition::Threshold {
        predicates, field, ..
    } = &of.condition
    else {
        return Err(UnusableRule::Correlation("its condition is no number"));
    };
    let mut need = 1_u64;
    for (operator, number) in predicates {
        need = need.max(match operator {
            ConditionOperator::Gte => *number,
            ConditionOperator::Gt => number.saturating_add(1),
            // More records could make it false again, and records come late.
            _ => return Err(UnusableRule::Correlation("its condition must be gt or gte")),
        });
    }
    let need = usize::try_from(need).unwrap_or(usize::MAX);
    if need > THRESHOLD_MAX {
        return Err(UnusableRule::Correlation("its condition asks for too many"));
    }
    let counted = field.clone().unwrap_or_default();
    if kind == Kind::ValueCount && counted.is_empty() {
        return Err(UnusableRule::Correlation(
            "its condition lacks the field to count",
        ));
    }
    Ok((need, counted))
}

/// The fields of the group in a base rule's records: aliases name them differently for each.
fn fields(of: &CorrelationRule, rule: &str) -> Vec<String> {
    let field = |name: &String| {
        let alias = of.aliases.iter().find(|alias| alias.alias == *name);
        let mapped = alias.and_then(|alias| alias.mapping.get(rule));
        mapped.unwrap_or(name).clone()
    };
    of.group_by.iter().map(field).collect()
}
