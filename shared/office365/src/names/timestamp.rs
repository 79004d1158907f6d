//! Microsoft's timestamps: read in every form seen, written in one.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Deserializer};

/// The text is not a date-time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date-time such as 2015-05-23T17:35:00.000Z")]
pub(crate) struct InvalidTimestamp;

/// Longest text parsed: .NET's round-trip form has 33 characters.
const TEXT_BYTES_MAX: usize = 40;

/// Reads a time with or without fraction and zone. Without a zone it is UTC, as everywhere in this API.
pub(crate) fn parse(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    let text = text.trim();
    if text.len() > TEXT_BYTES_MAX {
        return Err(InvalidTimestamp);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    let civil: DateTime = text.parse().map_err(|_| InvalidTimestamp)?;
    Offset::UTC
        .to_timestamp(civil)
        .map_err(|_| InvalidTimestamp)
}

/// A query's start, rounded down to seconds. Without a zone, as documented: no `+` or `Z` that a gateway could rewrite.
pub(crate) fn query_floor(timestamp: Timestamp) -> String {
    format(timestamp, RoundMode::Floor)
}

/// A query's end, rounded up, so that the last fraction of a second is not cut off.
pub(crate) fn query_ceil(timestamp: Timestamp) -> String {
    format(timestamp, RoundMode::Ceil)
}

fn format(timestamp: Timestamp, mode: RoundMode) -> String {
    let round = TimestampRound::new().smallest(Unit::Second).mode(mode);
    // Fails only at the first and last representable second, where the fraction does not matter.
    let timestamp = timestamp.round(round).unwrap_or(timestamp);
    timestamp.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// For serde: a time that is required.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map_err(serde::de::Error::custom)
}

/// For serde: a time that may be missing, null, empty or unreadable, all of which count as none.
pub(crate) fn deserialize_lossy<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Timestamp>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(value.as_str().and_then(|text| parse(text).ok()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let parsed = parse(text).ok().map(|t| t.to_string());
        assert_eq!(parsed.as_deref(), expect, "{text:?}");
    }

    #[test]
    fn a_time_is_read_with_and_without_fraction_and_zone() {
        check("2015-05-23T17:35:00.000Z", Some("2015-05-23T17:35:00Z"));
        check("2015-05-23T17:35:00Z", Some("2015-05-23T17:35:00Z"));
        check("2015-05-23T17:35:00", Some("2015-05-23T17:35:00Z"));
        check(
            "2015-05-23T17:35:00.1234567",
            Some("2015-05-23T17:35:00.1234567Z"),
        );
        check("2015-05-23T17:35:00+02:00", Some("2015-05-23T15:35:00Z"));
        check("2015-05-23T17:35", Some("2015-05-23T17:35:00Z"));
        check(" 2015-05-23 17:35:00 ", Some("2015-05-23T17:35:00Z"));
        check("2015-05-23", Some("2015-05-23T00:00:00Z"));
    }

    #[test]
    fn a_text_that_is_no_time_is_refused() {
        check("", None);
        check("yesterday", None);
        check("2015-13-23T17:35:00Z", None);
        check("1432402500", None);
        check(&"2".repeat(100_000), None);
    }

    #[test]
    fn a_window_is_widened_to_whole_seconds() {
        let timestamp: Timestamp = "2026-07-01T10:00:00.5Z".parse().unwrap();
        assert_eq!(query_floor(timestamp), "2026-07-01T10:00:00");
        assert_eq!(query_ceil(timestamp), "2026-07-01T10:00:01");
        let whole: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
        assert_eq!(query_ceil(whole), "2026-07-01T10:00:00");
    }

    proptest! {
        #[test]
        fn every_time_is_read_back_and_no_text_panics(second in -60_000_000_000_i64..250_000_000_000, text in "[0-9TZ:.+ -]{0,30}") {
            let timestamp = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(parse(&query_floor(timestamp)), Ok(timestamp));
            prop_assert_eq!(query_ceil(timestamp), query_floor(timestamp));
            let _ = parse(&text);
        }
    }
}
