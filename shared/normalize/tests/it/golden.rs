//! Worked examples: a record and its expected event.

use crate::further_records::further_records;
use crate::schema;
use normalize::OcsfVersion;
use serde_json::Value;

#[test]
fn the_fixtures_become_their_events() {
    let lines = include_str!("../fixtures/golden.ndjson").lines();
    let pairs = lines.map(|line| {
        let pair: Value = serde_json::from_str(line).expect("a pair is JSON");
        (pair["raw"].to_string(), pair["ocsf"].clone())
    });
    assert!(check(pairs) > 100);
}

#[test]
fn further_examples_become_their_events() {
    let records = further_records("golden").into_iter();
    check(records.filter_map(|(raw, event)| Some((raw, event?))));
}

#[track_caller]
fn check(pairs: impl Iterator<Item = (String, Value)>) -> usize {
    let (mut count, mut wrong) = (0, Vec::new());
    for (raw, expect) in pairs {
        count += 1;
        let event = crate::event(raw.as_bytes());
        let expect = canonical(expect);
        let mut differences = schema::of(OcsfVersion::V1_8).findings(&event);
        compare(&expect, &canonical(event), "", &mut differences);
        if !differences.is_empty() {
            wrong.push(format!("{raw}:\n  {}", differences.join("\n  ")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    count
}

/// Sorts the observables, whose order has no meaning. Removes the ones that do not count.
///
/// In DLP findings, the examples index the agent that wrote the record (UserId) under `actor.user.name`, where the
/// event has the person who sent or shared the data. An observable must refer to a value in the event, so these are
/// left out.
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
