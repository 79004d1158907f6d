//! Why an attempt at a blob failed.

use std::fmt::Display;
use std::sync::Mutex;

use office365::{Failure, InvalidConfig};
use sha2::{Digest as _, Sha256};

use crate::replay::ReplayError;
use crate::store::lake::{LakeError, Spool};
use crate::store::ledger::LedgerError;
use crate::store::ledger::blob::Counts;
use crate::store::queue::SendError;
use crate::store::waiting::EnqueueError;

/// Why an attempt failed. Displays without any of the blob's content.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The next attempt cannot be arranged.
    #[error(transparent)]
    Queue(#[from] SendError),
    /// The lake cannot be read or written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// There is no client for Microsoft's API.
    #[error(transparent)]
    Connect(#[from] InvalidConfig),
    /// Microsoft does not give the blob.
    #[error(transparent)]
    Microsoft(office365::Error),
    /// What Microsoft sent is not a JSON array of records, or is over a limit.
    #[error("the blob is unreadable: {why}")]
    Unreadable {
        /// What is wrong with it.
        why: String,
        /// SHA-256, in hex, of what was sent, or of what is wrong where that was not read to its end.
        sha256: String,
        /// Whether these were all bytes, so that they can be told from those of another answer.
        is_whole: bool,
        /// What was sent, gzip; none when it is over a limit.
        copy: Option<Box<Mutex<Spool>>>,
    },
    /// The worker's time ended first.
    #[error(
        "not finished within the worker's time; after three such attempts in a row it runs alone"
    )]
    TooSlow,
    /// A part of a replay cannot be worked at.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// Records went in that did not come out. A fault of this program; nothing is settled.
    #[error(
        "records are not conserved ({counts:?}, {lines} lines): this is a bug, please report it"
    )]
    NotConserved {
        /// What was counted.
        counts: Counts,
        /// Events that were made.
        lines: u64,
    },
}

impl From<EnqueueError> for FetchError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Ledger(error) => error.into(),
            EnqueueError::Queue(error) => error.into(),
        }
    }
}

impl From<office365::Error> for FetchError {
    /// A blob that is longer than is taken is over a limit as any other: what it is, and not how the call went.
    fn from(error: office365::Error) -> Self {
        match error.failure() {
            too_large @ Failure::TooLarge { .. } => Self::over_limit(too_large),
            _ => Self::Microsoft(error),
        }
    }
}

impl FetchError {
    /// A body that is not an array of records; `why` must not quote it.
    pub(super) fn unreadable(why: impl Display, sha256: String, copy: Option<Spool>) -> Self {
        Self::Unreadable {
            why: why.to_string(),
            sha256,
            is_whole: true,
            copy: copy.map(|copy| Box::new(Mutex::new(copy))),
        }
    }

    /// The same, of a body of which only a part is known: it was cut off, or could not be decoded to its end.
    pub(super) fn in_part(mut self) -> Self {
        if let Self::Unreadable { is_whole, .. } = &mut self {
            *is_whole = false;
        }
        self
    }

    /// A body that is over a limit, and was not read to its end.
    pub(super) fn over_limit(why: impl Display) -> Self {
        let why = why.to_string();
        let sha256 = hex::encode(Sha256::digest(&why));
        Self::unreadable(why, sha256, None)
    }
}
