//! Which rules are tried for a record: by the operations that a rule's detection needs.
//!
//! A rule that can only match records of certain operations (or, for an alert, of certain names) is tried for these alone. All
//! others are tried for every record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Modifier, Quantifier, SigmaRule, SigmaValue,
};

/// How an operation's name must be like a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Like {
    Whole,
    Begin,
    End,
    Part,
}

/// Texts, in small letters, like one of which a record's operation must be.
type Names = BTreeSet<(Like, String)>;

/// From the names of operations to the rules that want them.
#[derive(Debug, Default)]
pub(super) struct Prefilter {
    by_name: HashMap<String, Vec<usize>>,
    by_part: BTreeMap<(Like, String), Vec<usize>>,
    always: Vec<usize>,
}

impl Prefilter {
    pub(super) fn add(&mut self, rule: usize, of: &SigmaRule) {
        let conditions = of.detection.conditions.iter();
        let names = union(conditions.map(|condition| by_condition(condition, of)));
        let Some(names) = names else {
            return self.always.push(rule);
        };
        for (like, text) in names {
            let rules = match like {
                Like::Whole => self.by_name.entry(text).or_default(),
                _ => self.by_part.entry((like, text)).or_default(),
            };
            rules.push(rule);
        }
    }

    /// The rules to try for a record with these names, each once.
    pub(super) fn candidates(&self, names: [Option<&str>; 2]) -> Vec<usize> {
        let mut rules = self.always.clone();
        for name in names.into_iter().flatten() {
            let name = name.to_lowercase();
            rules.extend(self.by_name.get(&name).into_iter().flatten());
            let wanting = self.by_part.iter().filter(|((like, text), _)| match like {
                Like::Whole => name == *text,
                Like::Begin => name.starts_with(text),
                Like::End => name.ends_with(text),
                Like::Part => name.contains(text),
            });
            rules.extend(wanting.flat_map(|(_, rules)| rules));
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
    let like = like(&item.field.modifiers)?;
    if !names_it {
        return None;
    }
    union(item.values.iter().map(|value| match value {
        SigmaValue::String(text) => Some(Names::from([(like, text.as_plain()?.to_lowercase())])),
        _ => None,
    }))
}

/// `None` for comparisons of other kinds. With `all`, one of the texts is as necessary as the others.
fn like(modifiers: &[Modifier]) -> Option<Like> {
    let mut like = Like::Whole;
    for modifier in modifiers {
        like = match modifier {
            Modifier::Cased | Modifier::All => like,
            Modifier::StartsWith => Like::Begin,
            Modifier::EndsWith => Like::End,
            Modifier::Contains => Like::Part,
            _ => return None,
        };
    }
    Some(like)
}
