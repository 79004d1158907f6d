//! Records to documents of the Elastic Common Schema (ECS), for users who load into Elasticsearch or OpenSearch.
//!
//! The fields are the ones that Elastic's own integration fills (`packages/o365` of elastic/integrations, data stream
//! `audit`), so that dashboards and detection rules written for it work. Class, activity, status, severity and actor
//! come from the OCSF rules: a record is parsed and interpreted once. docs/ECS.md lists the differences from the
//! integration, with reasons.

mod audit;
mod category;
mod finding;
mod group;
mod mail;
mod object;
mod people;
mod place;
mod related;
mod shapes;

use crate::json::Writer;
use crate::ocsf::envelope::{self, Provenance};
use crate::ocsf::{Event, Status, status};
use crate::record::time::Moment;
use crate::record::{Malformed, Record, RecordType, Who};
use related::Related;

/// The version that Elastic's integration writes, and that the fields are tested against.
const ECS_VERSION: &str = "8.11.0";

/// Writes a record's document as one line. `event` is the result of the OCSF rules. `original` is the record's text, if
/// the settings ask for it.
pub(crate) fn write<'a>(
    record: &Record<'a>,
    mut event: Event<'a>,
    who: &Who<'a>,
    provenance: &Provenance<'_>,
    original: Option<&str>,
    out: &mut Vec<u8>,
) {
    let status = event
        .status
        .take()
        .unwrap_or_else(|| status::general(record));
    let mut related = Related::default();
    out.push(b'{');
    let mut w = Writer::new(std::mem::take(out));
    write_head(
        &envelope::moment(record, provenance),
        original.is_some(),
        &mut w,
    );
    envelope::write_message(record, &status, &who.shown(record), &mut w);
    write_event(record, &event, &status, original, &mut w);
    let user = people::write(record, &event, who, &mut related, &mut w);
    place::write(record, &event, user.as_ref(), &mut related, &mut w);
    object::write(record, &event, &mut related, &mut w);
    group::write(record, &mut w);
    mail::write(record, &mut related, &mut w);
    finding::write(record, &mut related, &mut w);
    related.write(&mut w);
    audit::write(record.root(), &mut w);
    *out = w.into_bytes();
    out.extend_from_slice(b"}\n");
}

/// Writes a document for bytes that are not a record.
pub(crate) fn write_malformed(
    malformed: &Malformed,
    provenance: &Provenance<'_>,
    original: Option<&str>,
    out: &mut Vec<u8>,
) {
    let moment = provenance.moment();
    out.push(b'{');
    let mut w = Writer::new(std::mem::take(out));
    write_head(&moment, original.is_some(), &mut w);
    w.object("event", |w| {
        w.text("kind", "pipeline_error");
        w.text("module", "o365");
        w.text("dataset", "o365.audit");
        w.text_opt("original", original);
    });
    w.object("error", |w| w.text("message", &malformed.to_string()));
    *out = w.into_bytes();
    out.extend_from_slice(b"}\n");
}

fn write_head(moment: &Moment, has_original: bool, w: &mut Writer) {
    w.text("@timestamp", &moment.rfc3339());
    w.object("ecs", |w| w.text("version", ECS_VERSION));
    w.array("tags", |w| {
        w.element_text("forwarded");
        w.element_text("o365-audit");
        // Elastic's ingest pipelines remove event.original without this.
        if has_original {
            w.element_text("preserve_original_event");
        }
    });
}

fn write_event(
    record: &Record<'_>,
    event: &Event<'_>,
    status: &Status<'_>,
    original: Option<&str>,
    w: &mut Writer,
) {
    let (categories, types) = category::of(record, event);
    w.object("event", |w| {
        w.text("kind", category::kind(event));
        w.texts("category", categories);
        w.texts("type", types);
        w.text_opt("action", category::action(record));
        w.text("outcome", category::outcome(record, event, status));
        w.text_opt("code", record.record_type.and_then(RecordType::name));
        w.text_opt("provider", record.workload.as_ref());
        w.text("module", "o365");
        w.text("dataset", "o365.audit");
        w.text_opt("id", record.id.as_ref());
        w.int("severity", event.severity as i64);
        w.text_opt("reason", status.detail.as_ref());
        w.text_opt("original", original);
    });
}
