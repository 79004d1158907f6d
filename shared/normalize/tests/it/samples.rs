//! Further records, if any are given: one valid event each, without loss.

use crate::further_records::further_records;
use crate::lossless::lost;
use crate::schema;
use normalize::OcsfVersion;
use serde_json::Value;

#[test]
fn every_sample_becomes_a_valid_event_that_loses_nothing() {
    let records = further_records("samples");
    let wrong: Vec<_> = records
        .iter()
        .filter_map(|(record, _)| check(record))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

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
