//! The names of consent links.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Hex digits of an id.
const DIGITS: usize = 32;

/// A consent link's name: 32 small hex digits, 122 of their bits random. It names the link and does not open it: that takes the
/// signed state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConsentId(Uuid);

/// Not a consent link's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a consent id, which has {DIGITS} small hexadecimal digits")]
pub struct InvalidConsentId;

impl ConsentId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl Display for ConsentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl From<ConsentId> for String {
    fn from(id: ConsentId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ConsentId {
    type Error = InvalidConsentId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for ConsentId {
    type Err = InvalidConsentId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != DIGITS || !text.bytes().all(is_hex) {
            return Err(InvalidConsentId);
        }
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| InvalidConsentId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_its_one_spelling() {
        let id = ConsentId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            String::new(),
            id.to_string().to_uppercase() + "A",
            id.0.to_string(),
            format!("{id}0"),
            "g".repeat(DIGITS),
            "A".repeat(DIGITS),
        ] {
            assert_eq!(bad.parse::<ConsentId>(), Err(InvalidConsentId), "{bad}");
        }
    }
}
