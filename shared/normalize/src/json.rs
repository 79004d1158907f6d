//! A small borrowed JSON: one flat list of nodes per record, strings left as they lie in the input.
//!
//! An audit record is read once, and most of its leaves are only copied to the event. So a string is kept as the escaped text
//! between its quotes and decoded only where a rule looks into it, a number keeps its digits, and redaction knows where in the
//! record a value stands. serde would decode strings and round numbers; that is why jiter reads, which tells where they are.

mod parse;
mod text;
mod value;
mod write;

pub(crate) use parse::{BYTES_PER_NODE, Problem, offset, parse, parse_event, parse_into};
pub(crate) use text::{Seen, Text, hash};
pub(crate) use value::{Doc, Kind, Node, Tree, Value};
pub(crate) use write::Writer;
