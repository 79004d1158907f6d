//! Which stretches of contentCreated a sweep lists.
//!
//! Windows begin on whole hours, because the ledger's blobs lie by the hour: an hour that one window holds whole is one whose
//! blobs can be counted. Only what Microsoft has just begun to forget is an hour in part.

use std::time::Duration;

use jiff::Timestamp;
use office365::WINDOW_MAX;

use crate::clock::{Hour, earlier, later};
use crate::store::ledger::sweep::{Pass, TypeSweep};

/// How far before the watermark a sweep begins: content becomes visible late and out of order, mostly by minutes. What is
/// later still is found by the passes.
pub const OVERLAP: Duration = Duration::from_secs(2 * 3600);

/// How far back Microsoft lists: 7 days, less a margin for the time a call takes and for clocks that differ (a start
/// beyond the limit is refused with AF20055). 167 h 55 min is what Elastic's collector uses.
pub const LOOK_BACK: Duration = Duration::from_secs(7 * 24 * 3600 - 5 * 60);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How often windows are halved at most: they are an hour then, and an hour cannot be certified in parts.
const NARROWED_MAX: u8 = 4;

/// A pass over what was listed before.
#[derive(Clone, Copy, Debug)]
pub(super) struct PassPlan {
    /// How far back it begins.
    pub(super) span: Duration,
    /// From the end of one to the begin of the next.
    pub(super) every: Duration,
}

/// The pass over the last day. Most of what appears late does so within hours.
pub(super) const DAY_PASS: PassPlan = PassPlan {
    span: DAY,
    every: Duration::from_secs(3600),
};

/// The pass over all that Microsoft lists.
pub(super) const WEEK_PASS: PassPlan = PassPlan {
    span: LOOK_BACK,
    every: DAY,
};

/// Start and end of one listing: `start <= contentCreated < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Inclusive.
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
}

/// What a sweep has to list of one content type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// What was not listed before, and Microsoft does not list any more.
    pub(super) gap: Option<(Timestamp, Timestamp)>,
    /// The windows, oldest first, without a gap, each of at most 23 h (exactly 24 h was refused in the field), or of less where
    /// the type's windows are narrowed.
    pub(super) windows: Vec<Window>,
}

/// What lies between the watermark and now.
///
/// Without a watermark (a tenant's first sweep) everything that Microsoft lists is looked at: a fresh subscription can list
/// blobs that are older than it. What appeared since listing was wanted is owed all the same, however late the first one
/// works.
///
/// When the watermark itself is older than what Microsoft lists, the gap begins where a sweep in time would have begun: what appeared
/// late in the [`OVERLAP`] was not listed either.
pub(super) fn plan(swept: &TypeSweep, now: Timestamp) -> Plan {
    let oldest = earlier(now, LOOK_BACK);
    let begin = swept
        .watermark
        .map_or(oldest, |mark| whole_hour(earlier(mark, OVERLAP)));
    let owed_from = swept.watermark.map(|mark| (mark, begin));
    let owed_from = owed_from.or(swept.begun_until.map(|wanted| (wanted, wanted)));
    let gap = owed_from.filter(|(mark, _)| *mark < oldest);
    let mut windows = Vec::new();
    let mut start = begin.max(oldest);
    // Eight: 7 days in pieces of 23 h, the first of which may be shorter. At most 168, of an hour.
    while start < now {
        let end = end_of_window(start, swept.narrowed).min(now);
        windows.push(Window { start, end });
        start = end;
    }
    Plan {
        gap: gap.map(|(_, from)| (from, oldest)),
        windows,
    }
}

/// Whether a pass is under way, or has to begin.
pub(super) fn is_due(plan: PassPlan, pass: &Pass, now: Timestamp) -> bool {
    let done_long_ago = |done| now >= later(done, plan.every);
    pass.position.is_some() || pass.done_at.is_none_or(done_long_ago)
}

/// The next window of a pass that [`is_due`]: one for each sweep, narrowed like those of [`plan`]. `until` is where the latter
/// begin; `None` when nothing lies before it.
pub(super) fn next_of_pass(
    plan: PassPlan,
    (pass, narrowed): (&Pass, u8),
    until: Timestamp,
    now: Timestamp,
) -> Option<Window> {
    let begin = || whole_hour(earlier(now, plan.span));
    let start = pass.position.unwrap_or_else(begin);
    let start = start.max(earlier(now, LOOK_BACK));
    (start < until).then(|| Window {
        start,
        end: end_of_window(start, narrowed).min(until),
    })
}

/// How a pass stands after what [`next_of_pass`] gave was listed.
pub(super) fn after_window(window: Option<Window>, until: Timestamp, now: Timestamp) -> Pass {
    match window {
        Some(window) if window.end < until => Pass {
            position: Some(window.end),
            done_at: None,
        },
        _ => Pass {
            position: None,
            done_at: Some(now),
        },
    }
}

/// How often the windows are halved when they were so often before, and the last one was too long.
pub(super) fn narrower(narrowed: u8) -> u8 {
    (narrowed + 1).min(NARROWED_MAX)
}

/// The same when the last one was listed to its end with time to spare. One that was shorter than it could have been says
/// nothing about longer ones.
pub(super) fn wider(narrowed: u8, last: Window) -> u8 {
    let was_longest = last.end == end_of_window(last.start, narrowed);
    narrowed.saturating_sub(u8::from(was_longest))
}

