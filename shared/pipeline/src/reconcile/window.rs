//! Which stretches of contentCreated a sweep lists.

use std::time::Duration;

use jiff::Timestamp;
use office365::WINDOW_MAX;

use super::Sweep;
use crate::clock::{earlier, later};

/// How far before the watermark a sweep begins: content becomes visible late and out of order, mostly by minutes. What is
/// later still is found by the hourly and daily sweeps.
pub const OVERLAP: Duration = Duration::from_secs(2 * 3600);

/// How far back Microsoft lists: 7 days, less a margin for the time a call takes and for clocks that differ (a start
/// beyond the limit is refused with AF20055). 167 h 55 min is what Elastic's collector uses.
pub const LOOK_BACK: Duration = Duration::from_secs(7 * 24 * 3600 - 5 * 60);

/// How far back the hourly sweep looks.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Start and end of one listing: `start <= contentCreated < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Inclusive.
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
}

/// The windows of a sweep, oldest first, without a gap, each of at most 23 h (exactly 24 h was refused in the field).
///
/// Without a watermark (a tenant's first sweep) everything that Microsoft lists is looked at: a fresh subscription can list
/// blobs that are older than it.
#[must_use]
pub fn windows(sweep: Sweep, watermark: Option<Timestamp>, now: Timestamp) -> Vec<Window> {
    let oldest = earlier(now, LOOK_BACK);
    let from_watermark = watermark.map_or(oldest, |mark| earlier(mark, OVERLAP));
    let begin = match sweep {
        Sweep::Recent => from_watermark,
        Sweep::Day => from_watermark.min(earlier(now, DAY)),
        Sweep::Week => oldest,
    };
    let longest = Duration::try_from(WINDOW_MAX).unwrap_or(DAY);
    let mut windows = Vec::new();
    let mut start = begin.max(oldest);
    // At most eight: 7 days in pieces of 23 h.
    while start < now {
        let end = later(start, longest).min(now);
        windows.push(Window { start, end });
        start = end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "2026-03-08T12:00:00Z";

    #[track_caller]
    fn check(sweep: Sweep, watermark: Option<&str>, expect: &[(&str, &str)]) {
        let found = windows(
            sweep,
            watermark.map(|mark| mark.parse().unwrap()),
            NOW.parse().unwrap(),
        );
        let found: Vec<(String, String)> = found
            .iter()
            .map(|window| (window.start.to_string(), window.end.to_string()))
            .collect();
        let expect: Vec<(String, String)> = expect
            .iter()
            .map(|(start, end)| ((*start).to_owned(), (*end).to_owned()))
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn a_recent_sweep_begins_two_hours_before_the_watermark() {
        check(
            Sweep::Recent,
            Some("2026-03-08T11:55:00Z"),
            &[("2026-03-08T09:55:00Z", NOW)],
        );
    }

    #[test]
    fn a_day_is_two_windows_because_24_hours_are_refused() {
        check(
            Sweep::Day,
            Some("2026-03-08T11:55:00Z"),
            &[
                ("2026-03-07T12:00:00Z", "2026-03-08T11:00:00Z"),
                ("2026-03-08T11:00:00Z", NOW),
            ],
        );
    }

    #[test]
    fn the_first_sweep_looks_at_all_there_is() {
        let first = windows(Sweep::Recent, None, NOW.parse().unwrap());
        assert_eq!(first.len(), 8);
        assert_eq!(first[0].start.to_string(), "2026-03-01T12:05:00Z");
    }

    #[test]
    fn an_outage_of_days_is_caught_up() {
        let outage = windows(
            Sweep::Recent,
            Some("2026-03-05T12:00:00Z".parse().unwrap()),
            NOW.parse().unwrap(),
        );
        assert_eq!(outage[0].start.to_string(), "2026-03-05T10:00:00Z");
    }

    proptest! {
        #[test]
        fn windows_leave_no_gap_and_break_no_rule(
            sweep in prop::sample::select(vec![Sweep::Recent, Sweep::Day, Sweep::Week]),
            behind_seconds in prop::option::of(0u64..30 * 24 * 3600),
        ) {
            let now: Timestamp = NOW.parse().unwrap();
            let mark = behind_seconds.map(|s| earlier(now, Duration::from_secs(s)));
            let windows = windows(sweep, mark, now);
            prop_assert_eq!(windows.last().unwrap().end, now);
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
            }
            for window in &windows {
                prop_assert!(window.start < window.end);
                prop_assert!(window.end.duration_since(window.start) <= WINDOW_MAX);
                prop_assert!(window.start >= earlier(now, LOOK_BACK));
            }
            if let Some(mark) = mark && sweep == Sweep::Recent {
                let wanted = earlier(mark, OVERLAP).max(earlier(now, LOOK_BACK));
                prop_assert_eq!(windows[0].start, wanted);
            }
        }
    }
}
