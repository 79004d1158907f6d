//! Who may be at work in this process: blobs beside each other, or one that workers died of, alone.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, Semaphore};

/// The turns of a process.
#[derive(Debug)]
pub(super) struct Turns {
    lock: Arc<RwLock<()>>,
    /// One blob at a time may wait for the process to itself: others are put back, or they would die with it.
    suspects: Arc<Semaphore>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) enum Turn {
    BesideOthers {
        _guard: OwnedRwLockReadGuard<()>,
    },
    Alone {
        _guard: OwnedRwLockWriteGuard<()>,
        _suspect: tokio::sync::OwnedSemaphorePermit,
    },
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            lock: Arc::default(),
            suspects: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Turns {
    /// Waits until no blob runs alone.
    pub(super) async fn beside_others(&self) -> Turn {
        let guard = Arc::clone(&self.lock).read_owned().await;
        Turn::BesideOthers { _guard: guard }
    }

    /// Waits until all others are done, and keeps new ones out; `None` when another blob waits for that, or runs alone.
    pub(super) async fn alone(&self) -> Option<Turn> {
        let suspect = Arc::clone(&self.suspects).try_acquire_owned().ok()?;
        let guard = Arc::clone(&self.lock).write_owned().await;
        Some(Turn::Alone {
            _guard: guard,
            _suspect: suspect,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_blob_at_a_time_runs_alone() {
        let turns = Turns::default();
        let beside = turns.beside_others().await;
        let mut alone = Box::pin(turns.alone());
        assert!(futures::poll!(&mut alone).is_pending());
        assert!(turns.alone().await.is_none());
        drop(beside);
        let alone = alone.await;
        assert!(alone.is_some());
        assert!(futures::poll!(Box::pin(turns.beside_others())).is_pending());
        drop(alone);
        turns.beside_others().await;
    }
}
