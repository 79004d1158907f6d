//! Events checked against the official schema, against worked examples, and for any input.

#![expect(
    clippy::expect_used,
    reason = "a test fails loudly, and says what it expected"
)]

mod any_input;
mod cmdlets;
mod corpus;
mod ecs;
mod ecs_schema;
mod fixtures;
mod further_records;
mod golden;
mod kinds;
mod lossless;
mod mapping;
mod properties;
mod redaction;
mod samples;
mod schema;
mod table;
mod validator;
mod versions;

use normalize::{Context, OcsfVersion, Options};
use serde_json::Value;

/// The event of a record with default settings.
fn event(record: &[u8]) -> Value {
    event_at(OcsfVersion::default(), record)
}

/// The event of a record in a version of OCSF.
fn event_at(version: OcsfVersion, record: &[u8]) -> Value {
    let options = Options {
        version,
        ..Options::default()
    };
    event_with(record, &options)
}

fn event_with(record: &[u8], options: &Options) -> Value {
    let mut out = Vec::new();
    let context = Context {
        content_type: None,
        content_created_ms: None,
        options,
    };
    normalize::event(record, &context, &mut out);
    let line = out.strip_suffix(b"\n").expect("an event ends its line");
    assert!(!line.contains(&b'\n'), "an event is one line");
    serde_json::from_slice(line).expect("an event is JSON")
}

/// Everything that is wrong with a record's event, in any version of OCSF.
fn findings_in_any_version(record: &[u8]) -> Vec<String> {
    let in_version = |version: OcsfVersion| {
        let findings = schema::of(version).findings(&event_at(version, record));
        findings
            .into_iter()
            .map(move |finding| format!("{version}: {finding}"))
    };
    OcsfVersion::ALL.into_iter().flat_map(in_version).collect()
}