/// 23 hours on, on a whole hour; halved so many times 11, 5, 2 or 1.
fn end_of_window(start: Timestamp, narrowed: u8) -> Timestamp {
    let hours = WINDOW_MAX.as_hours().unsigned_abs() >> narrowed.min(NARROWED_MAX);
    later(whole_hour(start), Duration::from_secs(hours * 3600))
}

fn whole_hour(at: Timestamp) -> Timestamp {
    Hour::of(at).start()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "2026-03-08T12:10:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(start: &str, end: &str) -> Window {
        Window {
            start: at(start),
            end: at(end),
        }
    }

    fn swept_to(mark: &str) -> TypeSweep {
        TypeSweep {
            watermark: Some(at(mark)),
            ..TypeSweep::default()
        }
    }

    #[test]
    fn a_sweep_begins_on_the_hour_two_hours_back() {
        let found = plan(&swept_to("2026-03-08T12:05:00Z"), at(NOW));
        assert_eq!(found.windows, [window("2026-03-08T10:00:00Z", NOW)]);
        assert_eq!(found.gap, None);
    }

    #[test]
    fn the_first_sweep_looks_at_all_there_is() {
        let first = plan(&TypeSweep::default(), at(NOW));
        assert_eq!((first.windows.len(), first.gap), (8, None));
        let begin = window("2026-03-01T12:15:00Z", "2026-03-02T11:00:00Z");
        assert_eq!(first.windows[0], begin);
    }

    #[test]
    fn what_can_not_be_listed_any_more_is_a_gap() {
        let late = plan(&swept_to("2026-02-27T08:30:00Z"), at(NOW));
        // From where it would have listed: what appeared late is lost with the rest.
        let gap = (at("2026-02-27T06:00:00Z"), at("2026-03-01T12:15:00Z"));
        assert_eq!(late.gap, Some(gap));
        assert_eq!(late.windows[0].start, gap.1);
        let in_time = plan(&swept_to("2026-03-01T12:15:00Z"), at(NOW));
        assert_eq!(in_time.gap, None);
        // Nothing was ever listed, and that began to be wanted so long ago.
        let wanted = TypeSweep {
            begun_until: Some(gap.0),
            ..TypeSweep::default()
        };
        assert_eq!(plan(&wanted, at(NOW)), late);
    }

    #[test]
    fn the_day_is_one_window_each_hour() {
        let until = at("2026-03-08T10:00:00Z");
        let first = next_of_pass(DAY_PASS, (&Pass::default(), 0), until, at(NOW));
        assert_eq!(
            first,
            Some(window("2026-03-07T12:00:00Z", "2026-03-08T10:00:00Z"))
        );
        let pass = after_window(first, until, at(NOW));
        assert_eq!(pass.done_at, Some(at(NOW)));
        assert!(!is_due(DAY_PASS, &pass, at("2026-03-08T13:09:59Z")));
        assert!(is_due(DAY_PASS, &pass, at("2026-03-08T13:10:00Z")));
    }

    #[test]
    fn the_week_goes_on_where_it_stopped() {
        let until = at("2026-03-08T10:00:00Z");
        let mut pass = Pass::default();
        let mut last_end = None;
        let mut windows = 0;
        while is_due(WEEK_PASS, &pass, at(NOW)) {
            let next = next_of_pass(WEEK_PASS, (&pass, 0), until, at(NOW)).unwrap();
            assert!(last_end.is_none_or(|end| end == next.start));
            last_end = Some(next.end);
            windows += 1;
            pass = after_window(Some(next), until, at(NOW));
        }
        assert_eq!((windows, last_end), (8, Some(until)));
    }

    #[test]
    fn a_window_that_is_too_long_is_halved_down_to_an_hour() {
        let start = at("2026-03-02T00:00:00Z");
        let mut narrowed = 0;
        let mut hours = Vec::new();
        for _ in 0..6 {
            let end = end_of_window(start, narrowed);
            hours.push(end.duration_since(start).as_hours());
            narrowed = narrower(narrowed);
        }
        assert_eq!(hours, [23, 11, 5, 2, 1, 1]);
        let whole = window("2026-03-02T00:00:00Z", "2026-03-02T05:00:00Z");
        let part = window("2026-03-02T00:00:00Z", "2026-03-02T04:00:00Z");
        assert_eq!((wider(2, whole), wider(2, part)), (1, 2));
    }

    proptest! {
        #[test]
        fn windows_leave_no_gap_and_break_no_rule(
            behind_seconds in prop::option::of(0u64..30 * 24 * 3600),
            now_seconds in 0u64..3600,
            narrowed in 0u8..=NARROWED_MAX,
        ) {
            let now = later(at(NOW), Duration::from_secs(now_seconds));
            let oldest = earlier(now, LOOK_BACK);
            let mark = behind_seconds.map(|s| earlier(now, Duration::from_secs(s)));
            let swept = TypeSweep { watermark: mark, narrowed, ..TypeSweep::default() };
            let Plan { gap, windows } = plan(&swept, now);
            prop_assert_eq!(windows.last().unwrap().end, now);
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
                prop_assert_eq!(whole_hour(pair[1].start), pair[1].start);
            }
            for window in &windows {
                prop_assert!(window.start < window.end);
                prop_assert!(window.end.duration_since(window.start) <= WINDOW_MAX);
                prop_assert!(window.start >= oldest);
            }
            if let Some(mark) = mark {
                prop_assert!(windows[0].start <= mark.max(oldest));
                prop_assert_eq!(gap.is_some(), mark < oldest);
            }
        }
    }
}
