//! The attacks that can be told among ordinary records.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An attack, as a sequence of records of one cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Story {
    /// One password is tried for many users from one address, fits one, and an inbox rule sends that user's mail on.
    PasswordSpray,
    /// A user consents to an application that then reads their mail.
    ConsentPhishing,
    /// A user downloads many files, makes links for anybody and copies to a USB stick.
    InsiderMassDownload,
    /// A stolen administrator adds a federated domain of the attacker's, who then signs in as anybody.
    FederationTakeover,
    /// A sync client renames a user's files to one odd ending, deletes others, and empties the recycle bin.
    OnedriveRansomware,
}

/// A text that names no story.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a story: {0}; use password_spray, consent_phishing, insider_mass_download, federation_takeover or onedrive_ransomware"
)]
pub struct UnknownStory(String);

impl Story {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PasswordSpray,
        Self::ConsentPhishing,
        Self::InsiderMassDownload,
        Self::FederationTakeover,
        Self::OnedriveRansomware,
    ];

    /// The name in options, commands and scenarios, such as `password_spray`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PasswordSpray => "password_spray",
            Self::ConsentPhishing => "consent_phishing",
            Self::InsiderMassDownload => "insider_mass_download",
            Self::FederationTakeover => "federation_takeover",
            Self::OnedriveRansomware => "onedrive_ransomware",
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Story {
    type Err = UnknownStory;

    fn from_str(text: &str) -> Result<Self, UnknownStory> {
        Self::ALL
            .into_iter()
            .find(|story| story.name() == text)
            .ok_or_else(|| UnknownStory(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_has_one_name_everywhere() {
        for story in Story::ALL {
            assert_eq!(story.name().parse(), Ok(story));
            assert_eq!(serde_json::json!(story), story.name());
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_there_are() {
        let error = "spray".parse::<Story>().expect_err("no story").to_string();
        for story in Story::ALL {
            assert!(error.contains(story.name()), "{error}");
        }
    }
}
