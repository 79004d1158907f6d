//! How long to wait before the next attempt: the one place where such a delay is computed.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

use rand::Rng as _;

/// For what passes by itself, as most does within minutes: when it is over, nothing must wait longer than it lasted.
const EARLY: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(30),
};

/// Attempts with the delays above: eight minutes of them.
const EARLY_ATTEMPTS: u32 = 20;

/// For what has lasted longer. The longest delay is SQS's own, so that the queue alone brings a blob back; and nobody who has given
/// consent waits longer.
const LATE: Backoff = Backoff {
    first: Duration::from_secs(60),
    longest: Duration::from_secs(15 * 60),
};

/// How long to wait after so many failed attempts at something that is tried until it succeeds.
///
/// Jitter takes up to half of it away. It is that of the thing's name, so that the time of an attempt, which the ledger keeps, does
/// not hang on who computed it.
pub(crate) fn patient(attempts: u32, of: impl Hash) -> Duration {
    let full = match attempts.checked_sub(EARLY_ATTEMPTS) {
        None | Some(0) => EARLY.full(attempts),
        Some(late) => LATE.full(late),
    };
    let mut hash = DefaultHasher::new();
    (of, attempts).hash(&mut hash);
    let share =
        f64::from(u32::try_from(hash.finish() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    full.mul_f64(0.5 + share / 2.0)
}

/// The delays of one kind of attempt. Whoever makes the attempts says why these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// Before the second attempt; doubles from there.
    pub(crate) first: Duration,
    /// Never longer than this.
    pub(crate) longest: Duration,
}

impl Backoff {
    /// The delay after `failures` failed attempts, of which there is at least one.
    ///
    /// Jitter takes up to half of it away, so that attempts that failed together do not come back together.
    pub(crate) fn delay(self, failures: u32) -> Duration {
        self.full(failures)
            .mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// The delay without jitter.
    fn full(self, failures: u32) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(doubled).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(900),
    };

    #[test]
    fn patience_grows_from_a_second_to_fifteen_minutes() {
        for (number, longest) in [(1, 1.0), (3, 4.0), (20, 30.0), (21, 60.0), (200, 900.0)] {
            let found = patient(number, "a blob").as_secs_f64();
            assert!(
                found >= longest / 2.0 && found <= longest,
                "{number}: {found}"
            );
        }
    }

    #[test]
    fn what_failed_together_comes_back_apart_and_each_at_its_time() {
        let of = |name| patient(20, name);
        assert_eq!(of("one"), of("one"));
        assert_ne!(of("one"), of("other"));
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let full = |failures| BACKOFF.full(failures).as_secs();
        assert_eq!([1, 2, 3, 10, 11, 200].map(full), [1, 2, 4, 512, 900, 900]);
    }

    #[test]
    fn jitter_takes_at_most_half_of_a_delay() {
        for failures in 1..200 {
            let (delay, full) = (BACKOFF.delay(failures), BACKOFF.full(failures));
            assert!(delay >= full / 2 && delay <= full, "{failures}: {delay:?}");
        }
    }
}
