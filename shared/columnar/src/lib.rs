//! OCSF events to Parquet: lines of NDJSON in, the bytes of whole files out.
//!
//! * [`CLASSES`] are the columns of each event class, typed by the official schema (`columns.txt`).
//! * [`Parts`] takes events line by line, holds them by class and day, and gives them back as files, sorted by `time`.
//!
//! A line is an event (`event`), which is shredded into values and levels (`shred`, `buffer`); of them the `parquet` crate's
//! column writer makes a file (`encode`). What has no column, or another type than its column, goes into the `unmapped` column
//! under its dotted path, so that a file says all that its lines said.
//!
//! **Invariants.** No I/O, no clock, no async, no panic on any input. The same lines in the same order give the same bytes.

mod buffer;
mod columns;
mod encode;
mod event;
mod json;
mod lines;
mod parts;
mod schema;
mod shred;
mod unmapped;

pub use columns::{CLASSES, Class, GlueColumn};
pub use encode::EncodeError;
pub use event::NotAnEvent;
pub use lines::{LINE_BYTES_MAX, LinesError, each_line};
pub use parts::{Part, Parts};
