//! The stretches of time for each of which a tenant has a log of sets.

use std::fmt;
use std::time::Duration;

use crate::store::log;

/// How long an entry is kept, beside the time that a correlation can look back: Microsoft keeps content for seven days, so what
/// comes later is a replay of what was looked at before.
const KEPT: Duration = Duration::from_secs(8 * 24 * 3600);

/// How long the stretches are for correlations up to a timespan. Logs of an hour hold what comes often: they stay short enough to
/// be remembered. What is rare may look back longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Period {
    Hour,
    Day,
    /// As long as a timespan can be.
    Month,
}

impl Period {
    /// The shortest that is at least as long as a timespan.
    fn of(span: i64) -> Self {
        let periods = [Self::Hour, Self::Day];
        let fitting = periods.into_iter().find(|of| of.seconds() >= span);
        fitting.unwrap_or(Self::Month)
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3_600,
            Self::Day => 24 * 3_600,
            Self::Month => 30 * 24 * 3_600,
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        })
    }
}

/// One stretch: the so-and-so-manieth of its period since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    period: Period,
    number: i64,
}

impl Stretch {
    /// The one in which a window begins that is so long.
    pub(super) fn of(window: i64, span: i64) -> Self {
        let period = Period::of(span);
        let begins = window.saturating_mul(span);
        Self {
            period,
            number: begins.div_euclid(period.seconds()),
        }
    }

    /// Its beginning, in seconds since 1970.
    pub(super) fn start(self) -> i64 {
        self.number.saturating_mul(self.period.seconds())
    }

    /// A tenant's log of it.
    pub(super) fn place(self, tenant: &str) -> log::Place {
        let Self { period, number } = self;
        log::Place {
            pk: format!("windows#{tenant}#{period}#{number}"),
            kept: Duration::from_secs(period.seconds().unsigned_abs()) + KEPT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_at_least_as_long_as_the_windows_in_it() {
        let pk = |window, span| Stretch::of(window, span).place("t").pk;
        assert_eq!(pk(7, 600), "windows#t#hour#1");
        assert_eq!(pk(7, 3_600), "windows#t#hour#7");
        assert_eq!(pk(7, 3_601), "windows#t#day#0");
        assert_eq!(pk(30, 24 * 3_600), "windows#t#day#30");
        assert_eq!(pk(30, 7 * 24 * 3_600), "windows#t#month#7");
        assert_eq!(pk(-1, 600), "windows#t#hour#-1");
    }

    #[test]
    fn entries_outlive_what_can_be_compared_with_them() {
        let days = |span| Stretch::of(0, span).place("t").kept.as_secs() / 86_400;
        assert_eq!([600, 86_400, 30 * 86_400].map(days), [8, 9, 38]);
    }
}
