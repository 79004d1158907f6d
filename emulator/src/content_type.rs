//! The five content types of the API.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A content type: the unit of subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContentType {
    /// Entra: sign-ins and directory changes.
    #[serde(rename = "Audit.AzureActiveDirectory")]
    AzureActiveDirectory,
    /// Exchange: mailbox audit and cmdlets.
    #[serde(rename = "Audit.Exchange")]
    Exchange,
    /// SharePoint and OneDrive.
    #[serde(rename = "Audit.SharePoint")]
    SharePoint,
    /// Every workload that is in none of the others.
    #[serde(rename = "Audit.General")]
    General,
    /// Data loss prevention events of all workloads.
    #[serde(rename = "DLP.All")]
    Dlp,
}

/// A text that names none of the five content types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a content type: {0}; use Audit.AzureActiveDirectory, Audit.Exchange, Audit.SharePoint, Audit.General or DLP.All"
)]
pub struct UnknownContentType(String);

impl ContentType {
    /// All five, in the order of Microsoft's documentation.
    pub const ALL: [Self; 5] = [
        Self::AzureActiveDirectory,
        Self::Exchange,
        Self::SharePoint,
        Self::General,
        Self::Dlp,
    ];

    /// The name on the wire, such as `Audit.Exchange`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AzureActiveDirectory => "Audit.AzureActiveDirectory",
            Self::Exchange => "Audit.Exchange",
            Self::SharePoint => "Audit.SharePoint",
            Self::General => "Audit.General",
            Self::Dlp => "DLP.All",
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ContentType {
    type Err = UnknownContentType;

    /// In any case: Microsoft's own sample client sends `audit.general`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|content_type| content_type.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownContentType(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        for content_type in ContentType::ALL {
            assert_eq!(content_type.name().parse(), Ok(content_type));
            assert_eq!(content_type.name().to_uppercase().parse(), Ok(content_type));
        }
        assert!("Audit.Teams".parse::<ContentType>().is_err());
    }
}
