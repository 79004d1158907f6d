//! A tenant's circuit breaker: it opens after several failures in a row, and pauses when Microsoft throttles.

use std::time::Duration;

use tokio::time::Instant;

use crate::transport::backoff::Backoff;
use crate::transport::error::{Limited, LimitedBy};

/// When the breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerLimits {
    /// Transient failures in a row after which the breaker opens. 0 means never.
    pub failures_max: u32,
    /// How long it stays open at first; doubles with each failed probe.
    pub open_base: Duration,
    /// Longest time it stays open.
    pub open_max: Duration,
    /// First pause after a throttled answer; doubles with each further one. A longer Retry-After counts instead. 0 turns
    /// pausing off.
    pub throttle_base: Duration,
    /// Longest pause, unless Microsoft asks for a longer one.
    pub throttle_max: Duration,
}

impl Default for BreakerLimits {
    fn default() -> Self {
        Self {
            // More than the attempts of one call, so that one unlucky call does not stop a tenant.
            failures_max: 6,
            open_base: Duration::from_secs(1),
            // One request in a quarter of a minute burdens nobody, and what is over must be seen within seconds.
            open_max: Duration::from_secs(15),
            throttle_base: Duration::from_millis(500),
            // Microsoft counts by the minute: half of one frees a good part of the quota.
            throttle_max: Duration::from_secs(30),
        }
    }
}

impl BreakerLimits {
    /// Never opens: for tests, and for callers with a breaker of their own.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            failures_max: 0,
            open_base: Duration::ZERO,
            open_max: Duration::ZERO,
            throttle_base: Duration::ZERO,
            throttle_max: Duration::ZERO,
        }
    }
}

/// What an attempt shows about Microsoft's service for the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    /// The service answered, be it with an error.
    Answered,
    /// A transient failure.
    Failed,
    /// Too many requests, with the wait that Microsoft asks for.
    Throttled(Option<Duration>),
}

/// A probe that has not ended after this time counts as lost, and the next request is a probe.
const PROBE_TIME: Duration = Duration::from_secs(30);

/// One tenant's breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Failures in a row since it was last closed or opened.
    failures: u32,
    /// Times it opened in a row.
    openings: u32,
    /// Open until then; afterwards half-open, until a probe decides.
    open_until: Option<Instant>,
    /// Throttled answers in a row.
    throttles: u32,
    throttled_until: Option<Instant>,
}

impl Breaker {
    /// Whether a request may go now.
    pub(super) fn check(&mut self, now: Instant) -> Result<(), Limited> {
        if let Some(until) = self.throttled_until.filter(|until| *until > now) {
            return Err(Limited {
                wait: until - now,
                why: LimitedBy::Throttled,
            });
        }
        match self.open_until {
            Some(until) if until > now => Err(Limited {
                wait: until - now,
                why: LimitedBy::Failing,
            }),
            Some(_) => {
                // This request is the probe; the others wait for its outcome.
                self.open_until = Some(now + PROBE_TIME);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes note of an attempt. `fraction` in [0, 1) is for jitter.
    pub(super) fn record(
        &mut self,
        outcome: AttemptOutcome,
        limits: &BreakerLimits,
        now: Instant,
        fraction: f64,
    ) {
        match outcome {
            AttemptOutcome::Answered => *self = Self::default(),
            AttemptOutcome::Throttled(asked) => {
                self.failures = 0;
                self.open_until = None;
                let backoff = Backoff {
                    base: limits.throttle_base,
                    max: limits.throttle_max,
                };
                let pause = backoff.equal_jitter(self.throttles, fraction);
                let pause = pause.max(asked.unwrap_or_default());
                self.throttles = self.throttles.saturating_add(1);
                if !limits.throttle_base.is_zero() {
                    self.throttled_until = Some(now + pause);
                }
            }
            AttemptOutcome::Failed => {
                self.failures = self.failures.saturating_add(1);
                let probe_failed = self.open_until.is_some();
                let limit = limits.failures_max;
                if limit > 0 && (probe_failed || self.failures >= limit) {
                    let backoff = Backoff {
                        base: limits.open_base,
                        max: limits.open_max,
                    };
                    let open = backoff.equal_jitter(self.openings, fraction);
                    self.openings = self.openings.saturating_add(1);
                    self.failures = 0;
                    self.open_until = Some(now + open);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> BreakerLimits {
        BreakerLimits {
            failures_max: 3,
            open_base: Duration::from_secs(10),
            open_max: Duration::from_secs(40),
            throttle_base: Duration::from_secs(2),
            throttle_max: Duration::from_secs(8),
        }
    }

    /// Records the outcomes and tells how long the next request has to wait, in seconds.
    #[track_caller]
    fn check(outcomes: &[AttemptOutcome], expect_seconds: u64) {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for outcome in outcomes {
            breaker.record(*outcome, &limits(), now, 1.0);
        }
        let wait = breaker
            .check(now)
            .err()
            .map_or(0, |limited| limited.wait.as_secs());
        assert_eq!(wait, expect_seconds, "{outcomes:?}");
    }

    use AttemptOutcome::{Answered, Failed, Throttled};

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_closes_it() {
        check(&[Failed, Failed], 0);
        check(&[Failed, Failed, Failed], 10);
        check(&[Failed, Failed, Answered, Failed], 0);
        check(&[Failed, Failed, Failed, Answered], 0);
    }

    #[test]
    fn a_throttled_answer_pauses_as_long_as_asked_or_doubling() {
        check(&[Throttled(None)], 2);
        check(&[Throttled(None), Throttled(None)], 4);
        check(&[Throttled(None); 9], 8);
        check(&[Throttled(Some(Duration::from_secs(33)))], 33);
        check(&[Throttled(None), Answered], 0);
    }

    #[test]
    fn by_default_it_is_never_open_for_long() {
        let (now, limits) = (Instant::now(), BreakerLimits::default());
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.record(Failed, &limits, now, 1.0);
        }
        let wait = breaker.check(now).unwrap_err().wait;
        assert!(wait <= Duration::from_secs(15), "{wait:?}");
    }

    #[test]
    fn half_open_it_lets_one_probe_go_which_decides() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.record(Failed, &limits(), now, 1.0);
        }
        now += Duration::from_secs(10);
        assert!(breaker.check(now).is_ok(), "the probe");
        assert!(breaker.check(now).is_err(), "no second one");
        breaker.record(Failed, &limits(), now, 1.0);
        assert_eq!(
            breaker.check(now).unwrap_err().wait,
            Duration::from_secs(20)
        );
        now += Duration::from_secs(20);
        assert!(breaker.check(now).is_ok());
        breaker.record(Answered, &limits(), now, 1.0);
        assert!(breaker.check(now).is_ok() && breaker.check(now).is_ok());
    }

    #[test]
    fn a_lost_probe_is_followed_by_another() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.record(Failed, &limits(), now, 1.0);
        }
        now += Duration::from_secs(10);
        assert!(breaker.check(now).is_ok());
        now += PROBE_TIME;
        assert!(breaker.check(now).is_ok());
    }

    #[test]
    fn switched_off_it_never_opens() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.record(Failed, &BreakerLimits::off(), now, 0.5);
            breaker.record(Throttled(Some(PROBE_TIME)), &BreakerLimits::off(), now, 0.5);
            assert!(breaker.check(now).is_ok());
        }
    }
}
