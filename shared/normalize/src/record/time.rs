//! Times in records: ISO 8601 in several forms, always UTC when there is no time zone.

use jiff::Timestamp;
use jiff::fmt::temporal::{DateTimePrinter, Pieces};
use jiff::tz::Offset;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) epoch_ms: i64,
}

/// The characters between the numbers, and their positions. jiff accepts more forms of ISO 8601, which the feed does
/// not use.
const SEPARATORS: [(usize, &[u8]); 5] =
    [(4, b"-"), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")];

/// Offset of the end of the seconds.
const SECONDS_END: usize = 19;

/// 0001-01-01T00:00:00Z: earlier years cannot be written with four digits.
const FIRST_MS: i64 = -62_135_596_800_000;

/// Parses `YYYY-MM-DD{T, t or blank}hh:mm:ss[.fraction][Z or ±hh:mm]`. Times without a zone are UTC. `None` for any
/// other text, for impossible dates, and for the year 1, which .NET writes for "no time".
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let text = text.trim();
    let mut separators = SEPARATORS.iter();
    let has_shape = separators.all(|(at, any)| {
        let byte = text.as_bytes().get(*at);
        byte.is_some_and(|byte| any.contains(byte))
    });
    let fraction_and_zone = text.get(SECONDS_END..)?;
    let zone =
        fraction_and_zone.trim_start_matches(|char: char| char == '.' || char.is_ascii_digit());
    if !has_shape || !matches!(zone.len(), 0 | 1 | 6) {
        return None;
    }
    let pieces = Pieces::parse(text).ok()?;
    let civil = pieces.date().to_datetime(pieces.time()?);
    if civil.year() <= 1 {
        return None;
    }
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    Some(Moment {
        epoch_ms: offset.to_timestamp(civil).ok()?.as_millisecond(),
    })
}

impl Moment {
    /// RFC 3339 in UTC, with milliseconds only if they are not zero. A time outside the years 1 to 9999 is written as
    /// the nearest one inside.
    pub(crate) fn rfc3339(self) -> String {
        let epoch_ms = self.epoch_ms.max(FIRST_MS);
        let timestamp = Timestamp::from_millisecond(epoch_ms).unwrap_or(Timestamp::MAX);
        let digits = if epoch_ms % 1000 == 0 { 0 } else { 3 };
        DateTimePrinter::new()
            .precision(Some(digits))
            .timestamp_to_string(&timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let read = parse(text).map(Moment::rfc3339);
        assert_eq!(read.as_deref(), expect, "{text}");
    }

    #[test]
    fn any_moment_can_be_written() {
        let check = |epoch_ms, expect: &str| assert_eq!(Moment { epoch_ms }.rfc3339(), expect);
        check(1_772_359_200_007, "2026-03-01T10:00:00.007Z");
        check(1_772_359_200_500, "2026-03-01T10:00:00.500Z");
        check(1_772_359_200_000, "2026-03-01T10:00:00Z");
        check(i64::MIN, "0001-01-01T00:00:00Z");
        assert!(
            Moment { epoch_ms: i64::MAX }
                .rfc3339()
                .starts_with("9999-12-30")
        );
    }

    #[test]
    fn every_form_in_the_feed_is_parsed() {
        check("2015-06-29T20:03:19", Some("2015-06-29T20:03:19Z"));
        check("2015-06-29T20:03:19Z", Some("2015-06-29T20:03:19Z"));
        check("2015-06-29 20:03:19", Some("2015-06-29T20:03:19Z"));
        check(
            "2015-06-29T20:03:19.1234567Z",
            Some("2015-06-29T20:03:19.123Z"),
        );
        check("2015-06-29T20:03:19.5", Some("2015-06-29T20:03:19.500Z"));
        check("2015-06-29T20:03:19+02:30", Some("2015-06-29T17:33:19Z"));
        check("2016-01-01T00:00:00-01:00", Some("2016-01-01T01:00:00Z"));
        check("1969-12-31T23:59:59", Some("1969-12-31T23:59:59Z"));
        check("2024-02-29T00:00:00", Some("2024-02-29T00:00:00Z"));
    }

    #[test]
    fn other_forms_are_rejected() {
        for text in [
            "",
            "x",
            "2015-06-29",
            "0001-01-01T00:00:00",
            "2023-02-29T00:00:00",
            "2023-10-10T17:08:65",
            "2015-13-01T00:00:00",
            "2015-06-29T20:03:19.",
            "2015-06-29T20:03:19+0200",
            "2015-06-29T20:03:19 UTC",
            "2015/06/29T20:03:19",
            "20150629T200319",
            "2015-06-29T24:00:00",
            "２０１５-06-29T20:03:19",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn parsing_agrees_with_the_epoch() {
        let epoch_ms = |text| parse(text).map(|moment| moment.epoch_ms);
        assert_eq!(epoch_ms("1970-01-01T00:00:00"), Some(0));
        assert_eq!(epoch_ms("2018-11-22T13:02:42"), Some(1_542_891_762_000));
    }
}
