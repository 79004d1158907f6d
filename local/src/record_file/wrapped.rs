//! Records in the wrapping of an export.
//!
//! `Search-UnifiedAuditLog` gives objects with the record as JSON text in `AuditData`; Microsoft Graph's audit log query gives
//! pages, whose entries have it as an object in `auditData`. Windows PowerShell puts a list into `value` too.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What a JSON text is.
#[derive(Debug)]
pub(super) enum Unwrapped {
    /// Not wrapped.
    Plain,
    /// The record that was in it.
    Record(String),
    /// An export's entry without a record.
    Lacking,
    /// A page of entries.
    Page(Vec<Box<RawValue>>),
}

/// Without one of these, nothing is wrapped: nearly all records are passed on without being parsed here.
static MARKS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| ["uditData", "auditdata", "@odata."].map(Finder::new));

/// What matters of an object. The names are those of every spelling that was seen.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(
        borrow,
        default,
        rename = "AuditData",
        alias = "auditData",
        alias = "auditdata",
        deserialize_with = "verbatim"
    )]
    audit_data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "verbatim")]
    value: Option<&'a RawValue>,
    #[serde(rename = "CreationTime")]
    creation_time: Option<IgnoredAny>,
    #[serde(rename = "Operation")]
    operation: Option<IgnoredAny>,
}

impl Envelope<'_> {
    /// Every record has both. The wrappings name them otherwise.
    fn is_record(&self) -> bool {
        self.creation_time.is_some() && self.operation.is_some()
    }
}

/// A value's text, also that of `null`.
fn verbatim<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

pub(super) fn unwrap(text: &[u8]) -> Unwrapped {
    if MARKS.iter().all(|mark| mark.find(text).is_none()) {
        return Unwrapped::Plain;
    }
    let text = String::from_utf8_lossy(text);
    // What is no JSON, or says a thing twice, is left to whoever reads records.
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(&text) else {
        return Unwrapped::Plain;
    };
    if envelope.is_record() {
        return Unwrapped::Plain;
    }
    if let Some(audit_data) = envelope.audit_data {
        return audit_data_of(audit_data.get());
    }
    envelope
        .value
        .and_then(|value| serde_json::from_str(value.get()).ok())
        .map_or(Unwrapped::Plain, Unwrapped::Page)
}

fn audit_data_of(json: &str) -> Unwrapped {
    if json.starts_with('{') {
        return Unwrapped::Record(json.to_owned());
    }
    match serde_json::from_str::<String>(json) {
        Ok(record) if !record.trim().is_empty() => Unwrapped::Record(record),
        _ => Unwrapped::Lacking,
    }
}
