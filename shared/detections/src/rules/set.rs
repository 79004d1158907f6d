//! A set of rules: loaded, compiled, and tried on records.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rsigma_eval::{CompiledRule, compile_rule, evaluate_rule};
use rsigma_parser::{SigmaRule, parse_sigma_yaml};
use serde::Deserialize;
use serde::de::Deserializer;

use super::about::{About, Extra, FirstSeenText};
use super::correlation::Correlation;
use super::limits::{self, seconds};
use super::prefilter::Prefilter;
use super::refusal::{PRODUCT, RULES_MAX, Refused, UnusableRule};
use crate::record::Record;

/// A rule about one record.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) about: Arc<About>,
    /// What correlations may call it besides its id.
    name: Option<String>,
    compiled: CompiledRule,
    pub(crate) first_seen: Option<FirstSeen>,
    /// It is not only the base of correlations.
    pub(crate) is_told: bool,
    /// The correlations that it is a base of, and its place among their bases.
    pub(crate) feeds: Vec<(usize, usize)>,
}

/// The condition that a value is new.
#[derive(Debug)]
pub(crate) struct FirstSeen {
    /// The field whose value is new.
    pub(crate) field: String,
    /// The fields for whose values it is new.
    pub(crate) by: Vec<String>,
    /// Seconds after which a value is new again.
    pub(crate) within: i64,
    /// Seconds that a key must be known.
    pub(crate) learning: i64,
}

/// A set of rules.
#[derive(Debug, Default)]
pub struct Rules {
    pub(crate) rules: Vec<Rule>,
    pub(crate) correlations: Vec<Correlation>,
    /// The correlations' places, by their ids.
    by_id: HashMap<String, usize>,
    prefilter: Prefilter,
    refused: Vec<Refused>,
}

