//! What a rule should have beyond what makes it work.

use std::fmt;

use rsigma_parser::lint::{Severity, lint_yaml_str};
use rsigma_parser::{SigmaCollection, parse_sigma_yaml};
use uuid::Uuid;

use super::limits;
use super::refusal::Refused;
use super::set::Rules;

/// Something to mend in a file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The rule cannot be used, or Sigma's specification forbids it.
    pub is_error: bool,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_error { "error" } else { "warning" };
        write!(f, "{word}: {}", self.text)
    }
}

/// All that is wrong with a file of rules, or could be better.
#[must_use]
pub fn lint(name: &str, text: &str) -> Vec<Warning> {
    let rules = Rules::load([(name, text)]);
    let mut warnings: Vec<Warning> = rules
        .refused()
        .iter()
        .map(|Refused { title, reason, .. }| Warning {
            is_error: true,
            text: match title {
                Some(title) => format!("{title}: {reason}"),
                None => reason.to_string(),
            },
        })
        .collect();
    if limits::check_text(text).is_err() {
        return warnings;
    }
    let found = lint_yaml_str(text).into_iter();
    let found = found.filter(|of| matches!(of.severity, Severity::Error | Severity::Warning));
    warnings.extend(found.map(|of| Warning {
        is_error: of.severity == Severity::Error,
        text: format!("{}: {}", of.path, of.message),
    }));
    if let Ok(parsed) = parse_sigma_yaml(text) {
        ids(&parsed, &mut warnings);
    }
    for about in rules.about() {
        let mut lacks = |is_there: bool, what: &str| {
            if !is_there {
                warnings.push(Warning {
                    is_error: false,
                    text: format!("{}: it has no {what}", about.title),
                });
            }
        };
        lacks(about.level.is_some(), "level");
        lacks(!about.description.is_empty(), "description");
        lacks(!about.tags.is_empty(), "tags");
        lacks(!about.false_positives.is_empty(), "falsepositives");
        lacks(!about.respond.is_empty(), "ualstream.respond");
    }
    warnings
}

/// Ids make the uids of findings, so they must be there, and never be used again.
fn ids(parsed: &SigmaCollection, warnings: &mut Vec<Warning>) {
    let rules = parsed.rules.iter().map(|rule| (&rule.title, &rule.id));
    let correlations = parsed
        .correlations
        .iter()
        .map(|rule| (&rule.title, &rule.id));
    for (title, id) in rules.chain(correlations) {
        let is_uuid = id.as_deref().is_some_and(|id| Uuid::try_parse(id).is_ok());
        if !is_uuid {
            warnings.push(Warning {
                is_error: true,
                text: format!("{title}: its id is no UUID"),
            });
        }
    }
}
