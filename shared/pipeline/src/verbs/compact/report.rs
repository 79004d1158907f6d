//! What a run did, and whether somebody must look at it.

use serde::Serialize;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Plans carried out.
    pub plans: usize,
    /// Objects of events that they took in.
    pub objects: usize,
    /// Events in those, and rows in the files.
    pub events: usize,
    /// Files written.
    pub files: usize,
    /// Bytes of those.
    pub bytes: usize,
    /// Objects that cannot be read, found by this run; each is in the log.
    pub damaged: usize,
    /// Plans or hours that failed; each is in the log, and the next run tries again.
    pub failed: usize,
    /// Hours left for the next run: for lack of time, or because they failed.
    pub hours_left: usize,
    /// How long ago the first of those hours was due, in seconds; 0 when none is left.
    pub behind_seconds: u64,
}

/// A run that somebody must look at. What could be done was done.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// Something failed that may succeed next time.
    #[error(
        "{failed} plans or hours failed; each one's reason is in the log, and the next run tries again"
    )]
    Failed {
        /// How many.
        failed: usize,
    },
    /// Events that are in no file.
    #[error("{damaged} objects of events cannot be read; the log names them")]
    Damaged {
        /// How many.
        damaged: usize,
    },
}

impl Report {
    pub(super) fn log(&self) {
        tracing::info!(
            plans = self.plans,
            objects = self.objects,
            events = self.events,
            files = self.files,
            bytes = self.bytes,
            damaged = self.damaged,
            failed = self.failed,
            hours_left = self.hours_left,
            behind_seconds = self.behind_seconds,
            "compacted"
        );
    }

    /// An error is what the alarm looks at.
    pub(super) fn outcome(self) -> Result<Self, CompactError> {
        match self {
            Self { failed: 1.., .. } => Err(CompactError::Failed {
                failed: self.failed,
            }),
            Self { damaged: 1.., .. } => Err(CompactError::Damaged {
                damaged: self.damaged,
            }),
            _ => Ok(self),
        }
    }
}