impl Rules {
    /// Compiles files of rules, each with its name. What cannot be used is in [`Rules::refused`]; the others work.
    #[must_use]
    pub fn load<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let mut rules = Self::default();
        let mut ids = HashSet::new();
        let mut correlations = Vec::new();
        for (file, text) in files {
            let mut refuse = |title: Option<&str>, reason| {
                rules.refused.push(Refused {
                    file: file.to_owned(),
                    title: title.map(str::to_owned),
                    reason,
                });
            };
            let parsed = limits::check_text(text).and_then(|()| {
                parse_sigma_yaml(text).map_err(|error| UnusableRule::Sigma(error.to_string()))
            });
            let mut parsed = match parsed {
                Ok(parsed) => parsed,
                Err(reason) => {
                    refuse(None, reason);
                    continue;
                }
            };
            for error in parsed.errors {
                refuse(None, UnusableRule::Sigma(error));
            }
            for filter in parsed.filters {
                let reason = "it is a filter: write an exception";
                refuse(Some(&filter.title), UnusableRule::Correlation(reason));
            }
            for rule in &parsed.rules {
                let added = rules.add(rule, file, &mut ids);
                if let Err(reason) = added {
                    rules.refused.push(Refused {
                        file: file.to_owned(),
                        title: Some(rule.title.clone()),
                        reason,
                    });
                }
            }
            correlations.extend(parsed.correlations.drain(..).map(|of| (file, of)));
        }
        rules.add_correlations(correlations, &mut ids);
        rules
    }

    /// What cannot be used, with the reasons.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// All rules that make findings, in the order of the files, correlations last.
    pub fn about(&self) -> impl Iterator<Item = &About> {
        let rules = self.rules.iter().filter(|rule| rule.is_told);
        rules
            .map(|rule| &*rule.about)
            .chain(self.correlations.iter().map(|of| &*of.about))
    }

    /// The ids of the rules that a record matches by itself, those included that only correlations use. What was seen before
    /// plays no part.
    #[must_use]
    pub fn matches(&self, record: &Record<'_>) -> Vec<&str> {
        let matching = self.matching(record);
        matching
            .into_iter()
            .map(|rule| &*self.rules[rule].about.id)
            .collect()
    }

    /// A correlation, by its id.
    pub(crate) fn correlation(&self, id: &str) -> Option<&Correlation> {
        self.by_id.get(id).map(|place| &self.correlations[*place])
    }

    pub(crate) fn matching(&self, record: &Record<'_>) -> Vec<usize> {
        let names = [record.text_of("Operation"), record.text_of("Name")];
        let mut rules = self.prefilter.candidates(names);
        rules.retain(|rule| evaluate_rule(&self.rules[*rule].compiled, record).is_some());
        rules
    }

    fn add(
        &mut self,
        rule: &SigmaRule,
        file: &str,
        ids: &mut HashSet<String>,
    ) -> Result<(), UnusableRule> {
        if self.rules.len() >= RULES_MAX {
            return Err(UnusableRule::TooMany);
        }
        if rule.logsource.product.as_deref() != Some(PRODUCT) {
            return Err(UnusableRule::Product);
        }
        limits::check_expressions(rule)?;
        let compiled =
            compile_rule(rule).map_err(|error| UnusableRule::Sigma(error.to_string()))?;
        let extra = extra(rule.custom_attributes.get("ualstream"))?;
        let about = Arc::new(About::of_rule(rule, file, &extra));
        if !ids.insert(about.id.clone()) {
            return Err(UnusableRule::SameId);
        }
        let first_seen = extra.first_seen.map(FirstSeen::read).transpose()?;
        let place = self.rules.len();
        let travel = extra.travel.map(|text| {
            if first_seen.is_some() {
                let both = "it has both first_seen and travel";
                return Err(UnusableRule::Extra(both.to_owned()));
            }
            Correlation::of_travel(&text, Arc::clone(&about), place)
        });
        let travel = travel.transpose()?;
        self.prefilter.add(place, rule);
        self.rules.push(Rule {
            about,
            name: rule.name.clone(),
            compiled,
            first_seen,
            is_told: travel.is_none(),
            feeds: travel
                .iter()
                .map(|_| (self.correlations.len(), 0))
                .collect(),
        });
        if let Some(travel) = travel {
            self.push_correlation(travel);
        }
        Ok(())
    }

    fn push_correlation(&mut self, correlation: Correlation) {
        let place = self.correlations.len();
        self.by_id.insert(correlation.about.id.clone(), place);
        self.correlations.push(correlation);
    }

    fn add_correlations(
        &mut self,
        correlations: Vec<(&str, rsigma_parser::CorrelationRule)>,
        ids: &mut HashSet<String>,
    ) {
        let mut places: HashMap<String, usize> = HashMap::new();
        for (place, rule) in self.rules.iter().enumerate() {
            places.insert(rule.about.id.clone(), place);
            places.extend(rule.name.clone().map(|name| (name, place)));
        }
        for (file, of) in correlations {
            let added = self.add_correlation(file, &of, &places, ids);
            if let Err(reason) = added {
                self.refused.push(Refused {
                    file: file.to_owned(),
                    title: Some(of.title),
                    reason,
                });
            }
        }
    }

    fn add_correlation(
        &mut self,
        file: &str,
        of: &rsigma_parser::CorrelationRule,
        places: &HashMap<String, usize>,
        ids: &mut HashSet<String>,
    ) -> Result<(), UnusableRule> {
        if self.rules.len() + self.correlations.len() >= RULES_MAX {
            return Err(UnusableRule::TooMany);
        }
        let extra = extra(of.custom_attributes.get("ualstream"))?;
        let needs_of = |place: usize| self.rules[place].about.needs.clone();
        let correlation = Correlation::read(of, file, &extra, (places, &needs_of))?;
        if !ids.insert(correlation.about.id.clone()) {
            return Err(UnusableRule::SameId);
        }
        for (place, base) in correlation.bases.iter().enumerate() {
            let base = &mut self.rules[*base];
            base.feeds.push((self.correlations.len(), place));
            base.is_told = of.generate && base.is_told;
        }
        self.push_correlation(correlation);
        Ok(())
    }
}

fn extra<'d, D: Deserializer<'d> + Clone>(field: Option<&D>) -> Result<Extra, UnusableRule> {
    match field {
        Some(field) => Extra::deserialize(field.clone())
            .map_err(|error| UnusableRule::Extra(error.to_string())),
        None => Ok(Extra::default()),
    }
}

impl FirstSeen {
    fn read(text: FirstSeenText) -> Result<Self, UnusableRule> {
        Ok(Self {
            within: seconds(&text.within)?,
            learning: seconds(&text.learning)?,
            field: text.field,
            by: text.by,
        })
    }
}

#[cfg(test)]
mod tests;
