//! A small JSON tree that borrows from its input: one flat list of nodes per record, with strings still escaped.
//!
//! An audit record is read once, and most of its values are only copied to the event. So a string is kept as the
//! escaped text between its quotes and is decoded only when a rule looks at it, a number keeps its digits, and
//! redaction knows where in the record each value is. serde would decode strings and round numbers; jiter reports
//! positions, so jiter is the parser.

mod parse;
mod text;
mod value;
mod write;

pub(crate) use parse::{BYTES_PER_NODE, Problem, offset, parse, parse_event, parse_into};
pub(crate) use text::{Seen, Text, hash};
pub(crate) use value::{Doc, Kind, Node, Tree, Value};
pub(crate) use write::Writer;
