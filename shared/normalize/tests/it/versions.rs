//! Events in every version of OCSF that an operator can choose.

use crate::lossless::lost;
use crate::schema;
use normalize::OcsfVersion;
use serde_json::Value;
use std::path::Path;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");

#[test]
fn each_schema_is_of_the_version_it_is_read_for() {
    for version in OcsfVersion::ALL {
        assert_eq!(schema::of(version).version(), version.as_str());
    }
}

#[test]
fn the_fixtures_are_valid_in_every_version_and_lose_nothing() {
    let pairs = include_str!("../fixtures/golden.ndjson").lines();
    let records =
        pairs.map(|line| serde_json::from_str::<Value>(line).expect("a pair")["raw"].clone());
    assert!(check(records) > 100);
}

#[test]
fn the_samples_are_valid_in_every_version_and_lose_nothing() {
    let Ok(files) = std::fs::read_dir(Path::new(SAMPLES)) else {
        return;
    };
    for path in files.filter_map(|file| Some(file.ok()?.path())) {
        if path.extension().is_some_and(|ext| ext == "ndjson") {
            let text = std::fs::read_to_string(&path).expect("a sample file");
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            check(lines.map(|line| {
                let value: Value = serde_json::from_str(line).expect("a sample is JSON");
                if value["ocsf"].is_object() {
                    value["raw"].clone()
                } else {
                    value
                }
            }));
        }
    }
}

/// What is wrong with a record's event in a version.
pub(crate) fn wrong(version: OcsfVersion, record: &Value) -> Vec<String> {
    let event = crate::event_at(version, record.to_string().as_bytes());
    let mut wrong = schema::of(version).findings(&event);
    wrong.extend(lost(record, &event));
    wrong
}

#[track_caller]
fn check(records: impl Iterator<Item = Value>) -> usize {
    let mut bad = Vec::new();
    let mut count = 0;
    for record in records {
        count += 1;
        for version in OcsfVersion::ALL {
            let wrong = wrong(version, &record);
            if !wrong.is_empty() {
                let (kind, operation) = (&record["RecordType"], &record["Operation"]);
                bad.push(format!(
                    "{version} {kind} {operation}: {}",
                    wrong.join("; ")
                ));
            }
        }
    }
    assert!(bad.is_empty(), "{} wrong\n{}", bad.len(), bad.join("\n"));
    count
}
