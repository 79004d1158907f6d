//! Times in records: ISO 8601 in many shapes, always UTC when no zone is given.

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) epoch_ms: i64,
}

/// A moment's text.
pub(crate) struct Rfc3339 {
    text: [u8; 24],
    length: usize,
}

const DAY_MS: i64 = 86_400_000;

/// Reads `YYYY-MM-DD{T, t or blank}hh:mm:ss[.fraction][Z or ±hh:mm]`. The feed writes no zone and means UTC. `None` for
/// anything else, for impossible dates, and for the year 1, which .NET writes for "no time".
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let bytes = text.trim().as_bytes();
    let (year, month, day) = (
        digits(bytes, 0, 4)?,
        digits(bytes, 5, 2)?,
        digits(bytes, 8, 2)?,
    );
    let (hour, minute, second) = (
        digits(bytes, 11, 2)?,
        digits(bytes, 14, 2)?,
        digits(bytes, 17, 2)?,
    );
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| bytes[*at] != *byte)
        || !matches!(bytes[10], b'T' | b't' | b' ')
    {
        return None;
    }
    if year <= 1 || month == 0 || month > 12 || day == 0 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (millis, rest) = fraction(&bytes[19..])?;
    let of_day = (hour * 3600 + minute * 60 + second) * 1000 + millis;
    Some(Moment {
        epoch_ms: days_before(year, month, day) * DAY_MS + of_day - offset_ms(rest)?,
    })
}

impl Moment {
    /// RFC 3339 in UTC, with milliseconds only when there are some.
    pub(crate) fn rfc3339(self) -> Rfc3339 {
        let (days, of_day) = (
            self.epoch_ms.div_euclid(DAY_MS),
            self.epoch_ms.rem_euclid(DAY_MS),
        );
        let (year, month, day) = civil(days);
        // There is room for four digits, and no record can have more.
        let year = year.rem_euclid(10_000);
        let (seconds, millis) = (of_day / 1000, of_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (at, value) in [
            (0, year / 100),
            (2, year),
            (5, month),
            (8, day),
            (11, hour),
            (14, minute),
            (17, second),
            (20, millis / 10),
        ] {
            text[at] += (value / 10 % 10) as u8;
            text[at + 1] += (value % 10) as u8;
        }
        text[22] += (millis % 10) as u8;
        let length = if millis == 0 {
            text[19] = b'Z';
            20
        } else {
            text.len()
        };
        Rfc3339 { text, length }
    }
}

impl AsRef<str> for Rfc3339 {
    fn as_ref(&self) -> &str {
        // It is ASCII.
        std::str::from_utf8(&self.text[..self.length]).unwrap_or_default()
    }
}

fn digits(bytes: &[u8], at: usize, len: usize) -> Option<i64> {
    let digits = bytes.get(at..at + len)?;
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Milliseconds of a fraction, if there is one, and what follows it.
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = bytes.strip_prefix(b".") else {
        return Some((0, bytes));
    };
    let len = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if len == 0 {
        return None;
    }
    let millis = (0..3).fold(0, |millis, at| {
        millis * 10
            + if at < len {
                i64::from(digits[at] - b'0')
            } else {
                0
            }
    });
    Some((millis, &digits[len..]))
}

fn offset_ms(zone: &[u8]) -> Option<i64> {
    let sign = match zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hours, minutes) = (digits(zone, 1, 2)?, digits(zone, 4, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level date
/// algorithms").
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The reverse of [`days_before`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let read = parse(text).map(Moment::rfc3339);
        assert_eq!(read.as_ref().map(AsRef::as_ref), expect, "{text}");
    }

    #[test]
    fn any_moment_has_a_text() {
        let check =
            |epoch_ms, expect: &str| assert_eq!(Moment { epoch_ms }.rfc3339().as_ref(), expect);
        check(1_772_359_200_007, "2026-03-01T10:00:00.007Z");
        // The years 10000 and -1, and the ends of what a number holds: four digits, and no panic.
        check(253_402_300_800_000, "0000-01-01T00:00:00Z");
        check(-62_198_755_200_000, "9999-01-01T00:00:00Z");
        for epoch_ms in [i64::MIN, i64::MAX] {
            assert_eq!(Moment { epoch_ms }.rfc3339().as_ref().len(), 24);
        }
    }

    #[test]
    fn reads_the_shapes_of_the_feed() {
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
    fn refuses_everything_else() {
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
    fn agrees_with_the_epoch_over_four_hundred_years() {
        assert_eq!(
            parse("1970-01-01T00:00:00").map(|moment| moment.epoch_ms),
            Some(0)
        );
        assert_eq!(
            parse("2018-11-22T13:02:42").map(|moment| moment.epoch_ms),
            Some(1_542_891_762_000)
        );
        for days in (-200_000..200_000).step_by(37) {
            let (year, month, day) = civil(days);
            assert_eq!(days_before(year, month, day), days);
        }
    }
}
