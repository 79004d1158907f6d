//! The death of a process: at any of its calls to the outside, before the call or when it is done and nobody knows. Between two
//! calls a process changes nothing that outlives it, so these are all the moments that differ.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::dice::Dice;

/// A process's death, if it is to die.
#[derive(Clone)]
pub struct Crash(Arc<State>);

struct State {
    /// Seed and number of the process, and how likely it dies at each moment.
    fate: Option<(u64, usize, f64)>,
    dead: watch::Sender<bool>,
}

impl fmt::Debug for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crash").finish_non_exhaustive()
    }
}

/// How the work of a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// With what came of it.
    Done(T),
    /// The process died.
    Dead,
}

impl Crash {
    /// A process that never dies.
    #[must_use]
    pub fn never() -> Self {
        Self::with(None)
    }

    /// A process, by its number, that dies at a moment with this likelihood: which moments, the seed says.
    #[must_use]
    pub fn likely(seed: u64, process: usize, at_a_moment: f64) -> Self {
        Self::with(Some((seed, process, at_a_moment)))
    }

    fn with(fate: Option<(u64, usize, f64)>) -> Self {
        Self(Arc::new(State {
            fate,
            dead: watch::Sender::new(false),
        }))
    }

    /// Before a call.
    pub(super) async fn before(&self, call: &str) {
        self.moment("before", call).await;
    }

    /// When the call is done.
    pub(super) async fn after(&self, call: &str) {
        self.moment("after", call).await;
    }

    async fn moment(&self, when: &str, call: &str) {
        let dies = self.0.fate.is_some_and(|(seed, process, likely)| {
            Dice::of(seed, &format!("{process} {when} {call}")).chance(likely)
        });
        if *self.0.dead.borrow() || dies {
            self.0.dead.send_replace(true);
            // Whoever runs the process drops it now.
            std::future::pending::<()>().await;
        }
    }

    /// Does a process's work until it ends or the process dies.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Ended<T> {
        let mut dead = self.0.dead.subscribe();
        tokio::select! {
            biased;
            _ = dead.wait_for(|dead| *dead) => Ended::Dead,
            done = work => Ended::Done(done),
        }
    }
}
