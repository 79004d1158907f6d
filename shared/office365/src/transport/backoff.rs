//! Back-off: waits that double up to a bound. Chance spreads them, so that many callers do not come back at once.

use std::time::Duration;

/// Doublings after which the bound no longer grows: 65,536 times the base is longer than every maximum in use.
const DOUBLINGS_MAX: u32 = 16;

/// A doubling wait. Every method takes a random `fraction` in [0, 1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// Bound of the first wait.
    pub(crate) base: Duration,
    /// Bound of every wait.
    pub(crate) max: Duration,
}

impl Backoff {
    /// Full jitter: between nothing and the bound. For retries of single calls, which only have to be spread.
    pub(crate) fn full_jitter(self, doublings: u32, fraction: f64) -> Duration {
        self.bound(doublings).mul_f64(fraction)
    }

    /// Equal jitter: between half the bound and all of it. For pauses that must not shrink to nothing.
    pub(crate) fn equal_jitter(self, doublings: u32, fraction: f64) -> Duration {
        self.bound(doublings).mul_f64(0.5 + fraction / 2.0)
    }

    fn bound(self, doublings: u32) -> Duration {
        let factor = 1 << doublings.min(DOUBLINGS_MAX);
        self.base.saturating_mul(factor).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits after these many doublings, in milliseconds.
    #[track_caller]
    fn check(wait: fn(Backoff, u32, f64) -> Duration, fraction: f64, expect: [u128; 5]) {
        let backoff = Backoff {
            base: Duration::from_millis(200),
            max: Duration::from_secs(1),
        };
        let doublings = [0, 1, 2, 3, 399];
        let waits = doublings.map(|doublings| wait(backoff, doublings, fraction).as_millis());
        assert_eq!(waits, expect);
    }

    #[test]
    fn full_jitter_lies_between_nothing_and_the_bound() {
        check(Backoff::full_jitter, 0.0, [0, 0, 0, 0, 0]);
        check(Backoff::full_jitter, 0.5, [100, 200, 400, 500, 500]);
        check(Backoff::full_jitter, 1.0, [200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn equal_jitter_lies_between_half_the_bound_and_all_of_it() {
        check(Backoff::equal_jitter, 0.0, [100, 200, 400, 500, 500]);
        check(Backoff::equal_jitter, 1.0, [200, 400, 800, 1000, 1000]);
    }
}
