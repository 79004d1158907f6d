//! What is in a record is in its event.

use serde_json::Value;
use std::collections::HashSet;

/// Members whose words become numbers of OCSF: the number says what the word said.
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

/// Words that say "no value".
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

/// The leaves of a record that its event has lost.
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

/// A changed property without old and new value says nothing.
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

/// The types in Actor and Target say which attribute an id is in.
fn is_identity_type(key: &str, text: &str) -> bool {
    matches!(key, "Actor" | "Target") && text.len() <= 2
}

/// Addresses in canonical form, times as epoch, a verdict as a finding, a part of a path.
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

/// A number of more digits than a double holds is kept with all of them; the reader of this test has lost some, and serde_json
/// may be off in the last place.
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
        // What data loss prevention matched is redacted.
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "DetectedValues")
            .for_each(|(_, value)| leaves(value, visit)),
    }
}

/// Names too: lists of names and values become objects.
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
