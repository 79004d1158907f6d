//! Events in every version of OCSF that an operator can choose.

use crate::further_records::further_records;
use crate::lossless::lost;
use crate::schema;
use normalize::OcsfVersion;
use serde_json::Value;

#[test]
fn each_schema_is_of_the_version_it_is_loaded_for() {
    for version in OcsfVersion::ALL {
        assert_eq!(schema::of(version).version(), version.as_str());
    }
}

#[test]
fn the_fixtures_are_valid_and_lossless_in_every_version() {
    let pairs = include_str!("../fixtures/golden.ndjson").lines();
    let records =
        pairs.map(|line| serde_json::from_str::<Value>(line).expect("a pair")["raw"].clone());
    assert!(check(records) > 100);
}

#[test]
fn the_samples_are_valid_and_lossless_in_every_version() {
    let records = further_records("versions").into_iter();
    check(records.map(|(text, _)| serde_json::from_str(&text).expect("a sample is JSON")));
}

/// What is wrong with a record's event in a version of OCSF.
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
