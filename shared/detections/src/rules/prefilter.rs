//! Which rules are tried for a record: by the operations that a rule's detection needs.
//!
//! A rule that can only match records of certain operations (or, for an alert, of certain names) is tried for these alone. All
//! others are tried for every record.

use std::collections::{BTreeSet, HashMap};

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Modifier, Quantifier, SigmaRule, SigmaValue,
};

/// Names of operations, in small letters, one of which a record must have.
type Names = BTreeSet<String>;

/// From a name to the rules that want it.
#[derive(Debug, Default)]
pub(super) struct Prefilter {
    by_name: HashMap<String, Vec<usize>>,
    always: Vec<usize>,
}

impl Prefilter {
    pub(super) fn add(&mut self, rule: usize, of: &SigmaRule) {
        let conditions = of.detection.conditions.iter();
        match union(conditions.map(|condition| by_condition(condition, of))) {
            Some(names) => {
                for name in names {
                    self.by_name.entry(name).or_default().push(rule);
                }
            }
            None => self.always.push(rule),
        }
    }

    /// The rules to try for a record with these names, each once.
    pub(super) fn candidates(&self, names: [Option<&str>; 2]) -> Vec<usize> {
        let mut rules = self.always.clone();
        for name in names.into_iter().flatten() {
            if let Some(wanting) = self.by_name.get(&name.to_lowercase()) {
                rules.extend(wanting);
            }
        }
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

/// Either must hold, so all must need names.
fn union(of: impl Iterator<Item = Option<Names>>) -> Option<Names> {
    let mut all = Names::new();
    for names in of {
        all.extend(names?);
    }
    (!all.is_empty()).then_some(all)
}

/// All must hold, so one that needs names is enough: the one with the fewest.
fn narrowest(of: impl Iterator<Item = Option<Names>>) -> Option<Names> {
    of.flatten().min_by_key(Names::len)
}

/// Recursion is bounded by the length of a condition, which the parser's own recursion was before.
fn by_condition(condition: &ConditionExpr, rule: &SigmaRule) -> Option<Names> {
    match condition {
        ConditionExpr::And(parts) => narrowest(parts.iter().map(|part| by_condition(part, rule))),
        ConditionExpr::Or(parts) => union(parts.iter().map(|part| by_condition(part, rule))),
        ConditionExpr::Not(_) => None,
        ConditionExpr::Identifier(name) => by_detection(rule.detection.named.get(name)?),
        ConditionExpr::Selector {
            quantifier,
            pattern,
        } => {
            let named = rule.detection.named.iter();
            let chosen = named
                .filter(|(name, _)| pattern.matches_detection_name(name))
                .map(|(_, detection)| by_detection(detection));
            match quantifier {
                Quantifier::All => narrowest(chosen),
                Quantifier::Count(0) => None,
                Quantifier::Any | Quantifier::Count(_) => union(chosen),
            }
        }
    }
}

fn by_detection(detection: &Detection) -> Option<Names> {
    match detection {
        Detection::AllOf(items) => narrowest(items.iter().map(by_item)),
        Detection::AnyOf(any) => union(any.iter().map(by_detection)),
        Detection::And(all) => narrowest(all.iter().map(by_detection)),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
            None
        }
    }
}

fn by_item(item: &DetectionItem) -> Option<Names> {
    let names_it = matches!(item.field.name.as_deref(), Some("Operation" | "eventName"));
    let is_exact = item
        .field
        .modifiers
        .iter()
        .all(|modifier| *modifier == Modifier::Cased);
    if !names_it || !is_exact {
        return None;
    }
    union(item.values.iter().map(|value| match value {
        SigmaValue::String(text) => Some(Names::from([text.as_plain()?.to_lowercase()])),
        _ => None,
    }))
}
