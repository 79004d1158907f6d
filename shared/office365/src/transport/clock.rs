//! A client's clock and randomness. Both are arguments, so that a test can choose them.

use std::sync::Arc;

use jiff::Timestamp;

/// Wall clock of a client: for the ends of tokens and for assertions. Waiting uses the runtime's timer.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Source of a client's randomness: for jitter and assertion ids, so it must not be guessable in production.
pub type Random = Arc<dyn Fn() -> u128 + Send + Sync>;

/// An even random number in [0, 1).
pub(crate) fn fraction(random: &Random) -> f64 {
    // An f64 holds 53 bits exactly.
    (random() as u64 >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(random: u128, expect: f64) {
        let random: Random = Arc::new(move || random);
        assert!((fraction(&random) - expect).abs() < 1e-9);
        assert!(fraction(&random) < 1.0);
    }

    #[test]
    fn a_fraction_is_at_least_0_and_below_1() {
        check(0, 0.0);
        check(1 << 63, 0.5);
        check(u128::MAX, 1.0);
    }
}
