//! From record to event: parse, redact, filter, map, write, and convert to the requested version.

use crate::json::{Doc, Writer};
use crate::ocsf::envelope::{self, Provenance};
use crate::ocsf::{Event, malformed};
use crate::options::{Options, RawData, Schema};
use crate::outcome::{self, Outcome};
use crate::record::{self, Malformed, Record, Who};
use crate::rules::{Action, Decision, RecordFacts};
use crate::version::OcsfVersion;
use crate::{ecs, mapping, project, redact};
use std::borrow::Cow;

/// What an event depends on besides its record.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The subscription that the record was fetched by, such as `Audit.Exchange`.
    pub content_type: Option<&'a str>,
    /// The blob's contentCreated, in milliseconds since 1970: the event's time when the record has no readable time.
    pub content_created_ms: Option<i64>,
    /// The settings of the deployment.
    pub options: &'a Options,
}

impl<'a> Context<'a> {
    fn provenance(&self) -> Provenance<'a> {
        Provenance {
            content_type: self.content_type,
            content_created_ms: self.content_created_ms,
        }
    }
}

/// Bytes reserved for the attributes at the start of an event. A smaller guess costs a copy.
const HEAD_BYTES: usize = 1_024;

/// Appends the record's event to `out` as one line of NDJSON with its `\n`. Appends nothing when the filter drops the
/// record.
///
/// Any bytes give a valid event: bytes that are not a record become a Base Event (class 0) with their text. Secrets are
/// redacted, in `raw_data` too, unless [`Options::redact`] is off.
pub fn event<'r>(record: &'r [u8], context: &Context<'_>, out: &mut Vec<u8>) -> Outcome<'r> {
    match record::read(record) {
        Ok(tree) => write(record, tree.doc(), context, out),
        Err(malformed) => in_version(context.options, out, |out| {
            unread(record, &malformed, context, out)
        }),
    }
}

/// The same as [`fn@event`], for a record that has been parsed.
pub(crate) fn write<'r>(
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
        // Few records hold a secret, so parsing these again is cheaper than checking every value that is written.
        match record::read(&clean) {
            Ok(tree) => mapped(&clean, tree.doc(), doc, context, out),
            Err(malformed) => unread(&clean, &malformed, context, out),
        }
    })
}

/// Converts what `write` appends, an event of OCSF 1.8.0 or an ECS document, to the requested version of OCSF.
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

/// Writes the event for bytes that are not a record.
fn unread<'r>(
    record: &[u8],
    malformed: &Malformed,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> Outcome<'r> {
    let text = unread_text(record, context.options);
    let write = match context.options.schema {
        Schema::Ocsf => malformed::write,
        Schema::Ecs => ecs::write_malformed,
    };
    write(malformed, &context.provenance(), text.as_deref(), out);
    Outcome {
        decision: Decision::KEPT,
        unknown: None,
    }
}

/// The text of bytes that are not a record, with U+FFFD for what is not UTF-8. `None` when they may hold a secret: it
/// cannot be redacted here, so the text stays in the raw copy alone.
fn unread_text<'a>(record: &'a [u8], options: &Options) -> Option<Cow<'a, str>> {
    let left_out = record.is_empty()
        || options.raw_data == RawData::Never
        || (options.redact && redact::may_hold(record));
    (!left_out).then(|| String::from_utf8_lossy(record))
}

/// Writes the event of a record that was parsed. `original` is its text before secrets were redacted.
fn mapped<'r>(
    record: &[u8],
    doc: Doc<'_, '_>,
    original: Doc<'_, 'r>,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> Outcome<'r> {
    let options = context.options;
    let parsed = Record::new(doc);
    // Without rules, the facts that rules look at are not read.
    let has_rules = !options.filter.is_empty() || !options.severity.is_empty();
    let facts = has_rules.then(|| RecordFacts::of_record(&parsed, context.content_type));
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
        // ECS documents are written from the record; the OCSF attributes that the mapping writes are discarded.
        Schema::Ecs => Vec::new(),
    });
    let (who, matched_by) = mapping::map(&parsed, &mut event);
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
        unknown: outcome::unknown(original, &parsed, matched_by),
    };
    match options.schema {
        Schema::Ocsf => {
            let text = text.as_deref();
            *out = write_ocsf(&parsed, event, &who, context, text, from);
        }
        Schema::Ecs => ecs::write(
            &parsed,
            event,
            &who,
            &context.provenance(),
            text.as_deref(),
            out,
        ),
    }
    outcome
}

