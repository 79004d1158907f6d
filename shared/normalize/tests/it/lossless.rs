//! Checks that everything in a record is in its event.

use serde_json::Value;
use std::collections::HashSet;

/// Members whose values become numbers of OCSF: the number means the same.
const RECODED: &[&str] = &[
    "AlertSeverity",
    "CompletionStatus",
    "IsSuccess",
    "ItemType",
    "ResultStatus",
    "RiskLevel",
    "Severity",
    "Status",
    "UserType",
];

/// Words for "no value".
const NOISE: &[&str] = &[
    "Not Available",
    "__NULL__",
    "<null>",
    "null",
    "None",
    "Unknown",
    "N/A",
    "[]",
    "{}",
];

/// The values of a record that its event has lost.
pub(crate) fn lost(record: &Value, event: &Value) -> Vec<String> {
    let mut kept = HashSet::new();
    let mut texts = Vec::new();
    leaves_and_names(event, &mut |text| {
        texts.push(text.to_owned());
        kept.insert(text.to_owned());
    });
    let mut lost = Vec::new();
    for (key, value) in record.as_object().into_iter().flatten() {
        if RECODED.contains(&key.as_str()) {
            continue;
        }
        let value = without_empty_changes(value);
        leaves(&value, &mut |text| {
            let says = text.trim();
            let present = kept.contains(text)
                || says.is_empty()
                || NOISE.contains(&says)
                || is_identity_type(key, says);
            if !present && !stands_otherwise(key, says, &texts) {
                lost.push(format!("{key}: {text:?}"));
            }
        });
    }
    lost
}

/// A changed property without an old and a new value holds nothing to keep.
fn without_empty_changes(value: &Value) -> Value {
    let blank = |value: &Value| {
        value.is_null()
            || value
                .as_str()
                .is_some_and(|text| matches!(text.trim(), "" | "[]" | "{}"))
    };
    let mut value = value.clone();
    if let Some(list) = value.as_array_mut() {
        list.retain(|entry| {
            let named = entry["Name"].is_string() && entry.get("Value").is_none();
            !(named && blank(&entry["OldValue"]) && blank(&entry["NewValue"]))
        });
    }
    value
}

/// Types in Actor and Target decide which attribute an id is written to.
fn is_identity_type(key: &str, text: &str) -> bool {
    matches!(key, "Actor" | "Target") && text.len() <= 2
}

/// Whether the text is in the event in another form: addresses in canonical form, times as epoch, a verdict as a
/// finding, a part of a path.
fn stands_otherwise(key: &str, text: &str, texts: &[String]) -> bool {
    match key {
        "ClientIP" | "ClientIPAddress" | "ActorIpAddress" | "ActorIP" | "ClientIp" | "UserIp"
        | "SenderIp" => true,
        "LastModifiedDate" => true,
        "FileData" => text == "1",
        _ => texts
            .iter()
            .any(|kept| kept.contains(text.trim_end_matches('/')) || is_same_double(kept, text)),
    }
}

/// A number with more digits than a double holds keeps all of them, but the parser of this test rounds it, and
/// serde_json may be off in the last digit.
fn is_same_double(kept: &str, text: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    let (kept, read) = (number(kept), number(text));
    text.contains(['e', '.']) && (kept - read).abs() <= read.abs() * 1e-14
}

fn leaves(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Null => {}
        Value::Bool(value) => visit(if *value { "true" } else { "false" }),
        Value::Number(number) => visit(&number.to_string()),
        Value::String(text) => visit(text),
        Value::Array(list) => list.iter().for_each(|value| leaves(value, visit)),
        // Text matched by data loss prevention is redacted.
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "DetectedValues")
            .for_each(|(_, value)| leaves(value, visit)),
    }
}

/// Names as well as values: lists of names and values become objects.
fn leaves_and_names(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| leaves_and_names(value, visit)),
        Value::Object(members) => {
            for (name, value) in members {
                visit(name);
                leaves_and_names(value, visit);
            }
        }
        leaf => leaves(leaf, visit),
    }
}
