//! Secrets in records: found by the names they stand under, and replaced where they stand.
//!
//! The record's text is edited, not the event, so nothing that is made from the text later, event or `raw_data`, can hold a
//! secret. All other bytes stay as they were, so the result can replace the record in the raw copy too. Redacting twice changes
//! nothing.
//!
//! What an analyst needs is kept: that there is a value, its description (key id, display name, dates, type), true and false,
//! and blank values.

mod blob;
mod line;
mod names;
mod ordinary;
mod record;
mod replacement;

pub use blob::{may_hold_secrets, redact};
pub(crate) use names::may_hold;
pub(crate) use record::record;
