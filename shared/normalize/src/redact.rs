//! Secrets in records: found by the names they stand under, and replaced where they stand.
//!
//! The record's text is edited, not the event: whatever is made of the text afterwards, event and `raw_data` alike, cannot hold
//! what is not in it. Every byte beside a replaced value stays as it was, so the result can stand for the record in the raw
//! copy too. What is replaced stays replaced: doing it twice changes nothing.
//!
//! What an analyst needs is kept: that there is such a value, of a structured one the members about it (key id, display name,
//! dates, type), true and false, and blank values.

mod blob;
mod line;
mod names;
mod ordinary;
mod record;
mod replacement;

pub use blob::{may_hold_secrets, redact};
pub(crate) use names::may_hold;
pub(crate) use record::record;
