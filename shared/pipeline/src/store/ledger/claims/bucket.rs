//! Which of a tenant's claim logs a record belongs to.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

use super::id::RecordId;

const HOUR_SECONDS: i64 = 3600;

/// A tenant's claims are kept in one log for each of these.
///
/// The log is chosen by what every copy of a record has in common, so that two blobs with the same record look into the same
/// log: the hour of its CreationTime (of 9,608 real rows with 3,900 repeated Ids, no Id had two). Where that is missing,
/// cannot be read or lies before 1970 (.NET writes the year 1 for "no time"), its Id chooses one of 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimBucket {
    /// Hours since 1970-01-01T00:00:00Z. Written `2026-03-01T10`.
    Hour(u32),
    /// Written `x00` to `xff`.
    Hash(u8),
}

impl ClaimBucket {
    /// For a record with this CreationTime, as it stands in the record, and this Id. Times without a zone are UTC.
    #[must_use]
    pub fn new(creation_time: Option<&str>, id: &RecordId) -> Self {
        let by_id = || Self::Hash(id.as_bytes().iter().fold(0, |all, byte| all ^ byte));
        creation_time.and_then(hour).map_or_else(by_id, Self::Hour)
    }
}

fn hour(text: &str) -> Option<u32> {
    let pieces = Pieces::parse(text.trim()).ok()?;
    let civil = pieces.date().to_datetime(pieces.time()?);
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    let seconds = offset.to_timestamp(civil).ok()?.as_second();
    u32::try_from(seconds.div_euclid(HOUR_SECONDS)).ok()
}

impl fmt::Display for ClaimBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hour(hour) => {
                // Hours are made of times that can be represented.
                let start = Timestamp::from_second(i64::from(*hour) * HOUR_SECONDS)
                    .unwrap_or(Timestamp::MAX);
                write!(f, "{}", start.strftime("%Y-%m-%dT%H"))
            }
            Self::Hash(byte) => write!(f, "x{byte:02x}"),
        }
    }
}

/// The text is not one that a bucket is written as.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidBucket;

impl FromStr for ClaimBucket {
    type Err = InvalidBucket;

    fn from_str(text: &str) -> Result<Self, InvalidBucket> {
        let bucket = match text.strip_prefix('x') {
            Some(byte) => u8::from_str_radix(byte, 16).ok().map(Self::Hash),
            None => hour(&format!("{text}:00:00Z")).map(Self::Hour),
        };
        // Only the canonical spelling.
        bucket
            .filter(|bucket| bucket.to_string() == text)
            .ok_or(InvalidBucket)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(creation_time: &str) -> String {
        let id = RecordId::new(Some("0f000000-0000-0000-0000-0000000000f1"), b"");
        ClaimBucket::new(Some(creation_time), &id).to_string()
    }

    #[test]
    fn records_are_kept_by_their_hour() {
        for same in [
            "2026-03-01T10:00:00",
            "2026-03-01T10:59:59",
            "2026-03-01T10:15:00Z",
            "2026-03-01 10:15:00.1234567",
            " 2026-03-01T10:15:00.5+00:00",
            "2026-03-01T12:15:00+02:00",
        ] {
            assert_eq!(of(same), "2026-03-01T10", "{same}");
        }
        assert_eq!(of("2026-03-01T09:59:59.999"), "2026-03-01T09");
        assert_eq!(of("1970-01-01T00:00:00"), "1970-01-01T00");
    }

    #[test]
    fn records_without_a_time_are_kept_by_their_id() {
        for none in [
            "",
            "yesterday",
            "2026-03-01",
            "2026-02-30T10:00:00",
            "1/3/2026 10:15:00 AM",
            "0001-01-01T00:00:00",
            "1969-12-31T23:59:59",
        ] {
            assert_eq!(of(none), "xfe", "{none}");
        }
        let buckets: std::collections::HashSet<_> = (0..10_000_u32)
            .map(|n| ClaimBucket::new(None, &RecordId::new(None, &n.to_be_bytes())))
            .collect();
        assert_eq!(buckets.len(), 256);
    }

    proptest! {
        #[test]
        fn buckets_survive_their_text(hour in 0..70_000_000_u32, byte: u8) {
            for bucket in [ClaimBucket::Hour(hour), ClaimBucket::Hash(byte)] {
                prop_assert_eq!(bucket.to_string().parse(), Ok(bucket));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            of(&text);
            if let Ok(bucket) = text.parse::<ClaimBucket>() {
                prop_assert_eq!(bucket.to_string(), text);
            }
        }
    }
}
