//! How far a finding is, and what somebody decided that it was.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::ledger::attribute::{Item, get_millis, get_parsed, get_text};

/// Absent of a new finding, and of one that was opened again it is `new`.
pub(super) const STATE: &str = "handling";

pub(super) const VERDICT: &str = "verdict";

pub(super) const HANDLED_BY: &str = "handled_by";

pub(super) const HANDLED_AT: &str = "handled_at";

pub(super) const NOTE: &str = "note";

/// How far a finding is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Nobody has looked at it.
    #[default]
    New,
    /// Somebody looks at it.
    Acknowledged,
    /// Somebody has decided what it was.
    Closed,
}

impl FindingState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::New, Self::Acknowledged, Self::Closed];

    /// Those that still need somebody.
    pub const OPEN: [Self; 2] = [Self::New, Self::Acknowledged];

    /// As the table and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
        }
    }
}

impl FromStr for FindingState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == text).ok_or(())
    }
}

/// What a finding was, in the words of OCSF's `verdict` (`incident_finding`, 2005).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FindingVerdict)]
pub enum Verdict {
    /// An attack, or what the rule is meant for.
    TruePositive,
    /// Not what the rule is meant for.
    FalsePositive,
    /// What the rule is meant for, and wanted.
    Benign,
    /// Somebody tried it out.
    Test,
    /// Told by another finding.
    Duplicate,
}

impl Verdict {
    const ALL: [Self; 5] = [
        Self::TruePositive,
        Self::FalsePositive,
        Self::Benign,
        Self::Test,
        Self::Duplicate,
    ];

    /// As the table and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TruePositive => "true_positive",
            Self::FalsePositive => "false_positive",
            Self::Benign => "benign",
            Self::Test => "test",
            Self::Duplicate => "duplicate",
        }
    }
}

impl FromStr for Verdict {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|verdict| verdict.as_str() == text).ok_or(())
    }
}

/// The last step that somebody took with a finding; of a new one there was none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handling {
    /// How far it is.
    pub state: FindingState,
    /// What it was, once it is closed.
    pub verdict: Option<Verdict>,
    /// What that person said, at most 300 characters.
    pub note: Option<String>,
    /// Who.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

pub(super) fn read(item: &Item) -> Handling {
    Handling {
        state: get_parsed(item, STATE).unwrap_or_default(),
        verdict: get_parsed(item, VERDICT),
        note: get_text(item, NOTE)
            .filter(|note| !note.is_empty())
            .map(str::to_owned),
        by: get_text(item, HANDLED_BY).map(str::to_owned),
        at: get_millis(item, HANDLED_AT),
    }
}
