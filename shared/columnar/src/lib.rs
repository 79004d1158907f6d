//! OCSF events to Parquet: lines of NDJSON in, the bytes of whole files out.
//!
//! * [`CLASSES`] are the columns of each event class, typed by the official schema (`columns.txt`).
//! * [`Parts`] takes events line by line, holds them by class and day, and gives them back as files, sorted by `time`.
//!
//! An event is read once, straight from its text into columns: no tree is built, and what is held in memory is what the file
//! will hold. What has no column, or another type than its column, goes into the `unmapped` column under its dotted path, so
//! that a file says all that its lines said.
//!
//! **Invariants.** No I/O, no clock, no async, no panic on any input. The same lines in the same order give the same bytes.

mod column;
mod columns;
mod dictionary;
mod encode;
mod json;
mod lines;
mod pages;
mod parts;
mod pieces;
mod rows;
mod runs;
mod schema;
mod tape;
mod unmapped;

pub use columns::{CLASSES, Class, GlueColumn};
pub use encode::EncodeError;
pub use json::DEPTH_MAX;
pub use lines::{LINE_BYTES_MAX, LinesError, each_line};
pub use parts::{Day, Part, Parts};
pub use rows::NotAnEvent;
