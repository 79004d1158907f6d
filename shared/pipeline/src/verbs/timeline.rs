//! The newest events of a tenant, searched without a second copy of them: the ledger's index of each blob says which objects of
//! the lake can match, and only those are read.
//!
//! **Order.** Blobs become available minutes to days after their events, and in no order. A search goes back through the blobs by
//! when they became available, in *slices*: stretches of at most a day, and of at most [`SLICE_OBJECTS_MAX`] objects. Within a
//! slice events come newest first, by when they happened. So a tenant whose day is one slice gets true order within the day; what
//! was published in an earlier slice comes later, even when it happened later. Within a page, all is sorted again.
//!
//! **Once.** A search sees the blobs that were in the lake when it began ([`Cursor`] carries that moment), so what arrives while
//! somebody turns pages moves nothing: each event that was there comes exactly once.
//!
//! **Bounds.** A page reads at most [`PAGE_OBJECTS_MAX`] objects, [`PAGE_EVENTS_MAX`] events and [`PAGE_BYTES_MAX`] bytes, and
//! begins no slice after [`PAGE_TIME_MAX`]. What is left is for the next page, even when this one is empty.

mod athena;
mod cursor;
mod place;
mod read;
mod record;
mod search;
mod slice;
mod volume;
mod walk;

use std::time::Duration;

use jiff::Timestamp;
use office365::TenantId;
use serde::Serialize;

pub use self::athena::athena_sql;
pub use self::cursor::{Cursor, InvalidCursor};
pub use self::place::{EventId, InvalidEventId};
pub use self::read::Hit;
pub use self::record::{EVENT_BYTES_MAX, Found, Missing, RAW_BYTES_MAX, event};
pub use self::search::{Page, search};
pub use self::volume::{HourVolume, volume};
use crate::content::event::Wanted;
use crate::store::lake::{Lake, LakeError};
use crate::store::ledger::{Ledger, LedgerError};

/// How far back a search goes: the ledger keeps a blob's item at least so long (14 days after the seven that Microsoft lists it).
pub const SPAN_MAX: Duration = Duration::from_secs(21 * 24 * 3600);

/// The period of a search that names none.
pub const SPAN: Duration = Duration::from_secs(7 * 24 * 3600);

/// Objects of a slice: a page reads them sixteen at once, in a second.
pub const SLICE_OBJECTS_MAX: usize = 256;

/// Events of a slice, unless one object has more: some 200 MB of text, two seconds of one processor.
pub const SLICE_EVENTS_MAX: u64 = 100_000;

/// Objects that a page reads.
pub const PAGE_OBJECTS_MAX: u64 = 2_000;

/// Events that a page looks at: some ten seconds of one processor.
pub const PAGE_EVENTS_MAX: u64 = 500_000;

/// Bytes that a page reads, as they are stored.
pub const PAGE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// After this a page begins no further slice: API Gateway gives up after 30 s, and a slice may take some seconds.
pub const PAGE_TIME_MAX: Duration = Duration::from_secs(12);

/// Where the timeline looks.
#[derive(Clone, Copy, Debug)]
pub struct Stores<'a> {
    /// Which blobs there are, and what they are about.
    pub ledger: &'a Ledger,
    /// Their events and raw copies.
    pub lake: &'a Lake,
}

/// What is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Whose events.
    pub tenant: TenantId,
    /// Not before this; [`SPAN`] before the search when none is named.
    pub from: Option<Timestamp>,
    /// Before this; up to the search when none is named.
    pub to: Option<Timestamp>,
    /// Which events.
    pub wanted: Wanted,
}

/// What a page looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Searched {
    /// Blobs whose index was looked at.
    pub blobs: u64,
    /// Objects that were read: on AWS as many GETs.
    pub objects: u64,
    /// Events in them.
    pub events: u64,
    /// Their stored bytes.
    pub bytes: u64,
    /// Objects that are gone or damaged, and blobs without an index.
    pub unreadable: u64,
}

/// The timeline cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TimelineError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl Filter {
    /// `[from, to)` of a search that began at `as_of`.
    fn period(&self, as_of: Timestamp) -> (Timestamp, Timestamp) {
        let from = self.from.unwrap_or(crate::clock::earlier(as_of, SPAN));
        // An event of this very moment belongs to it.
        let to = self
            .to
            .unwrap_or(crate::clock::later(as_of, Duration::from_millis(1)));
        (from.max(crate::clock::earlier(as_of, SPAN_MAX)), to)
    }
}
