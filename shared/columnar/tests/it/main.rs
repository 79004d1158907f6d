//! The columns against the official schema, and files against the events they were made of.
#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails as loudly as the test"
)]

mod files;
mod schema;

use normalize::{Context, Options, RawData};
use serde_json::Value;

const FIXTURES: &str = include_str!("../../../normalize/tests/fixtures/golden.ndjson");

/// An event of every fixture, as normalize writes it.
fn events() -> Vec<Vec<u8>> {
    let fixtures = FIXTURES.lines().map(|line| {
        let fixture: Value = serde_json::from_str(line).unwrap();
        fixture["raw"].to_string()
    });
    let mut records: Vec<_> = fixtures.collect();
    // What is no record, or not wholly one, has events too.
    records.push("no record".to_owned());
    records.push(r#"{"Id":7,"CreationTime":"never"}"#.to_owned());
    let mut events = Vec::new();
    for raw_data in [RawData::Unmapped, RawData::Always] {
        let options = Options {
            raw_data,
            ..Options::default()
        };
        let context = Context {
            content_type: Some("Audit.General"),
            content_created_ms: Some(1_772_359_200_000),
            options: &options,
        };
        for record in &records {
            let mut event = Vec::new();
            normalize::event(record.as_bytes(), &context, &mut event);
            events.push(event.trim_ascii_end().to_vec());
        }
    }
    events
}
