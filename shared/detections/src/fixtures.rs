//! Fixtures of rules: records on which a rule must fire, and records close to them on which it must not.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::detector::Detector;
use crate::exceptions::Exceptions;
use crate::rules::Rules;

/// Why fixtures cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FixturesError {
    /// No JSON of the form `{"fires": […], "quiet": […]}`.
    #[error("the fixtures cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// There must be one of each.
    #[error("the fixtures lack a case that fires, or one that is quiet")]
    Lacking,
}

/// The cases of a file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixtures {
    fires: Vec<Case>,
    quiet: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    records: Vec<Box<RawValue>>,
}

/// A case that did not go as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureFailure {
    /// The case.
    pub what: String,
    /// The titles of the rules that fired although they should not; empty when none fired that should.
    pub fired: Vec<String>,
}

impl fmt::Display for FixtureFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fired.is_empty() {
            write!(f, "does not fire: {}", self.what)
        } else {
            write!(f, "is not quiet: {} ({})", self.what, self.fired.join(", "))
        }
    }
}

impl Fixtures {
    /// Reads the JSON of a file of fixtures.
    ///
    /// # Errors
    /// [`FixturesError`]
    pub fn parse(text: &str) -> Result<Self, FixturesError> {
        let fixtures: Self = serde_json::from_str(text)?;
        if fixtures.fires.is_empty() || fixtures.quiet.is_empty() {
            return Err(FixturesError::Lacking);
        }
        Ok(fixtures)
    }

    /// How many cases there are.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.fires.len() + self.quiet.len()
    }

    /// Tries the rules of one file on its cases, each with a detector that has seen nothing.
    #[must_use]
    pub fn failures(&self, rules: &Arc<Rules>) -> Vec<FixtureFailure> {
        let fails = self.fires.iter().filter_map(|case| {
            let fired = case.fired(rules);
            fired.is_empty().then(|| FixtureFailure {
                what: case.what.clone(),
                fired,
            })
        });
        let loud = self.quiet.iter().filter_map(|case| {
            let fired = case.fired(rules);
            (!fired.is_empty()).then(|| FixtureFailure {
                what: case.what.clone(),
                fired,
            })
        });
        fails.chain(loud).collect()
    }
}

impl Case {
    fn fired(&self, rules: &Arc<Rules>) -> Vec<String> {
        let mut detector = Detector::new(Arc::clone(rules), Exceptions::default());
        let findings = self
            .records
            .iter()
            .flat_map(|record| detector.read(record.get().as_bytes()));
        findings.map(|finding| finding.rule.title.clone()).collect()
    }
}
