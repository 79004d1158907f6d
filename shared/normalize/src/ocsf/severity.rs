//! How much attention an event deserves.

/// OCSF's scale. The discriminant is the `severity_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Informational = 1,
    Low = 2,
    Medium = 3,
    High = 4,
    Critical = 5,
}

impl Severity {
    /// The severity for a number from 1 to 5.
    pub(crate) fn of(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::Informational,
            2 => Self::Low,
            3 => Self::Medium,
            4 => Self::High,
            5 => Self::Critical,
            _ => return None,
        })
    }

    /// The severity with this caption, in any case.
    pub(crate) fn named(caption: &str) -> Option<Self> {
        (1..=5)
            .filter_map(Self::of)
            .find(|severity| severity.caption().eq_ignore_ascii_case(caption))
    }

    pub(crate) fn caption(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}
