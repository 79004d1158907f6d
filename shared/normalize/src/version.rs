//! The versions of OCSF that events can be written in.

use std::fmt::{self, Display};
use std::str::FromStr;

/// A version of OCSF. Events are made in 1.8.0 and converted to an older version where a consumer needs it: Amazon
/// Security Lake's own tools know 1.1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum OcsfVersion {
    /// 1.1.0, of January 2024
    V1_1,
    /// 1.2.0
    V1_2,
    /// 1.3.0
    V1_3,
    /// 1.4.0
    V1_4,
    /// 1.5.0
    V1_5,
    /// 1.6.0
    V1_6,
    /// 1.7.0
    V1_7,
    /// 1.8.0, of March 2026: the newest stable version, which has every attribute that the mapping writes
    #[default]
    V1_8,
}

/// A text that is not a version of OCSF that events can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1.1.0, 1.2.0, 1.3.0, 1.4.0, 1.5.0, 1.6.0, 1.7.0 or 1.8.0")]
pub struct UnknownVersion;

impl OcsfVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 8] = [
        Self::V1_1,
        Self::V1_2,
        Self::V1_3,
        Self::V1_4,
        Self::V1_5,
        Self::V1_6,
        Self::V1_7,
        Self::V1_8,
    ];

    /// The version as written in `metadata.version`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_1 => "1.1.0",
            Self::V1_2 => "1.2.0",
            Self::V1_3 => "1.3.0",
            Self::V1_4 => "1.4.0",
            Self::V1_5 => "1.5.0",
            Self::V1_6 => "1.6.0",
            Self::V1_7 => "1.7.0",
            Self::V1_8 => "1.8.0",
        }
    }
}

impl Display for OcsfVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OcsfVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|known| known.as_str() == text);
        named.ok_or(UnknownVersion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<OcsfVersion, UnknownVersion>) {
        assert_eq!(text.parse(), expect, "{text}");
    }

    #[test]
    fn a_version_is_parsed_as_it_is_written() {
        for version in OcsfVersion::ALL {
            check(&version.to_string(), Ok(version));
        }
        assert_eq!(OcsfVersion::default().to_string(), "1.8.0");
    }

    #[test]
    fn other_versions_are_rejected_with_the_list_of_known_ones() {
        for text in ["", "1", "1.8", "1.0.0", "1.9.0", "v1.8.0", "1.8.0 "] {
            check(text, Err(UnknownVersion));
        }
        for version in OcsfVersion::ALL {
            assert!(UnknownVersion.to_string().contains(version.as_str()));
        }
    }
}
