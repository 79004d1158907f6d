//! One item per content blob: who works on it, what was chosen, how it ended.
//!
//! ```text
//! (unknown) -> PENDING -> LEASED -> DONE
//!                 ^----------+----> QUARANTINED  unreadable; its raw bytes are kept
//!                            +----> LOST         expired or gone before it could be fetched
//! ```
//!
//! An item that is not finished is in the index `open-blobs` under the time at which somebody should look at it.

mod choice;
mod ending;
mod hour;
mod indexed;
mod open;
mod read;
mod transition;

use std::fmt::{self, Display};
use std::ops::AddAssign;
use std::str::FromStr;

use jiff::Timestamp;

pub use self::hour::{HourOfBlobs, Listed, Standing};
pub use self::indexed::{Indexed, WRITE_UNIT_BYTES, index_room};
pub use self::open::{OPEN_PAGE_MAX, OpenBlob, OpenCursor, OpenPage};
pub use self::transition::Release;
use super::LedgerError;
use super::key::{BlobHour, Key};
use crate::clock::Hour;
use crate::content::ContentRef;
use crate::store::lake::Codec;

/// Attempts in a row whose workers died, after which a blob has a process to itself: its neighbours must not die with it. It
/// has one from the start when it was given up for that and is tried again.
pub const ALONE_AFTER: u32 = 3;

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
    Granted(Box<Granted>),
    /// Another attempt holds it, or the next one is planned for later.
    Held {
        /// Until then.
        until: Timestamp,
    },
    /// Nothing is left to do.
    Finished(State),
}

/// A blob that is ours for a while.
#[derive(Debug, PartialEq, Eq)]
pub struct Granted {
    /// As it was first announced. Keys in the lake are made of this one, so that announcements that differ cannot
    /// write it twice.
    pub blob: ContentRef,
    /// Counts from 1.
    pub attempt: u32,
    /// Attempts in a row before this one of which nobody knows how they ended: their workers died.
    pub unconcluded: u32,
    /// What earlier answers say of the blob.
    pub evidence: Evidence,
    /// What an earlier attempt fixed.
    pub choice: Option<Choice>,
    /// Whether it was given up before, and is on the list of losses.
    pub was_lost: bool,
}

/// Answers that, when they repeat for long enough, end a blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Its bytes were no array of records.
    pub unreadable: Option<Repeated>,
    /// They were the same bytes each time, with this SHA-256 in hex: the latest such row.
    pub same_bytes: Option<(String, Repeated)>,
    /// Microsoft said that it is not there.
    pub gone: Option<Repeated>,
}

/// An answer that came more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// How often.
    pub count: u32,
    /// When first.
    pub since: Timestamp,
}

impl Repeated {
    /// Once more, at `now`.
    fn again(before: Option<Self>, now: Timestamp) -> Self {
        match before {
            None => Self {
                count: 1,
                since: now,
            },
            Some(Self { count, since }) => Self {
                count: count.saturating_add(1),
                since,
            },
        }
    }
}

impl Evidence {
    /// With one more answer of unreadable bytes. Those without a hash are not all that were sent, and the same as no others.
    #[must_use]
    pub fn with_unreadable(mut self, sha256: Option<&String>, now: Timestamp) -> Self {
        let before = self.same_bytes.take();
        self.same_bytes = sha256.map(|sha256| {
            let same = before.filter(|(known, _)| known == sha256);
            let same = same.map(|(_, repeated)| repeated);
            (sha256.clone(), Repeated::again(same, now))
        });
        self.unreadable = Some(Repeated::again(self.unreadable, now));
        self
    }

    /// With one more answer that it is not there.
    #[must_use]
    pub fn with_gone(mut self, now: Timestamp) -> Self {
        self.gone = Some(Repeated::again(self.gone, now));
        self
    }
}

/// What the first attempt that had the blob's bytes decided for all later ones: they must write the same object, even when
/// the deployment's settings have changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// SHA-256, in hex, of the bytes that are the blob: its key in the lake is made of it.
    pub raw_sha256: String,
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

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.written += other.written;
        self.routed += other.routed;
        self.dropped += other.dropped;
        self.duplicate += other.duplicate;
        self.foreign += other.foreign;
        self.malformed += other.malformed;
    }
}

/// The hour that the blob lies in.
#[must_use]
pub fn blob_hour(blob: &ContentRef) -> BlobHour {
    BlobHour {
        tenant: blob.tenant_id,
        content_type: blob.content_type,
        hour: Hour::of(blob.content_created),
    }
}

fn key(blob: &ContentRef) -> Key {
    Key::Blob(blob_hour(blob), blob.content_id.clone())
}

fn damaged(key: &Key, attribute: &'static str) -> LedgerError {
    LedgerError::Damaged {
        key: format!("{} {}", key.pk(), key.sk()),
        attribute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_begin_the_row_of_same_bytes_anew() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let (aa, bb) = ("aa".to_owned(), "bb".to_owned());
        let evidence = Evidence::default()
            .with_unreadable(Some(&aa), at(1))
            .with_unreadable(Some(&aa), at(2))
            .with_unreadable(Some(&bb), at(3))
            .with_gone(at(4));
        let repeated = |count, minute| Repeated {
            count,
            since: at(minute),
        };
        assert_eq!(evidence.unreadable, Some(repeated(3, 1)));
        assert_eq!(evidence.same_bytes, Some(("bb".to_owned(), repeated(1, 3))));
        assert_eq!(evidence.gone, Some(repeated(1, 4)));
        let evidence = evidence.with_unreadable(None, at(5));
        assert_eq!(evidence.unreadable, Some(repeated(4, 1)));
        assert_eq!(evidence.same_bytes, None);
    }
}
