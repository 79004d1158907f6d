//! Worked examples: a record and the event that it must become.

use crate::schema;
use normalize::OcsfVersion;
use serde_json::Value;
use std::path::Path;

/// Further examples, whose licences keep them out of the repository; checked where they lie beside it.
const MORE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/samples/golden_pairs.ndjson"
);

#[test]
fn the_fixtures_become_their_events() {
    assert!(check(include_str!("../fixtures/golden.ndjson")) > 100);
}

#[test]
fn more_examples_become_their_events() {
    if let Ok(pairs) = std::fs::read_to_string(Path::new(MORE)) {
        check(&pairs);
    }
}

#[track_caller]
fn check(pairs: &str) -> usize {
    let mut wrong = Vec::new();
    for (number, line) in pairs.lines().enumerate() {
        let pair: Value = serde_json::from_str(line).expect("a pair is JSON");
        let event = crate::event(pair["raw"].to_string().as_bytes());
        let expect = canonical(pair["ocsf"].clone());
        let mut differences = schema::of(OcsfVersion::V1_8).findings(&event);
        compare(&expect, &canonical(event), "", &mut differences);
        if !differences.is_empty() {
            wrong.push(format!(
                "pair {number}, {}:\n  {}",
                pair["raw"]["Operation"],
                differences.join("\n  ")
            ));
        }
    }
    let count = pairs.lines().count();
    assert!(
        wrong.is_empty(),
        "{} of {count} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    count
}

/// Observables are a set: their order means nothing.
///
/// In DLP findings the examples index the agent that wrote the record (UserId) under `actor.user.name`, where the event
/// has the person who sent or shared the data. An observable must lead to its value, so those are left out here.
fn canonical(mut event: Value) -> Value {
    let dlp = event["class_uid"] == 2006;
    if let Some(observables) = event["observables"].as_array_mut() {
        observables.retain(|observable| {
            !(dlp
                && observable["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("actor.")))
        });
        observables.sort_by_key(Value::to_string);
    }
    event
}

fn compare(expect: &Value, got: &Value, path: &str, differences: &mut Vec<String>) {
    match (expect, got) {
        (Value::Object(expect), Value::Object(got)) => {
            for key in expect.keys().filter(|key| !got.contains_key(*key)) {
                differences.push(format!("{path}.{key} is missing: {}", expect[key]));
            }
            for (key, value) in got {
                match expect.get(key) {
                    Some(expect) => compare(expect, value, &format!("{path}.{key}"), differences),
                    None => differences.push(format!("{path}.{key} is too much: {value}")),
                }
            }
        }
        (expect, got) if expect != got => {
            differences.push(format!("{path}: {got} should be {expect}"));
        }
        _ => {}
    }
}
