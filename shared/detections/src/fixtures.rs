//! Fixtures of rules: records on which a rule must fire, and records close to them on which it must not.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::detector::Detector;
use crate::exceptions::Exceptions;
use crate::places::{Place, Places};
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
    /// A place is of no address.
    #[error("{0} among the places is neither an IP address nor a network")]
    Address(String),
}

/// The cases of a file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixtures {
    /// Where addresses are: networks or addresses, and their places as OCSF has them in an endpoint.
    #[serde(default)]
    places: BTreeMap<String, Place>,
    fires: Vec<Case>,
    quiet: Vec<Case>,
    #[serde(skip)]
    known: Arc<Places>,
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
        let mut fixtures: Self = serde_json::from_str(text)?;
        if fixtures.fires.is_empty() || fixtures.quiet.is_empty() {
            return Err(FixturesError::Lacking);
        }
        fixtures.known = Arc::new(Places::of_table(fixtures.table()?));
        Ok(fixtures)
    }

    fn table(&self) -> Result<Vec<(IpNet, Place)>, FixturesError> {
        let places = self.places.iter().map(|(address, place)| {
            let network = address.parse::<IpNet>();
            let network = network.or_else(|_| address.parse::<IpAddr>().map(IpNet::from));
            let network = network.map_err(|_| FixturesError::Address(address.clone()));
            Ok((network?, place.clone()))
        });
        places.collect()
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
            let fired = case.fired(rules, &self.known);
            fired.is_empty().then(|| FixtureFailure {
                what: case.what.clone(),
                fired,
            })
        });
        let loud = self.quiet.iter().filter_map(|case| {
            let fired = case.fired(rules, &self.known);
            (!fired.is_empty()).then(|| FixtureFailure {
                what: case.what.clone(),
                fired,
            })
        });
        fails.chain(loud).collect()
    }
}

impl Case {
    fn fired(&self, rules: &Arc<Rules>, places: &Arc<Places>) -> Vec<String> {
        let mut detector =
            Detector::new(Arc::clone(rules), Exceptions::default()).with_places(Arc::clone(places));
        let findings = self
            .records
            .iter()
            .flat_map(|record| detector.read(record.get().as_bytes()));
        findings.map(|finding| finding.rule.title.clone()).collect()
    }
}
