//! The names of keys, of entries of the audit log, and of answers that are kept.

use std::fmt::{self, Display};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid, Version};

/// Hex digits of a key's name: 48 random bits tell the few hundred keys of an installation apart.
const KEY_ID_DIGITS: usize = 12;

/// Hex digits of an answer's name: those of an HMAC-SHA256.
const GIVEN_ID_DIGITS: usize = 64;

/// The name of the key that the installation itself was given.
const ROOT: &str = "root";

/// That of whoever a consent link brought.
const CONSENT: &str = "consent";

/// How names of people begin who sign on without a key.
const PERSON: &str = "sso-";

/// A name has another form than ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a name that ualstream gives")]
pub struct InvalidId;

/// A key's name: 12 hex digits, or `root` for the one that the installation was given. Who has none has a name of the same kind:
/// `consent`, or `sso-` and 12 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct KeyId(String);

impl KeyId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        let random = Uuid::new_v4().simple().to_string();
        Self(random[..KEY_ID_DIGITS].to_owned())
    }

    /// That of the key that the installation was given. It has no item.
    #[must_use]
    pub fn root() -> Self {
        Self(ROOT.to_owned())
    }

    /// That of an administrator's browser, which comes back from Microsoft's consent page without a key.
    #[must_use]
    pub fn consent() -> Self {
        Self(CONSENT.to_owned())
    }

    /// That of a person who signs on with a token: `subject` tells the people of an issuer apart (RFC 7519, 4.1.2).
    #[must_use]
    pub fn of_person(issuer: &str, subject: &str) -> Self {
        let of = Sha256::new()
            .chain_update(issuer)
            .chain_update([0])
            .chain_update(subject);
        let digits = hex::encode(of.finalize());
        Self(format!("{PERSON}{}", &digits[..KEY_ID_DIGITS]))
    }

    /// Whether it is [`KeyId::root`].
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == ROOT
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(PERSON).unwrap_or(text);
        if [ROOT, CONSENT].contains(&text) || is_hex(digits, KEY_ID_DIGITS) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId)
        }
    }
}

/// An entry's name: a UUID of version 7, so that names sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(Uuid);

impl EntryId {
    /// A new one, of this time (to the millisecond).
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        Self(Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid())
    }

    /// When it was made.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        let of = self.0.get_timestamp().map(|at| at.to_unix());
        let read = of.and_then(|(seconds, nanos)| {
            let seconds = i64::try_from(seconds).ok()?;
            Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok()
        });
        read.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The month that it lies in, in UTC.
    #[must_use]
    pub fn month(&self) -> Month {
        Month::of(self.at())
    }
}

impl Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl FromStr for EntryId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id: Uuid = text.parse().map_err(|_| InvalidId)?;
        let is_ours = id.get_version() == Some(Version::SortRand) && id.to_string() == text;
        is_ours.then_some(Self(id)).ok_or(InvalidId)
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A month of the calendar, in UTC, such as `2026-03`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(Date);

impl Month {
    /// The month of a time.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.to_zoned(TimeZone::UTC).date().first_of_month())
    }

    /// What sorts before every entry of the month, and behind those of the months before.
    #[must_use]
    pub fn first_entry(self) -> EntryId {
        let begin = self.0.to_zoned(TimeZone::UTC);
        let millis = begin.map_or(0, |begin| begin.timestamp().as_millisecond());
        let millis = u64::try_from(millis).unwrap_or(0);
        EntryId(Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    }

    /// The one before; none before the year -9999.
    #[must_use]
    pub fn before(self) -> Option<Self> {
        Some(Self(self.0.yesterday().ok()?.first_of_month()))
    }
}

impl Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

/// The name of an answer that is kept: 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GivenId(String);

impl From<[u8; 32]> for GivenId {
    fn from(mac: [u8; 32]) -> Self {
        Self(hex::encode(mac))
    }
}

impl Display for GivenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for GivenId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_ours = is_hex(text, GIVEN_ID_DIGITS);
        is_ours.then(|| Self(text.to_owned())).ok_or(InvalidId)
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == digits && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries_sort_by_time_and_tell_it() {
        let at: Timestamp = "2026-03-01T10:15:00.123Z".parse().unwrap();
        let id = EntryId::new(at);
        assert_eq!(id.at(), at);
        assert_eq!(id.month().to_string(), "2026-03");
        let later = EntryId::new("2026-03-01T10:15:00.124Z".parse().unwrap());
        assert!(id.to_string() < later.to_string());
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "x", &Uuid::new_v4().to_string()] {
            assert_eq!(bad.parse::<EntryId>(), Err(InvalidId), "{bad}");
        }
    }

    #[test]
    fn months_go_back_over_the_year() {
        let january = Month::of("2026-01-31T23:59:59Z".parse().unwrap());
        assert_eq!(january.before().unwrap().to_string(), "2025-12");
        let first = january.first_entry();
        assert_eq!(first.month(), january);
        assert!(EntryId::new("2025-12-31T23:59:59.999Z".parse().unwrap()) < first);
    }

    #[test]
    fn names_of_keys_are_twelve_digits_or_root() {
        let id = KeyId::random();
        assert_eq!(id.as_str().parse(), Ok(id));
        assert!("root".parse::<KeyId>().unwrap().is_root());
        for bad in ["", "Root", "0123456789AB", "0123456789abc", "0123456789a#"] {
            assert_eq!(bad.parse::<KeyId>(), Err(InvalidId), "{bad}");
        }
    }
}
