//! The names of replays.

use std::fmt::{self, Display};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Hex digits of the random part of an id.
const RANDOM_DIGITS: usize = 8;

/// A replay's name: when it was asked for, and a random part. Ids sort by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReplayId(String);

/// Not a replay's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a replay id, such as 20260301T101500123-0a1b2c3d")]
pub struct InvalidReplayId;

impl ReplayId {
    /// A new one.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let at = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S%3f");
        let random = Uuid::new_v4().simple().to_string();
        Self(format!("{at}-{}", &random[..RANDOM_DIGITS]))
    }
}

impl Display for ReplayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ReplayId> for String {
    fn from(id: ReplayId) -> Self {
        id.0
    }
}

impl TryFrom<String> for ReplayId {
    type Error = InvalidReplayId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for ReplayId {
    type Err = InvalidReplayId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.split_once('-').is_some_and(|(time, random)| {
            let is_time = |(at, byte): (usize, u8)| match at {
                8 => byte == b'T',
                _ => byte.is_ascii_digit(),
            };
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            time.len() == 18
                && time.bytes().enumerate().all(is_time)
                && random.len() == RANDOM_DIGITS
                && random.bytes().all(is_hex)
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidReplayId)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replay_ids_sort_by_time_and_read_back() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let first = ReplayId::new(at("2026-03-01T10:15:00.123Z"));
        assert!(first.to_string().starts_with("20260301T101500123-"));
        assert!(first < ReplayId::new(at("2026-03-01T10:15:00.124Z")));
        assert_eq!(first.to_string().parse(), Ok(first));
        for other in ["", "20260301T101500123", "20260301T101500123-0A1b2c3d"] {
            assert_eq!(other.parse::<ReplayId>(), Err(InvalidReplayId), "{other}");
        }
    }
}
