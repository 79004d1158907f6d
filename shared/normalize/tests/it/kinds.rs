//! Kinds of records that parsers often read wrongly: what each must say.

mod addresses;
mod computers;
mod people;
mod rights;
mod sign_ins;
mod values;

use serde_json::Value;

/// Checks values at pointers of a record's event, in the newest version; the event must be valid in all.
#[track_caller]
fn says(record: &Value, expect: &[(&str, Value)]) {
    let text = record.to_string();
    assert_eq!(
        crate::findings_in_any_version(text.as_bytes()),
        Vec::<String>::new()
    );
    let event = crate::event(text.as_bytes());
    for (pointer, expect) in expect {
        let got = event.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(got, expect, "{pointer} of {event:#}");
    }
}

/// Whether an event indexes a value under a type of observable.
fn indexes(record: &Value, type_id: i64, value: &str) -> bool {
    let event = crate::event(record.to_string().as_bytes());
    let listed = event["observables"].as_array().into_iter().flatten();
    listed
        .filter(|found| found["type_id"] == type_id)
        .any(|found| found["value"] == value)
}

/// A record with its common members, and more.
fn record(record_type: i64, operation: &str, more: Value) -> Value {
    let mut record = serde_json::json!({
        "Id": "a", "RecordType": record_type, "Operation": operation, "UserType": 0,
        "UserId": "alex@contoso.example", "CreationTime": "2026-03-01T10:00:00",
    });
    let (Value::Object(more), Some(members)) = (more, record.as_object_mut()) else {
        panic!("not an object")
    };
    members.extend(more);
    record
}
