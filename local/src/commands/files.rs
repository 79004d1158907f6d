//! Commands for files of records, rules and lakes: they need no installation, but for `restore`, which needs a table.

pub mod columns;
pub mod compact;
pub mod detect;
pub mod filter;
pub mod normalize;
mod raw_copies;
pub mod restore;
pub mod rules;
