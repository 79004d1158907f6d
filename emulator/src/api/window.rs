//! Time windows and pages, which the listings of content and of notifications share.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::errors;
use crate::clock::{earlier, later};
use crate::config::Behaviour;
use crate::message::{ApiError, Request};

const DAY: Duration = Duration::from_hours(24);
const LOOK_BACK: Duration = Duration::from_hours(7 * 24);

/// `start <= contentCreated < end`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

/// The window of a request; the last 24 hours when it names none.
pub(crate) fn window(request: &Request, now: Timestamp) -> Result<Window, ApiError> {
    let behaviour = &request.shared.config.behaviour;
    let read = |name: &str| {
        request
            .query
            .get(name)
            .map(|text| parse(text).ok_or_else(|| errors::wrong_type(name, "datetime")))
            .transpose()
    };
    match (read("startTime")?, read("endTime")?) {
        // A link to a next page spans the day that we filled in ourselves.
        (Some(start), Some(end)) if request.query.get("nextPage").is_some() => {
            Ok(Window { start, end })
        }
        (Some(start), Some(end)) => checked(behaviour, start, end, now),
        // Up to the next full second, so that what was published just now is in it.
        (None, None) => {
            let end = Timestamp::from_second(now.as_second() + 1).unwrap_or(now);
            Ok(Window {
                start: earlier(end, DAY),
                end,
            })
        }
        _ => Err(errors::bad_window(behaviour)),
    }
}

fn checked(
    behaviour: &Behaviour,
    start: Timestamp,
    end: Timestamp,
    now: Timestamp,
) -> Result<Window, ApiError> {
    let day_later = later(start, DAY);
    if end < start
        || start < earlier(now, LOOK_BACK)
        || (behaviour.refuse_exact_day && end == day_later)
    {
        return Err(errors::bad_window(behaviour));
    }
    if end > day_later {
        if !behaviour.wide_windows_are_partial {
            return Err(errors::bad_window(behaviour));
        }
        return Ok(Window {
            start,
            end: day_later,
        });
    }
    Ok(Window { start, end })
}

/// The documented forms, and those seen to be accepted: with seconds, a fraction, Z or an offset.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let utc = |civil: DateTime| {
        civil
            .to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if text.contains('T') {
        return text.parse::<DateTime>().ok().and_then(utc);
    }
    text.parse::<Date>()
        .ok()
        .and_then(|date| utc(date.at(0, 0, 0, 0)))
}

/// Seconds without a zone, as in NextPageUri.
pub(crate) fn bare(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Where a page begins: after this entry.
pub(crate) fn next_page(created: Timestamp, sequence: u64) -> String {
    format!("{}R{sequence:012}", created.as_millisecond())
}

/// Reads what [`next_page`] wrote.
pub(crate) fn parse_next_page(text: &str) -> Result<(Timestamp, u64), ApiError> {
    let read = || {
        let (created, sequence) = text.split_once('R')?;
        Some((
            Timestamp::from_millisecond(created.parse().ok()?).ok()?,
            sequence.parse().ok()?,
        ))
    };
    read().ok_or_else(|| errors::bad_next_page(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-03-10T12:00:00Z".parse().expect("a time")
    }

    fn check(start: &str, end: &str, expect: Result<(), &str>) {
        let (start, end) = (parse(start).expect("a time"), parse(end).expect("a time"));
        let got = checked(&Behaviour::default(), start, end, now())
            .map(|_| ())
            .map_err(|error| error.code);
        assert_eq!(got, expect.map_err(str::to_owned), "{start}..{end}");
    }

    #[test]
    fn a_window_is_at_most_a_day_and_begins_within_a_week() {
        check("2026-03-10T00:00:00", "2026-03-10T11:00:00", Ok(()));
        check("2026-03-09T12:00:00", "2026-03-10T11:00:00", Ok(()));
        check("2026-03-09T12:00:00", "2026-03-10T12:00:00", Err("AF20055"));
        check("2026-03-09T12:00:00", "2026-03-10T12:00:01", Err("AF20055"));
        check("2026-03-10T11:00:00", "2026-03-10T10:00:00", Err("AF20055"));
        check("2026-03-03T12:00:00", "2026-03-03T13:00:00", Ok(()));
        check("2026-03-03T11:59:59", "2026-03-03T13:00:00", Err("AF20055"));
        check("2026-03-10T11:00:00", "2026-03-11T10:00:00", Ok(()));
    }

    #[test]
    fn times_are_read_in_every_form_that_was_seen() {
        let expect = parse("2026-03-10T00:00:00").expect("a time");
        for text in [
            "2026-03-10",
            "2026-03-10T00:00",
            "2026-03-10T00:00:00Z",
            "2026-03-10T00:00:00.000Z",
            "2026-03-10T01:00:00+01:00",
        ] {
            assert_eq!(parse(text), Some(expect), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2026-03-10T25:00:00"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_page_begins_where_the_last_one_ended() {
        let at: Timestamp = "2026-03-10T12:00:00.123Z".parse().expect("a time");
        assert_eq!(parse_next_page(&next_page(at, 7)), Ok((at, 7)));
        for text in [
            "",
            "R",
            "x",
            "12R",
            "Rx",
            "99999999999999999999999999999999R1",
        ] {
            assert_eq!(
                parse_next_page(text).map_err(|error| error.code),
                Err("AF20031".to_owned()),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_page_or_an_error(text in "\\PC{0,60}|[0-9]{0,20}R[0-9]{0,20}") {
            if let Err(error) = parse_next_page(&text) {
                prop_assert_eq!(error.code, "AF20031");
            }
            let _ = parse(&text);
        }
    }
}
