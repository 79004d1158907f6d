//! Office 365 Management Activity records to OCSF events, or to documents of the Elastic Common Schema: bytes in, bytes out.
//!
//! Pure: no I/O, no clock, no async. Total: every byte string becomes a valid OCSF event (or ECS 8.11.0 document), and what no
//! rule understands is kept in it. Deterministic: the event is a function of the record and the [`Context`].

mod address;
mod api;
mod apps;
mod batch;
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
mod filter;
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
mod outcome;
mod project;
mod quarantine;
mod raw;
mod record;
mod record_types;
mod redact;
mod resource;
mod route;
mod rules;
mod severity_rules;
mod sharepoint;
mod sharing;
mod signin;
mod status;
mod teams;
mod time;
mod verbs;
mod version;

pub use batch::Batch;
pub use filter::{Action, Decision, Filter, ROUTES_MAX};
pub use identify::{Identity, Malformed, identify};
pub use options::{Options, RawData, Schema, UnknownSchema};
pub use outcome::{Outcome, Unknown};
pub use redact::{may_hold_secrets, redact};
pub use rules::{Facts, RULES_BYTES_MAX, RULES_MAX, RulesError, VALUES_MAX};
pub use severity_rules::SeverityRules;
pub use version::{OcsfVersion, UnknownVersion};

use event::Event;
use json::{Doc, Writer};
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

/// Room made for what stands at the beginning of an event, in bytes. A guess too low costs a copy.
const HEAD_BYTES: usize = 1_024;

/// Appends the record's event to `out`, as one line of NDJSON with its `\n`; nothing when the filter drops the record.
///
/// Any bytes give a valid event: what is no record at all becomes a Base Event (class 0) around its text. Secrets are
/// redacted, in `raw_data` too, unless [`Options::redact`] is off.
pub fn event<'r>(record: &'r [u8], context: &Context<'_>, out: &mut Vec<u8>) -> Outcome<'r> {
    match identify::read(record) {
        Ok(tree) => write(record, tree.doc(), context, out),
        Err(malformed) => in_version(context.options, out, |out| {
            unread(record, &malformed, context, out)
        }),
    }
}

/// As [`fn@event`], of a record that was read already.
fn write<'r>(
    record: &'r [u8],
    doc: Doc<'_, 'r>,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> Outcome<'r> {
    in_version(context.options, out, |out| {
        let clean = if context.options.redact {
            redact::record(record, doc)
        } else {
            None
        };
        let Some(clean) = clean else {
            return mapped(record, doc, doc, context, out);
        };
        // Few records hold a secret: reading those twice is cheaper than asking at every place where something is written.
        match identify::read(&clean) {
            Ok(tree) => mapped(&clean, tree.doc(), doc, context, out),
            Err(malformed) => unread(&clean, &malformed, context, out),
        }
    })
}

/// What `write` appends as OCSF 1.8.0, or as a document of ECS, in the version of OCSF that is asked for.
fn in_version<'r>(
    options: &Options,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Outcome<'r>,
) -> Outcome<'r> {
    let from = out.len();
    let outcome = write(out);
    let written = out.len() > from;
    if written && options.schema == Schema::Ocsf && options.version < OcsfVersion::V1_8 {
        project::down(options.version, from, out);
    }
    outcome
}

/// An event around what is no record.
fn unread<'r>(
    record: &[u8],
    malformed: &Malformed,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> Outcome<'r> {
    match context.options.schema {
        Schema::Ocsf => raw::write_malformed(record, malformed, context, out),
        Schema::Ecs => ecs::write_malformed(record, malformed, context, out),
    }
    Outcome {
        decision: Decision::KEPT,
        unknown: None,
    }
}

/// The event of a record that could be read. `original` is what it said before secrets were taken out.
fn mapped<'r>(
    record: &[u8],
    doc: Doc<'_, '_>,
    original: Doc<'_, 'r>,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> Outcome<'r> {
    let options = context.options;
    let parsed = Record::new(doc);
    // Nobody pays for rules that are not there.
    let has_rules = !options.filter.is_empty() || !options.severity.is_empty();
    let facts = has_rules.then(|| parsed.facts(context.content_type));
    let decision = facts
        .as_ref()
        .map_or(Decision::KEPT, |facts| options.filter.decide(facts));
    if decision.action == Action::Drop {
        return Outcome {
            decision,
            unknown: None,
        };
    }
    let from = out.len();
    let mut event = Event::new(match options.schema {
        Schema::Ocsf => std::mem::take(out),
        // What the rules write of OCSF is not kept.
        Schema::Ecs => Vec::new(),
    });
    let origin = route::map(&parsed, &mut event);
    if let Some(severity) = facts.and_then(|facts| options.severity.of(&facts)) {
        event.severity = severity;
    }
    let keep = match options.raw_data {
        RawData::Always => true,
        RawData::Unmapped => parsed.nameless || doc.lossy || original.lossy,
        RawData::Never => false,
    };
    let text = keep.then(|| String::from_utf8_lossy(record));
    let outcome = Outcome {
        decision,
        unknown: outcome::unknown(original, &parsed, origin.told),
    };
    match options.schema {
        Schema::Ocsf => {
            let text = text.as_deref();
            *out = write_ocsf(&parsed, event, &origin, context, text, from);
        }
        Schema::Ecs => ecs::write(&parsed, event, &origin, context, text.as_deref(), out),
    }
    outcome
}

/// Writes what stands around the attributes of the record's class: those, from `from` on, are in the event already. Answers with all
/// that its buffer holds then.
fn write_ocsf<'a>(
    record: &Record<'a>,
    mut event: Event<'a>,
    origin: &route::Origin<'a>,
    context: &Context<'_>,
    text: Option<&str>,
    from: usize,
) -> Vec<u8> {
    let who = origin.shown(record);
    let mut head = Writer::new(Vec::with_capacity(HEAD_BYTES));
    envelope::write_head(record, &mut event, context, &who, &mut head);
    envelope::write_metadata(record, &mut event, context);
    envelope::write_cloud(record, &mut event);
    envelope::write_unmapped(record, &mut event);
    event.write_observables();
    event.body.text_opt("raw_data", text);
    let mut head = head.into_bytes();
    head.push(b',');
    let mut out = event.body.into_bytes();
    // What comes first depends on all that comes after it.
    insert(&mut out, from + 1, &head);
    out.extend_from_slice(b"}\n");
    out
}

fn insert(out: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let (end, after) = (out.len(), at + bytes.len());
    out.resize(end + bytes.len(), 0);
    out.copy_within(at..end, after);
    out[at..after].copy_from_slice(bytes);
}
