//! When a tenant is due again.

use std::time::Duration;

/// The times that sweeps keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// Between two sweeps of a tenant where the last one found something missing, or whose webhooks do not work: this is how
    /// late its content comes.
    pub busy: Duration,
    /// Between two sweeps of a tenant without content, or whose webhooks have missed nothing.
    pub quiet: Duration,
    /// After the first failure in a row, the second and so on; the last one from there.
    pub failing: [Duration; 4],
    /// Time without a page, a window or a blob enqueued, after which a sweep ends: one that hangs must not hold a place that
    /// others need.
    pub stalled: Duration,
    /// Time for one sweep. Who has more to list goes on with the next one, behind whoever is due by then.
    pub slot: Duration,
}

const fn minutes(number: u64) -> Duration {
    Duration::from_secs(number * 60)
}

impl Periods {
    /// As they are on AWS.
    pub const DEPLOYED: Self = Self {
        busy: minutes(5),
        quiet: minutes(15),
        failing: [minutes(1), minutes(2), minutes(5), minutes(15)],
        stalled: Duration::from_secs(20),
        slot: minutes(1),
    };

    /// Sweeps of every tenant at one interval, where a shorter one than on AWS costs nothing.
    #[must_use]
    pub fn every(period: Duration) -> Self {
        Self {
            busy: period,
            quiet: period,
            failing: Self::DEPLOYED.failing.map(|gap| gap.min(period)),
            ..Self::DEPLOYED
        }
    }

    /// The gap after so many failures in a row, of which there is at least one.
    pub(super) fn after_failures(&self, failures: u32) -> Duration {
        let place = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        self.failing[place.min(self.failing.len() - 1)]
    }

    /// Within this time every tenant was swept, if all is well.
    pub(super) fn longest(&self) -> Duration {
        self.busy.max(self.quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_grow_with_failures_up_to_a_quarter_of_an_hour() {
        let gaps = [1, 2, 3, 4, 5, 1_000].map(|n| Periods::DEPLOYED.after_failures(n).as_secs());
        assert_eq!(gaps, [60, 120, 300, 900, 900, 900]);
        let local = Periods::every(Duration::from_secs(90));
        assert_eq!(local.after_failures(9), Duration::from_secs(90));
    }
}
