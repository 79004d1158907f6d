//! Limits of a file of rules, checked before anything in it is built.

use regex::RegexBuilder;
use rsigma_parser::value::Timespan;
use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaValue};
use saphyr_parser::{Event, Parser};

use super::refusal::{DOCUMENTS_MAX, NESTING_MAX, REGEX_BYTES_MAX, RULE_BYTES_MAX, UnusableRule};

/// Brackets and negations in one condition: the parser of conditions calls itself for each. Rules need 5.
const CONDITION_PARTS_MAX: usize = 64;

/// A timespan as rules write it, in seconds.
pub(super) fn seconds(text: &str) -> Result<i64, UnusableRule> {
    let parsed = Timespan::parse(text).map_err(|error| UnusableRule::Extra(error.to_string()))?;
    i64::try_from(parsed.seconds).map_err(|error| UnusableRule::Extra(error.to_string()))
}

/// Whether the text may be parsed: small, flat, and without references to other parts of itself, which expand.
pub(super) fn check_text(text: &str) -> Result<(), UnusableRule> {
    if text.len() > RULE_BYTES_MAX {
        return Err(UnusableRule::TooLong);
    }
    let mut depth = 0_usize;
    let mut documents = 0;
    let (mut is_condition, mut in_list) = (false, false);
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::Alias(_), _)) => return Err(UnusableRule::Alias),
            Ok((Event::DocumentStart(_), _)) => documents += 1,
            Ok((Event::SequenceStart(..), _)) => {
                depth += 1;
                in_list = true;
            }
            Ok((Event::MappingStart(..), _)) => {
                depth += 1;
                in_list = false;
            }
            Ok((Event::SequenceEnd | Event::MappingEnd, _)) => {
                depth = depth.saturating_sub(1);
                in_list = false;
            }
            Ok((Event::Scalar(text, ..), _)) => {
                if is_condition
                    && text.matches('(').count() + text.matches("not ").count()
                        > CONDITION_PARTS_MAX
                {
                    return Err(UnusableRule::TooDeep);
                }
                // A condition is a text, or a list of them.
                is_condition = text == "condition" || (is_condition && in_list);
            }
            Ok(_) => {}
            Err(error) => return Err(UnusableRule::Sigma(error.to_string())),
        }
        if documents > DOCUMENTS_MAX {
            return Err(UnusableRule::TooManyDocuments);
        }
        if depth > NESTING_MAX {
            return Err(UnusableRule::TooDeep);
        }
    }
    Ok(())
}

/// Whether each regular expression of the rule stays small when it is compiled.
pub(super) fn check_expressions(rule: &SigmaRule) -> Result<(), UnusableRule> {
    rule.detection.named.values().try_for_each(check_detection)
}

/// Recursion is bounded by [`NESTING_MAX`].
fn check_detection(detection: &Detection) -> Result<(), UnusableRule> {
    match detection {
        Detection::AllOf(items) => items.iter().try_for_each(check_item),
        Detection::AnyOf(inner) | Detection::And(inner) => {
            inner.iter().try_for_each(check_detection)
        }
        Detection::ArrayMatch { body, .. } => check_detection(body),
        Detection::Conditional { named, .. } => named.values().try_for_each(check_detection),
        Detection::Keywords(_) => Ok(()),
    }
}

fn check_item(item: &DetectionItem) -> Result<(), UnusableRule> {
    if !item.field.has_modifier(Modifier::Re) {
        return Ok(());
    }
    for value in &item.values {
        let SigmaValue::String(pattern) = value else {
            continue;
        };
        RegexBuilder::new(&pattern.original)
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| UnusableRule::Regex(error.to_string()))?;
    }
    Ok(())
}
