//! Every sample record that lies beside the repository: valid, lossless, one event.

use crate::lossless::lost;
use crate::schema;
use normalize::OcsfVersion;
use serde_json::Value;
use std::path::Path;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");

#[test]
fn every_sample_becomes_a_valid_event_that_loses_nothing() {
    let Ok(files) = std::fs::read_dir(Path::new(SAMPLES)) else {
        return;
    };
    let mut wrong = Vec::new();
    for path in files.filter_map(|file| Some(file.ok()?.path())) {
        let records = path.extension().is_some_and(|ext| ext == "ndjson")
            && !path.ends_with("golden_pairs.ndjson");
        if records {
            let text = std::fs::read_to_string(&path).expect("a sample file");
            wrong.extend(
                text.lines()
                    .filter(|line| !line.trim().is_empty())
                    .filter_map(check),
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// What is wrong with the event of a record.
fn check(line: &str) -> Option<String> {
    let record: Value = serde_json::from_str(line).expect("a sample is JSON");
    let event = crate::event(line.as_bytes());
    let mut wrong = schema::of(OcsfVersion::V1_8).findings(&event);
    wrong.extend(lost(&record, &event));
    if record["Id"].is_string() && event["metadata"]["uid"] != record["Id"] {
        wrong.push("metadata.uid is not Id".to_owned());
    }
    if record["OrganizationId"].is_string()
        && !record["Operation"].is_null()
        && event["cloud"]["account"]["uid"] != record["OrganizationId"]
    {
        wrong.push("cloud.account.uid is not OrganizationId".to_owned());
    }
    (!wrong.is_empty()).then(|| {
        format!(
            "{} {}: {}",
            record["RecordType"],
            record["Operation"],
            wrong.join("; ")
        )
    })
}
