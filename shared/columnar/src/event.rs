//! A line as an event: what decides which file it goes to.

use std::ops::RangeInclusive;

use jiff::Span;
use jiff::civil::{Date, date};
use jiter::JiterError;

use crate::json::Json;

/// Times that a reader can show: the years 1 to 9999, in milliseconds since 1970.
const TIME_MS: RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

const DAY_0: Date = date(1970, 1, 1);

/// A line that is no OCSF event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// Bytes that are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not one JSON object.
    #[error("not a JSON object: byte {at}")]
    Syntax {
        /// Where reading ended.
        at: usize,
    },
    /// No `class_uid` that is a whole number.
    #[error("no class_uid")]
    NoClass,
    /// No `time` in milliseconds since 1970.
    #[error("no time between the years 1 and 9999")]
    NoTime,
}

impl From<JiterError> for NotAnEvent {
    fn from(error: JiterError) -> Self {
        Self::Syntax { at: error.index }
    }
}

#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) json: Json<'a>,
    pub(crate) class_uid: i64,
    pub(crate) time_ms: i64,
    /// Of `time`, in UTC.
    pub(crate) day: Date,
}

impl<'a> Event<'a> {
    /// Reads as far as it must: what is behind class and time may be no JSON.
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, NotAnEvent> {
        let text = std::str::from_utf8(line).map_err(|_| NotAnEvent::NotUtf8)?;
        let json = Json::new(text);
        let mut reader = json.reader();
        // Of two members with one name the first counts.
        let (mut class_uid, mut time_ms) = (None, None);
        let mut name = reader.first_name()?;
        while let Some(of) = name {
            let value = reader.value()?;
            match of {
                "class_uid" if class_uid.is_none() => class_uid = Some(value),
                "time" if time_ms.is_none() => time_ms = Some(value),
                _ => {}
            }
            if class_uid.is_some() && time_ms.is_some() {
                break;
            }
            name = reader.next_name()?;
        }
        let integer = |value: Option<&str>| value?.parse::<i64>().ok();
        let class_uid = integer(class_uid).ok_or(NotAnEvent::NoClass)?;
        let time_ms = integer(time_ms).ok_or(NotAnEvent::NoTime)?;
        let day = day_of(time_ms).ok_or(NotAnEvent::NoTime)?;
        Ok(Self {
            json,
            class_uid,
            time_ms,
            day,
        })
    }
}

/// Whether a timestamp column may hold it.
pub(crate) fn is_time(time_ms: i64) -> bool {
    TIME_MS.contains(&time_ms)
}

fn day_of(time_ms: i64) -> Option<Date> {
    // Not by way of a Timestamp: those end a day before the year 9999 does.
    let days = is_time(time_ms).then_some(time_ms.div_euclid(DAY_MS))?;
    DAY_0.checked_add(Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_utc() {
        let check = |time_ms, expect| assert_eq!(day_of(time_ms), expect);
        check(0, Some(date(1970, 1, 1)));
        check(-1, Some(date(1969, 12, 31)));
        check(951_782_400_000, Some(date(2000, 2, 29)));
        check(1_772_409_599_999, Some(date(2026, 3, 1)));
        check(1_772_409_600_000, Some(date(2026, 3, 2)));
        check(-62_135_596_800_000, Some(date(1, 1, 1)));
        check(-62_135_596_800_001, None);
        check(253_402_300_799_999, Some(date(9999, 12, 31)));
        check(253_402_300_800_000, None);
        check(i64::MAX, None);
    }

    #[test]
    fn class_and_time_are_found_wherever_they_are() {
        let check = |line: &str, expect| {
            let event = Event::read(line.as_bytes());
            assert_eq!(
                event.map(|event| (event.class_uid, event.time_ms)),
                expect,
                "{line}"
            );
        };
        check(r#"{"class_uid":3002,"time":5}"#, Ok((3002, 5)));
        check(
            r#"{"a":{"time":1},"time":-5,"class_uid":0,"time":7}"#,
            Ok((0, -5)),
        );
        check(
            r#"{"class_uid":3002,"a":",\"time\":1", "time" : 5 }"#,
            Ok((3002, 5)),
        );
        check(r#"{"class_uid":3002,"time":"5"}"#, Err(NotAnEvent::NoTime));
        check(r#"{"class_uid":3002,"time":5.0}"#, Err(NotAnEvent::NoTime));
        check(r#"{"time":5}"#, Err(NotAnEvent::NoClass));
        check(r#"{"class_uid":"3002","time":5}"#, Err(NotAnEvent::NoClass));
        check(r#"{"class_uid":3002}"#, Err(NotAnEvent::NoTime));
        check(
            r#"{"class_uid":3002,"time":253402300800000}"#,
            Err(NotAnEvent::NoTime),
        );
        check("{}", Err(NotAnEvent::NoClass));
        check("3", Err(NotAnEvent::Syntax { at: 0 }));
        check(r#"{"class_uid":3002"#, Err(NotAnEvent::Syntax { at: 17 }));
        assert_eq!(Event::read(b"\xff").unwrap_err(), NotAnEvent::NotUtf8);
    }
}
