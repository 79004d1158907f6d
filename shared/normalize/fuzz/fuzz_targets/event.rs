//! Any bytes become one valid event that loses nothing of the record, the same each time.
//!
//! The checks are those of the crate's own tests, compiled in from there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use normalize::{Context, Options, identify, split};
use serde::de::IgnoredAny;
use serde_json::Value;

#[path = "../../tests/it/lossless.rs"]
mod lossless;
#[path = "../../tests/it/schema.rs"]
mod schema;

/// Appends the record's event to what is there already.
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

fuzz_target!(|record: &[u8]| {
    let (mut once, mut twice) = (Vec::new(), b"before".to_vec());
    append(record, true, &mut once);
    append(record, true, &mut twice);
    assert_eq!(twice[6..], once, "the event is a function of the record");
    let line = once.strip_suffix(b"\n").expect("an event ends its line");
    assert!(!line.contains(&b'\n'), "an event is one line");
    serde_json::from_slice::<IgnoredAny>(line).expect("an event is JSON");
    drop(split(record));

    // JSON allows numbers that no double holds; what comes in so goes out so, and cannot be looked into here.
    let Ok(event) = serde_json::from_slice::<Value>(line) else {
        return;
    };
    assert_eq!(schema::OCSF.findings(&event), Vec::<String>::new());
    if let Ok(identity) = identify(record) {
        assert_eq!(event["metadata"]["uid"].as_str(), identity.id.as_deref());
        // Redaction is meant to lose something.
        let mut whole = Vec::new();
        append(record, false, &mut whole);
        if let (Ok(record), Ok(event)) = (
            serde_json::from_slice::<Value>(record),
            serde_json::from_slice::<Value>(&whole),
        ) {
            assert_eq!(lossless::lost(&record, &event), Vec::<String>::new());
        }
    }
});
