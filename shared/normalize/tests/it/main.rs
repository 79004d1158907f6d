//! Events against the official schema, against worked examples, and for any input.

#![expect(
    clippy::expect_used,
    reason = "a test fails loudly, and says what it expected"
)]

mod corpus;
mod fixtures;
mod golden;
mod lossless;
mod mapping;
mod properties;
mod samples;
mod schema;

use serde_json::Value;

/// The event of a record, by default settings.
fn event(record: &[u8]) -> Value {
    let mut out = Vec::new();
    let options = normalize::Options::default();
    let context = normalize::Context {
        content_type: None,
        content_created_ms: None,
        options: &options,
    };
    normalize::event(record, &context, &mut out);
    let line = out.strip_suffix(b"\n").expect("an event ends its line");
    assert!(!line.contains(&b'\n'), "an event is one line");
    serde_json::from_slice(line).expect("an event is JSON")
}
