//! Properties that hold for any bytes. The fuzz target includes this file, so it checks the same as the tests.

use crate::lossless::lost;
use crate::schema;
use normalize::{Context, OcsfVersion, Options, identify, redact_element};
use serde::de::IgnoredAny;
use serde_json::Value;

/// Appends the record's event to `out`.
fn append(record: &[u8], redact: bool, out: &mut Vec<u8>) {
    let options = Options {
        redact,
        ..Options::default()
    };
    let context = Context {
        content_type: Some("Audit.General"),
        content_created_ms: Some(1),
        options: &options,
    };
    normalize::event(record, &context, out);
}

/// Everything that is wrong with the event of a record.
pub(crate) fn findings(record: &[u8]) -> Vec<String> {
    let (mut once, mut twice) = (Vec::new(), b"before".to_vec());
    append(record, true, &mut once);
    append(record, true, &mut twice);
    let mut findings = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            findings.push(what.to_owned());
        }
    };
    expect(
        twice[6..] == once,
        "the second event differs from the first",
    );
    let line = once.strip_suffix(b"\n").unwrap_or_default();
    let is_line = !line.is_empty() && !line.contains(&b'\n');
    expect(is_line, "the event is not one line");
    let is_json = serde_json::from_slice::<IgnoredAny>(line).is_ok();
    expect(is_json, "the event is not JSON");
    drop(redact_element(record));

    // JSON allows numbers that no double can hold. They are copied to the event, which then cannot be parsed here.
    let Ok(event) = serde_json::from_slice::<Value>(line) else {
        return findings;
    };
    if let Ok(identity) = identify(record) {
        let is_named = event["metadata"]["uid"].as_str() == identity.id.as_deref();
        expect(is_named, "the event's id is not the record's");
    }
    findings.extend(schema::of(OcsfVersion::default()).findings(&event));
    // With redaction, the event is meant to lose something.
    let mut whole = Vec::new();
    append(record, false, &mut whole);
    if let (Ok(record), Ok(event)) = (
        serde_json::from_slice::<Value>(record),
        serde_json::from_slice::<Value>(&whole),
    ) {
        findings.extend(lost(&record, &event));
    }
    findings
}
