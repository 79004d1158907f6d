//! The event for bytes that are not a record.

use super::class::Class;
use super::envelope::{OCSF_VERSION, Provenance};
use crate::json::Writer;
use crate::record::Malformed;

/// Writes a complete event for bytes that cannot be read.
pub(crate) fn write(
    malformed: &Malformed,
    provenance: &Provenance<'_>,
    raw_data: Option<&str>,
    out: &mut Vec<u8>,
) {
    let moment = provenance.moment();
    let mut buffer = std::mem::take(out);
    buffer.push(b'{');
    let mut w = Writer::new(buffer);
    w.int("class_uid", i64::from(Class::Base.uid()));
    w.text("class_name", Class::Base.name());
    w.int("category_uid", 0);
    w.text("category_name", "Uncategorized");
    w.int("activity_id", 99);
    w.text("activity_name", "Other");
    w.int("type_uid", 99);
    w.text("type_name", "Base Event: Other");
    w.int("time", moment.epoch_ms);
    w.text("time_dt", &moment.rfc3339());
    w.int("severity_id", 1);
    w.text("severity", "Informational");
    w.int("status_id", 0);
    w.text("status", "Unknown");
    w.text("message", &malformed.to_string());
    w.object("metadata", |w| {
        w.text("version", OCSF_VERSION);
        w.object("product", |w| {
            w.text("name", "Microsoft 365");
            w.text("vendor_name", "Microsoft");
        });
        w.array("profiles", |w| {
            ["cloud", "datetime"]
                .iter()
                .for_each(|profile| w.element_text(profile));
        });
        w.text_opt("log_name", provenance.content_type);
        w.text("log_provider", "Office 365 Management Activity API");
        w.text("source", "Microsoft 365 Unified Audit Log");
    });
    w.object("cloud", |w| w.text("provider", "Microsoft 365"));
    w.text_opt("raw_data", raw_data);
    *out = w.into_bytes();
    out.extend_from_slice(b"}\n");
}