/// Writes the attributes before and after those of the record's class, which are in the event already, from `from` on.
/// Returns the whole buffer.
fn write_ocsf<'a>(
    record: &Record<'a>,
    mut event: Event<'a>,
    who: &Who<'a>,
    context: &Context<'_>,
    text: Option<&str>,
    from: usize,
) -> Vec<u8> {
    let (who, provenance) = (who.shown(record), context.provenance());
    let mut head = Writer::new(Vec::with_capacity(HEAD_BYTES));
    envelope::write_head(record, &mut event, &provenance, &who, &mut head);
    envelope::write_metadata(record, &mut event, &provenance);
    envelope::write_cloud(record, &mut event);
    envelope::write_unmapped(record, &mut event);
    event.write_observables();
    event.body.text_opt("raw_data", text);
    let mut head = head.into_bytes();
    head.push(b',');
    let mut out = event.body.into_bytes();
    // The first attributes depend on everything after them, so they are written last.
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

#[cfg(test)]
mod tests {
    use crate::{Context, Options, RawData};

    const SECRET: &str = r#"{"Id":"a","Operation":"DlpRuleMatch","RecordType":13,"PolicyDetails":[{"PolicyName":"p","Rules":[
        {"ConditionsMatched":{"SensitiveInformation":[{"Count":1,"SensitiveInformationDetections":
        {"DetectedValues":[{"Name":"4111111111111111","Value":"card 4111111111111111"}],"ResultsTruncated":false}}]}}]}]}"#;

    fn event(record: &[u8], raw_data: RawData) -> String {
        let mut out = Vec::new();
        let options = Options {
            raw_data,
            ..Options::default()
        };
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        crate::event(record, &context, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn matched_secrets_are_redacted_in_the_event() {
        for raw_data in [RawData::Always, RawData::Unmapped, RawData::Never] {
            let event = event(SECRET.as_bytes(), raw_data);
            assert!(!event.contains("4111"), "{event}");
            assert!(event.contains("ResultsTruncated"), "{event}");
        }
        let cut = &SECRET.as_bytes()[..SECRET.len() - 2];
        assert!(!event(cut, RawData::Always).contains("4111"));
    }

    #[test]
    fn without_redaction_the_event_keeps_secrets() {
        let options = Options {
            redact: false,
            ..Options::default()
        };
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        for record in [SECRET, &SECRET[..SECRET.len() - 2]] {
            let mut out = Vec::new();
            crate::event(record.as_bytes(), &context, &mut out);
            assert!(String::from_utf8_lossy(&out).contains("4111"), "{record}");
        }
    }

    #[test]
    fn raw_data_follows_its_setting() {
        let check = |record: &str, raw_data: RawData, expect: bool| {
            let event = event(record.as_bytes(), raw_data);
            assert_eq!(
                event.contains(r#""raw_data":"#),
                expect,
                "{record} {raw_data:?}"
            );
        };
        let good = r#"{"Id":"a","Operation":"ViewReport","RecordType":20}"#;
        check(good, RawData::Always, true);
        check(good, RawData::Unmapped, false);
        check("no record", RawData::Unmapped, true);
        check("no record", RawData::Never, false);
        check(r#"{"Id":"a"}"#, RawData::Unmapped, true);
        check(
            r#"{"Id":"a","Operation":"x","Id":"b"}"#,
            RawData::Unmapped,
            true,
        );
        check(
            r#"{"Id":"a","Operation":"x","Subject":"\ud83d"}"#,
            RawData::Unmapped,
            true,
        );
    }
}
