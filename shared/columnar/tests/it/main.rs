//! The columns against the official schema, and files against the events they were made of.
#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails as loudly as the test"
)]

mod files;
mod schema;

use std::path::Path;

use normalize::{Context, Options, RawData};
use serde_json::Value;

const FIXTURES: &str = include_str!("../../../normalize/tests/fixtures/golden.ndjson");

/// Raw records beside the repository; tests pass without them.
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");

/// An event of every fixture, and of every sample that is there, as normalize writes it.
fn events() -> Vec<Vec<u8>> {
    let mut records: Vec<Vec<u8>> = FIXTURES
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["raw"]
                .to_string()
                .into_bytes()
        })
        .collect();
    let files = std::fs::read_dir(Path::new(SAMPLES)).into_iter().flatten();
    for path in files.map(|file| file.unwrap().path()) {
        if path.extension().is_some_and(|of| of == "ndjson")
            && !path.ends_with("golden_pairs.ndjson")
        {
            let text = std::fs::read(&path).unwrap();
            records.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
    }
    records.retain(|record| !record.trim_ascii().is_empty());
    // What is no record, or not wholly one, has events too.
    records.push(b"no record".to_vec());
    records.push(br#"{"Id":7,"CreationTime":"never"}"#.to_vec());
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
            normalize::event(record, &context, &mut event);
            events.push(event.trim_ascii_end().to_vec());
        }
    }
    events
}
