//! Secrets in records: found by the names of their members, and replaced in place.
//!
//! The record's text is edited, not the event: event and `raw_data` are both made from the edited text, so neither can
//! hold the secret. Every other byte stays the same, so the result can be stored as the raw copy too. Redacting twice
//! changes nothing.
//!
//! What an analyst needs is kept: the fact that there is such a value, the members that describe a structured value
//! (key id, display name, dates, type), true and false, and blank values.

mod blob;
mod line;
mod names;
mod ordinary;
mod record;
mod replacement;

pub use blob::{may_hold_secrets, redact_element};
pub(crate) use names::may_hold;
pub(crate) use record::record;
