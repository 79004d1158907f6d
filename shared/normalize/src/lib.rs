//! Office 365 Management Activity records to OCSF events, or to documents of the Elastic Common Schema: bytes in, bytes out.
//!
//! Pure: no I/O, no clock, no async. Total: every byte string becomes a valid OCSF event (or ECS 8.11.0 document), and what no
//! rule understands is kept in it. Deterministic: the event is a function of the record and the [`Context`].

mod address;
mod api;
mod apps;
mod class;
mod cmdlet;
mod copilot;
mod directory;
mod dlp;
mod ecs;
mod email;
mod envelope;
mod event;
mod file;
mod findings;
mod identify;
mod identity;
mod index;
mod json;
mod mail_threat;
mod mailbox;
mod name_values;
mod options;
mod origin;
mod project;
mod quarantine;
mod raw;
mod record;
mod record_types;
mod resource;
mod route;
mod sharepoint;
mod sharing;
mod signin;
mod split;
mod status;
mod teams;
mod time;
mod verbs;
mod version;

pub use identify::{Identity, Malformed, identify};
pub use options::{Options, RawData, Schema, UnknownSchema};
pub use split::{BLOB_DEPTH_MAX, BlobError, RECORDS_MAX, split};
pub use version::{OcsfVersion, UnknownVersion};

use event::Event;
use json::Writer;
use record::Record;

/// What an event needs to know beyond its record.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// `Audit.Exchange` and the like: the subscription that the record came by.
    pub content_type: Option<&'a str>,
    /// The blob's contentCreated in milliseconds since 1970: the event's time when the record has none that can be read.
    pub content_created_ms: Option<i64>,
    /// How the deployment wants its events.
    pub options: &'a Options,
}

/// Room made for an event: what every event says, in bytes, and what it says of its record, as a multiple of it (measured: 2.05
/// times in all on the mix, more on short records). A guess too low costs a copy.
const EVENT_BYTES: usize = 1_024;
const EVENT_PER_RECORD_BYTES: usize = 2;

/// Appends the record's event to `out`, as one line of NDJSON with its `\n`.
///
/// Any bytes give a valid event: what is no record at all becomes a Base Event (class 0) around its text. The texts that
/// data loss prevention matched (`DetectedValues`) are redacted, in `raw_data` too.
pub fn event(record: &[u8], context: &Context<'_>, out: &mut Vec<u8>) {
    let from = out.len();
    write(record, context, out);
    let options = context.options;
    if options.schema == Schema::Ocsf && options.version < OcsfVersion::V1_8 {
        project::down(options.version, from, out);
    }
}

/// Writes the event as OCSF 1.8.0, or as a document of ECS.
fn write(record: &[u8], context: &Context<'_>, out: &mut Vec<u8>) {
    match identify::read(record) {
        Ok(doc) => {
            let whole = !doc.lossy;
            let parsed = Record::new(&doc);
            let mut event = Event::new(Vec::with_capacity(
                record.len() * EVENT_PER_RECORD_BYTES + EVENT_BYTES,
            ));
            let origin = route::map(&parsed, &mut event);
            let keep = match context.options.raw_data {
                RawData::Always => true,
                RawData::Unmapped => parsed.nameless || !whole,
                RawData::Never => false,
            };
            if context.options.schema == Schema::Ecs {
                let original = keep.then(|| raw::text(record, &doc));
                return ecs::write(&parsed, event, &origin, context, original.as_deref(), out);
            }
            let who = origin.shown(&parsed);
            out.push(b'{');
            let mut head = Writer::new(std::mem::take(out));
            envelope::write_head(&parsed, &mut event, context, &who, &mut head);
            *out = head.into_bytes();
            envelope::write_metadata(&parsed, &mut event, context);
            envelope::write_cloud(&parsed, &mut event);
            envelope::write_unmapped(&parsed, &mut event);
            event.write_observables();
            if keep {
                raw::write(record, &doc, &mut event.body);
            }
            out.push(b',');
            out.extend_from_slice(&event.body.into_bytes());
            out.extend_from_slice(b"}\n");
        }
        Err(malformed) if context.options.schema == Schema::Ecs => {
            ecs::write_malformed(record, &malformed, context, out);
        }
        Err(malformed) => raw::write_malformed(record, &malformed, context, out),
    }
}
