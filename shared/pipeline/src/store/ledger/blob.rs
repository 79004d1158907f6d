//! One item per content blob: who works on it, what was chosen, how it ended.
//!
//! ```text
//! (unknown) -> PENDING -> LEASED -> DONE
//!                 ^----------+----> QUARANTINED  unreadable; its raw bytes are kept
//!                            +----> LOST         expired or gone before it could be fetched
//! ```
//!
//! An item that is not finished is in the index `open-blobs` under the time at which somebody should look at it.

mod lookup;
mod transition;

use std::fmt::{self, Display};
use std::str::FromStr;

use jiff::Timestamp;

use super::LedgerError;
use super::key::Key;
use crate::content::ContentRef;
use crate::store::lake::Codec;

/// Where a blob stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Known, nobody works on it.
    Pending,
    /// Somebody works on it until the lease ends.
    Leased,
    /// In the lake, exactly once.
    Done,
    /// Unreadable. Its bytes are kept.
    Quarantined,
    /// Gone before it could be fetched.
    Lost,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Leased => "LEASED",
            Self::Done => "DONE",
            Self::Quarantined => "QUARANTINED",
            Self::Lost => "LOST",
        }
    }
}

impl Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Pending,
            Self::Leased,
            Self::Done,
            Self::Quarantined,
            Self::Lost,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or(())
    }
}

/// One attempt's hold on a blob.
#[derive(Clone, Debug)]
pub struct Lease {
    /// A name no other attempt has.
    pub owner: String,
    /// When others may take over.
    pub until: Timestamp,
}

/// What came of asking for a lease.
#[derive(Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// The blob is ours until the lease ends.
    Granted {
        /// As it was first announced. Keys in the lake are made of this one, so that announcements that differ cannot
        /// write it twice.
        blob: ContentRef,
        /// Counts from 1.
        attempt: u32,
        /// Attempts before that failed for a reason that counts.
        failures: FailureCounts,
        /// What an earlier attempt fixed.
        choice: Option<Choice>,
    },
    /// Another attempt holds it, or the next one is planned for later.
    Held {
        /// Until then.
        until: Timestamp,
    },
    /// Nothing is left to do.
    Finished(State),
}

/// How often a blob failed in ways that end it when they repeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureCounts {
    /// Its bytes were no array of records.
    pub unreadable: u32,
    /// Microsoft said that it is not there.
    pub gone: u32,
}

/// What a failed attempt counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedFailure {
    /// [`FailureCounts::unreadable`]
    Unreadable,
    /// [`FailureCounts::gone`]
    Gone,
    /// As neither: it says nothing about the blob.
    Other,
}

/// What the first attempt that had the blob's bytes decided for all later ones: they must write the same object, even when
/// the deployment's settings have changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Key in the lake of the bytes that are the blob.
    pub raw_key: String,
    /// How its events are compressed: part of their key.
    pub codec: Codec,
}

/// The conservation law of one blob: `records = written + routed + dropped + duplicate + foreign +
/// malformed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Elements of the blob's array.
    pub records: u64,
    /// Events in the lake, by this blob.
    pub written: u64,
    /// Events that the filter sent to an object of its own.
    pub routed: u64,
    /// Records that the filter dropped: in the raw copy only.
    pub dropped: u64,
    /// Records that another blob, or an earlier element of this one, owns.
    pub duplicate: u64,
    /// Records of another organization: in the raw copy only.
    pub foreign: u64,
    /// Elements that are no JSON object: in the raw copy only.
    pub malformed: u64,
}

impl Counts {
    /// Whether every record went exactly one way.
    #[must_use]
    pub fn are_conserved(&self) -> bool {
        let owned = self.written + self.routed + self.dropped;
        self.records == owned + self.duplicate + self.foreign + self.malformed
    }
}

fn key(blob: &ContentRef) -> Key {
    Key::Blob(blob.tenant_id, blob.content_id.clone())
}

fn damaged(key: &Key, attribute: &'static str) -> LedgerError {
    LedgerError::Damaged {
        key: format!("{} {}", key.pk(), key.sk()),
        attribute,
    }
}
