//! Which files of places a rule needs: without them it can find nothing.

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Modifier, Quantifier, SigmaRule, SigmaValue,
};

use crate::places::PlacesKind;

/// What must be told for a field to be there; `None` for one that needs no file.
pub(super) fn of_field(field: &str) -> Option<PlacesKind> {
    let path = field.strip_prefix("ocsf.src_endpoint.")?;
    let mut steps = path.split('.');
    match (steps.next()?, steps.next()) {
        ("autonomous_system", _) => Some(PlacesKind::Networks),
        ("location", Some("city" | "lat" | "long")) => Some(PlacesKind::Cities),
        ("location", _) => Some(PlacesKind::Countries),
        _ => None,
    }
}

/// What must be told for a correlation, of whose base rules each needs `bases`, and which counts the values of `counted`.
pub(super) fn of_correlation(
    are_all_wanted: bool,
    bases: &[Vec<PlacesKind>],
    counted: &[String],
) -> Vec<PlacesKind> {
    let is_needed = |kind: &PlacesKind| {
        let mut of_bases = bases.iter().map(|needs| needs.contains(kind));
        let mut of_counted = counted.iter().map(|field| of_field(field) == Some(*kind));
        let by_bases = if are_all_wanted {
            of_bases.any(|is_needed| is_needed)
        } else {
            of_bases.all(|is_needed| is_needed)
        };
        // One value that is there is enough.
        by_bases || (!counted.is_empty() && of_counted.all(|is_needed| is_needed))
    };
    PlacesKind::ALL.into_iter().filter(is_needed).collect()
}

/// In one order, each kind once.
pub(super) fn each_once(needs: &[PlacesKind]) -> Vec<PlacesKind> {
    let kinds = PlacesKind::ALL.into_iter();
    kinds.filter(|kind| needs.contains(kind)).collect()
}

/// What must be told for a rule's detection to match anything.
pub(super) fn of_rule(rule: &SigmaRule) -> Vec<PlacesKind> {
    let can_match = |lacking| {
        let mut conditions = rule.detection.conditions.iter();
        conditions.any(|condition| Lacking(lacking).condition(condition, rule))
    };
    let kinds = PlacesKind::ALL.into_iter();
    kinds.filter(|kind| !can_match(*kind)).collect()
}

/// Fields of this kind are absent.
#[derive(Clone, Copy)]
struct Lacking(PlacesKind);

impl Lacking {
    /// Whether it can be true. Recursion is bounded as that of the prefilter.
    fn condition(self, condition: &ConditionExpr, rule: &SigmaRule) -> bool {
        match condition {
            ConditionExpr::And(parts) => parts.iter().all(|part| self.condition(part, rule)),
            ConditionExpr::Or(parts) => parts.iter().any(|part| self.condition(part, rule)),
            ConditionExpr::Not(_) => true,
            ConditionExpr::Identifier(name) => {
                let detection = rule.detection.named.get(name);
                detection.is_none_or(|detection| self.detection(detection))
            }
            ConditionExpr::Selector {
                quantifier,
                pattern,
            } => {
                let named = rule.detection.named.iter();
                let mut chosen = named
                    .filter(|(name, _)| pattern.matches_detection_name(name))
                    .map(|(_, detection)| self.detection(detection));
                match quantifier {
                    Quantifier::All => chosen.all(|can| can),
                    Quantifier::Count(0) => true,
                    Quantifier::Any | Quantifier::Count(_) => chosen.any(|can| can),
                }
            }
        }
    }

    fn detection(self, detection: &Detection) -> bool {
        match detection {
            Detection::AllOf(items) => items.iter().all(|item| self.item(item)),
            Detection::AnyOf(any) => any.iter().any(|of| self.detection(of)),
            Detection::And(all) => all.iter().all(|of| self.detection(of)),
            Detection::Keywords(_)
            | Detection::ArrayMatch { .. }
            | Detection::Conditional { .. } => true,
        }
    }

    fn item(self, item: &DetectionItem) -> bool {
        let of = item.field.name.as_deref().and_then(of_field);
        if of != Some(self.0) || item.field.has_modifier(Modifier::Neq) {
            return true;
        }
        // These two match what is absent.
        item.values.iter().any(|value| match value {
            SigmaValue::Null => true,
            SigmaValue::Bool(is_there) => item.field.has_modifier(Modifier::Exists) && !is_there,
            _ => false,
        })
    }
}
