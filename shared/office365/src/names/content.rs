//! A content blob as Microsoft lists and announces it.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::content_type::ContentType;

/// Longest contentId accepted. The longest seen has 120 bytes; 512 still fit into every key that is made of it.
pub const CONTENT_ID_BYTES_MAX: usize = 512;

/// What ended the contentIds of notifications in 2017, and not those of the listing: two names of one blob.
const NOTIFIED_SUFFIX: &str = "$IsFromNotification";

/// How long Microsoft keeps a blob, as documented. In 2026 it named 20 to 21 days, so this is the cautious assumption where
/// it names nothing.
const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Microsoft's name of a blob: opaque, at most 512 bytes, and safe as one segment of a path.
///
/// One blob has one id: the ending `$IsFromNotification` that notifications once had is left out.
///
/// Characters: those RFC 3986 allows unescaped in a segment (letters, digits, `-._~!$&'()*+,;=:@`); never `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentId(String);

/// The text cannot be a contentId.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a content id: {0}")]
pub struct InvalidContentId(&'static str);

impl ContentId {
    /// The id as Microsoft lists it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The content type that ids of the form `…$audit_exchange$Audit_Exchange$…` name. Undocumented, so it serves only to
    /// share the request quota fairly.
    pub(crate) fn content_type_hint(&self) -> Option<ContentType> {
        self.0.split('$').find_map(|part| {
            ContentType::ALL.into_iter().find(|known| {
                known.as_str().len() == part.len()
                    && part
                        .replacen('_', ".", 1)
                        .eq_ignore_ascii_case(known.as_str())
            })
        })
    }
}

impl AsRef<str> for ContentId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContentId {
    type Err = InvalidContentId;

    fn from_str(text: &str) -> Result<Self, InvalidContentId> {
        // All of them, so that an id that was written down is read back as the same id.
        let text = text.trim_end_matches(NOTIFIED_SUFFIX);
        if text.is_empty() {
            return Err(InvalidContentId("it is empty"));
        }
        if text.len() > CONTENT_ID_BYTES_MAX {
            return Err(InvalidContentId("it has more than 512 bytes"));
        }
        if matches!(text, "." | "..") {
            return Err(InvalidContentId("it is a step in a path"));
        }
        if !text.bytes().all(is_segment_byte) {
            return Err(InvalidContentId(
                "it has a character that a path segment cannot carry",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ContentId {
    type Error = InvalidContentId;

    fn try_from(text: String) -> Result<Self, InvalidContentId> {
        text.parse()
    }
}

impl From<ContentId> for String {
    fn from(id: ContentId) -> Self {
        id.0
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// RFC 3986 `pchar` without percent-encoding.
fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

/// A blob as a listing or a notification describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The type of the subscription it belongs to.
    pub content_type: ContentType,
    /// All that is needed to fetch it.
    pub content_id: ContentId,
    /// When it became available. Not the time of the events in it.
    pub content_created: Timestamp,
    /// Until when it can be fetched, as Microsoft says: between 7 and 21 days later. Where Microsoft says nothing readable,
    /// 7 days after it was created.
    pub content_expiration: Timestamp,
}

/// When content created at this time expires, as documented.
pub(crate) fn documented_expiration(created: Timestamp) -> Timestamp {
    created.saturating_add(LIFE).unwrap_or(created)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        let parsed = text.parse::<ContentId>();
        assert_eq!(parsed.is_ok(), valid, "{text:?}");
        if let Ok(id) = parsed {
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn every_form_seen_in_the_field_is_accepted() {
        check(
            "492638008028$492638008028$f28ab78ad40140608012736e373933ebspo2015043022$4a81a7c326fc4aed89c62e6039ab833b$04",
            true,
        );
        check(
            "20171014180051748005825$20171014180051748005825$audit_sharepoint$Audit_SharePoint",
            true,
        );
        check(
            "20201121063048785077405$20201121063218791111944$audit_azureactivedirectory$Audit_AzureActiveDirectory$na0030$na0030",
            true,
        );
    }

    #[test]
    fn an_id_that_could_change_a_path_is_refused() {
        for text in [
            "", ".", "..", "a/b", "a\\b", "a?b", "a#b", "a%2fb", "a b", "a\nb", "ä", "a\0",
        ] {
            check(text, false);
        }
        check(&"a".repeat(CONTENT_ID_BYTES_MAX), true);
        check(&"a".repeat(CONTENT_ID_BYTES_MAX + 1), false);
    }

    #[test]
    fn a_notified_id_is_the_id_of_the_listing() {
        let listed: ContentId = "2017$2017$audit_general$Audit_General".parse().unwrap();
        for ending in [
            "$IsFromNotification",
            "$IsFromNotification$IsFromNotification",
        ] {
            let notified: ContentId = format!("{listed}{ending}").parse().unwrap();
            assert_eq!(notified, listed);
        }
        check("$IsFromNotification", false);
        check("a$IsFromNotification$na0030", true);
    }

    #[test]
    fn the_type_is_guessed_from_known_forms_only() {
        let hint = |text: &str| text.parse::<ContentId>().unwrap().content_type_hint();
        assert_eq!(
            hint("2017$2017$audit_sharepoint$Audit_SharePoint"),
            Some(ContentType::AuditSharePoint)
        );
        assert_eq!(hint("1$2$dlp_all$DLP_All"), Some(ContentType::DlpAll));
        assert_eq!(hint("492638008028$04"), None);
    }
}
