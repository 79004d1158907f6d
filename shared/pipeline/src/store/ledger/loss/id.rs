//! The names of losses.

use std::fmt::{self, Display};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use office365::{ContentId, ContentType};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Digits of the hash in an id: two losses of one tenant and millisecond do not share 64 bits.
const HASH_DIGITS: usize = 16;

/// A loss's name: when what was lost begins, and a hash of what it is. Ids sort by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct LossId(String);

/// Not a loss's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a loss id, such as 20260301T101500123-9f86d081884c7d65")]
pub struct InvalidLossId;

impl LossId {
    /// The loss of a blob.
    #[must_use]
    pub fn of_blob(of: ContentType, content: &ContentId, created: Timestamp) -> Self {
        Self::new(created, &["blob", of.as_str(), content.as_str()])
    }

    /// The loss of whatever became available between two times.
    #[must_use]
    pub fn of_gap(of: ContentType, from: Timestamp, to: Timestamp) -> Self {
        Self::new(from, &["gap", of.as_str(), &to.to_string()])
    }

    fn new(begin: Timestamp, parts: &[&str]) -> Self {
        let begin = begin.to_zoned(TimeZone::UTC);
        let mut id = begin.strftime("%Y%m%dT%H%M%S%3f-").to_string();
        let hash = hex::encode(Sha256::digest(parts.join("\0")));
        id.push_str(&hash[..HASH_DIGITS]);
        Self(id)
    }
}

impl Display for LossId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LossId {
    type Err = InvalidLossId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.split_once('-').is_some_and(|(time, hash)| {
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let time = time.split_once('T');
            time.is_some_and(|(day, time)| {
                (day.len(), time.len()) == (8, 9) && digits(day) && digits(time)
            }) && hash.len() == HASH_DIGITS
                && hash.bytes().all(is_hex)
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLossId)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_loss_has_the_same_id_and_ids_sort_by_time() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let of = ContentType::AuditExchange;
        let blob = |id: &str, time: &str| LossId::of_blob(of, &id.parse().unwrap(), at(time));
        let first = blob("a$b", "2026-03-01T10:15:00.123Z");
        assert_eq!(first, blob("a$b", "2026-03-01T10:15:00.123Z"));
        assert_ne!(first, blob("a$c", "2026-03-01T10:15:00.123Z"));
        assert!(first.to_string().starts_with("20260301T101500123-"));
        assert!(first < LossId::of_gap(of, at("2026-03-01T11:00:00Z"), at("2026-03-02T00:00:00Z")));
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!("20260301-9f86".parse::<LossId>(), Err(InvalidLossId));
    }
}
