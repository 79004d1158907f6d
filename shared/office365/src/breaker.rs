//! One tenant's brake: after faults in a row, or when Microsoft says "too many", the client leaves the tenant alone for
//! a while. Other tenants are not affected.

use std::time::Duration;

use tokio::time::Instant;

/// When to hold back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerLimits {
    /// Transient faults in a row after which the tenant is left alone. 0 turns the breaker off.
    pub failures_max: u32,
    /// First time of rest; doubles with each failed probe.
    pub rest_base: Duration,
    /// Longest time of rest.
    pub rest_max: Duration,
    /// First pause after a throttled answer without Retry-After; doubles with each further one. 0 turns pausing off.
    pub throttle_base: Duration,
    /// Longest such pause.
    pub throttle_max: Duration,
}

impl Default for BreakerLimits {
    fn default() -> Self {
        Self {
            // More than the attempts of one call, so that one unlucky call does not stop a tenant.
            failures_max: 6,
            rest_base: Duration::from_secs(5),
            rest_max: Duration::from_secs(60),
            throttle_base: Duration::from_millis(500),
            // Microsoft counts by the minute: half of one frees a good part of the quota.
            throttle_max: Duration::from_secs(30),
        }
    }
}

impl BreakerLimits {
    /// Never holds back: for tests, and for callers with a brake of their own.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            failures_max: 0,
            rest_base: Duration::ZERO,
            rest_max: Duration::ZERO,
            throttle_base: Duration::ZERO,
            throttle_max: Duration::ZERO,
        }
    }
}

/// What an attempt showed about the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The service works, whatever it said.
    Works,
    /// A fault that passes.
    Faulty,
    /// Too many requests; with the wait Microsoft asks for.
    Throttled(Option<Duration>),
}

/// A probe that has not ended after this time is taken as lost, and another may go.
const PROBE_TIME: Duration = Duration::from_secs(30);

/// More doublings than this change nothing.
const DOUBLINGS_MAX: u32 = 16;

/// The state of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    faults: u32,
    rests: u32,
    rest_until: Option<Instant>,
    throttles: u32,
    throttled_until: Option<Instant>,
}

impl Breaker {
    /// Whether a request may go now.
    ///
    /// # Errors
    /// How long to wait, and why.
    pub(crate) fn check(&mut self, now: Instant) -> Result<(), (Duration, &'static str)> {
        if let Some(until) = self.throttled_until.filter(|until| *until > now) {
            return Err((until - now, "the tenant's request quota is used up"));
        }
        match self.rest_until {
            Some(until) if until > now => {
                Err((until - now, "the tenant's calls failed many times in a row"))
            }
            Some(_) => {
                // This one is the probe; the others wait for what it finds.
                self.rest_until = Some(now + PROBE_TIME);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes note of an attempt. `fraction` in [0, 1) spreads the pauses of many processes.
    pub(crate) fn record(
        &mut self,
        outcome: Outcome,
        limits: &BreakerLimits,
        now: Instant,
        fraction: f64,
    ) {
        match outcome {
            Outcome::Works => *self = Self::default(),
            Outcome::Throttled(asked) => {
                self.faults = 0;
                self.rest_until = None;
                let pause = doubled(limits.throttle_base, limits.throttle_max, self.throttles);
                self.throttles = self.throttles.saturating_add(1);
                let pause = spread(pause, fraction).max(asked.unwrap_or_default());
                if !limits.throttle_base.is_zero() {
                    self.throttled_until = Some(now + pause);
                }
            }
            Outcome::Faulty => {
                self.faults = self.faults.saturating_add(1);
                let probe_failed = self.rest_until.is_some();
                let limit = limits.failures_max;
                if limit > 0 && (probe_failed || self.faults >= limit) {
                    let rest = doubled(limits.rest_base, limits.rest_max, self.rests);
                    self.rests = self.rests.saturating_add(1);
                    self.faults = 0;
                    self.rest_until = Some(now + spread(rest, fraction));
                }
            }
        }
    }
}

fn doubled(base: Duration, max: Duration, times: u32) -> Duration {
    base.saturating_mul(1 << times.min(DOUBLINGS_MAX)).min(max)
}

/// Between half and all of it.
fn spread(pause: Duration, fraction: f64) -> Duration {
    pause.mul_f64(0.5 + fraction / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> BreakerLimits {
        BreakerLimits {
            failures_max: 3,
            rest_base: Duration::from_secs(10),
            rest_max: Duration::from_secs(40),
            throttle_base: Duration::from_secs(2),
            throttle_max: Duration::from_secs(8),
        }
    }

    /// Records the outcomes and tells how long the next request has to wait, in seconds.
    #[track_caller]
    fn check(outcomes: &[Outcome], expect_seconds: u64) {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for outcome in outcomes {
            breaker.record(*outcome, &limits(), now, 1.0);
        }
        let wait = breaker
            .check(now)
            .err()
            .map_or(0, |(wait, _)| wait.as_secs());
        assert_eq!(wait, expect_seconds, "{outcomes:?}");
    }

    use Outcome::{Faulty, Throttled, Works};

    #[test]
    fn faults_in_a_row_open_it_and_an_answer_closes_it() {
        check(&[Faulty, Faulty], 0);
        check(&[Faulty, Faulty, Faulty], 10);
        check(&[Faulty, Faulty, Works, Faulty], 0);
        check(&[Faulty, Faulty, Faulty, Works], 0);
    }

    #[test]
    fn throttling_pauses_for_the_time_asked_or_a_doubling_one() {
        check(&[Throttled(None)], 2);
        check(&[Throttled(None), Throttled(None)], 4);
        check(&[Throttled(None); 9], 8);
        check(&[Throttled(Some(Duration::from_secs(33)))], 33);
        check(&[Throttled(None), Works], 0);
    }

    #[test]
    fn after_the_rest_one_probe_goes_and_decides() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.record(Faulty, &limits(), now, 1.0);
        }
        now += Duration::from_secs(10);
        assert!(breaker.check(now).is_ok(), "the probe");
        assert!(breaker.check(now).is_err(), "no second one");
        breaker.record(Faulty, &limits(), now, 1.0);
        assert_eq!(breaker.check(now).unwrap_err().0, Duration::from_secs(20));
        now += Duration::from_secs(20);
        assert!(breaker.check(now).is_ok());
        breaker.record(Works, &limits(), now, 1.0);
        assert!(breaker.check(now).is_ok() && breaker.check(now).is_ok());
    }

    #[test]
    fn a_lost_probe_does_not_lock_the_tenant_out() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.record(Faulty, &limits(), now, 1.0);
        }
        now += Duration::from_secs(10);
        assert!(breaker.check(now).is_ok());
        now += PROBE_TIME;
        assert!(breaker.check(now).is_ok());
    }

    #[test]
    fn switched_off_it_never_holds_back() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.record(Faulty, &BreakerLimits::off(), now, 0.5);
            breaker.record(Throttled(Some(PROBE_TIME)), &BreakerLimits::off(), now, 0.5);
            assert!(breaker.check(now).is_ok());
        }
    }
}
