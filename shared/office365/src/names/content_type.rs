//! The five content types into which Microsoft sorts audit records.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a subscription is for. Written as the API spells it, read in any case: Microsoft's own samples vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum ContentType {
    /// `Audit.AzureActiveDirectory`
    AuditAzureActiveDirectory,
    /// `Audit.Exchange`
    AuditExchange,
    /// `Audit.SharePoint`
    AuditSharePoint,
    /// `Audit.General`: every workload that is not in the other three
    AuditGeneral,
    /// `DLP.All`: needs the permission ActivityFeed.ReadDlp
    DlpAll,
}

/// The text is not one of the five content types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown content type: expected Audit.AzureActiveDirectory, Audit.Exchange, Audit.SharePoint, Audit.General or DLP.All"
)]
pub struct UnknownContentType;

impl ContentType {
    /// All five, in the order of Microsoft's documentation.
    pub const ALL: [Self; 5] = [
        Self::AuditAzureActiveDirectory,
        Self::AuditExchange,
        Self::AuditSharePoint,
        Self::AuditGeneral,
        Self::DlpAll,
    ];

    /// The API's spelling, as in `Audit.Exchange`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuditAzureActiveDirectory => "Audit.AzureActiveDirectory",
            Self::AuditExchange => "Audit.Exchange",
            Self::AuditSharePoint => "Audit.SharePoint",
            Self::AuditGeneral => "Audit.General",
            Self::DlpAll => "DLP.All",
        }
    }

    /// The application permission without which the API answers AF10001 for this type.
    #[must_use]
    pub const fn permission(self) -> &'static str {
        match self {
            Self::DlpAll => "ActivityFeed.ReadDlp",
            _ => "ActivityFeed.Read",
        }
    }
}

impl FromStr for ContentType {
    type Err = UnknownContentType;

    fn from_str(text: &str) -> Result<Self, UnknownContentType> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(text))
            .ok_or(UnknownContentType)
    }
}

impl TryFrom<String> for ContentType {
    type Error = UnknownContentType;

    fn try_from(text: String) -> Result<Self, UnknownContentType> {
        text.parse()
    }
}

impl From<ContentType> for &'static str {
    fn from(content_type: ContentType) -> Self {
        content_type.as_str()
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<ContentType>) {
        assert_eq!(text.parse().ok(), expect, "{text:?}");
    }

    #[test]
    fn every_type_round_trips_in_any_case() {
        for content_type in ContentType::ALL {
            check(content_type.as_str(), Some(content_type));
            check(&content_type.as_str().to_lowercase(), Some(content_type));
            check(&content_type.as_str().to_uppercase(), Some(content_type));
            let json = serde_json::to_string(&content_type).unwrap();
            assert_eq!(json, format!("\"{content_type}\""));
            assert_eq!(
                serde_json::from_str::<ContentType>(&json).unwrap(),
                content_type
            );
        }
    }

    #[test]
    fn an_unknown_type_is_refused() {
        check("", None);
        check("Audit.Teams", None);
        check("Audit.Exchange ", None);
        check("Audit.Exchange&contentType=DLP.All", None);
        check("DLP_All", None);
    }
}
