//! What the timeline knows of an event: read from its line in the lake, whatever schema and version that was written in.
//!
//! * [`Row`]: what is shown of it.
//! * [`Matcher`]: whether it is looked for.
//! * [`Indexer`] and [`Index`]: what is kept of a blob's events, so that a search can pass the blob over.
//!
//! All three read the same attributes: what a search can find is what the index holds.

mod fields;
mod index;
mod matcher;
mod row;
mod term;
mod words;

pub use self::index::{INDEX_BYTES_MAX, Index, Indexer};
pub use self::matcher::{Matcher, TEXT_CHARS_MAX, Wanted};
pub use self::row::{Row, severity_name};
pub use self::term::{Kind, Term};

use jiff::Timestamp;

/// When an event counts as having happened: as its record says, but never after the blob became available. So a record that
/// is dated tomorrow cannot stand above all others for ever, and a search that goes back through the blobs misses nothing.
#[must_use]
pub fn counts_at(event_ms: i64, created: Timestamp) -> i64 {
    event_ms.min(created.as_millisecond())
}
