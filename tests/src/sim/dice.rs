//! The seed, as dice. Each part of a run has dice of its own, so that one more throw in one part leaves the others as they are.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// Dice of one part of a run. Clones throw the same ones.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<StdRng>>);

impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dice").finish()
    }
}

impl Dice {
    /// The dice of a part.
    #[must_use]
    pub fn of(seed: u64, part: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(part);
        Self(Arc::new(Mutex::new(StdRng::from_seed(
            hash.finalize().into(),
        ))))
    }

    /// A number from 0 to `below`, without that; 0 when it is 0.
    #[must_use]
    pub fn below(&self, below: usize) -> usize {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match below {
            0 => 0,
            below => rng.random_range(0..below),
        }
    }

    /// A number of a range, its ends included.
    #[must_use]
    pub fn between(&self, first: usize, last: usize) -> usize {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// True so often: 0 never, 1 always.
    #[must_use]
    pub fn chance(&self, probability: f64) -> bool {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rng.random_bool(probability.clamp(0.0, 1.0))
    }

    /// One of them.
    #[must_use]
    pub fn one<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}
