//! A file says what its events said: read back and compared, value by value.

use std::collections::BTreeMap;

use bytes::Bytes;
use columnar::{Part, Parts};
use parquet::basic::{Compression, Encoding};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn parts(lines: &[Vec<u8>]) -> Vec<Part> {
    let mut parts = Parts::new();
    lines.iter().for_each(|line| parts.push(line).unwrap());
    std::iter::from_fn(|| parts.take_largest().unwrap()).collect()
}

fn reader(part: &Part) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(Bytes::from(part.bytes.clone())).unwrap()
}

fn rows(part: &Part) -> Vec<Row> {
    reader(part)
        .get_row_iter(None)
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

/// A row as JSON, without what is null. `unmapped` and the other free parts are still their text.
fn row_value(row: &Row) -> Value {
    object(row.get_column_iter())
}

fn object<'r>(columns: impl Iterator<Item = (&'r String, &'r Field)>) -> Value {
    let members = columns.filter_map(|(name, field)| Some((name.clone(), value(field)?)));
    Value::Object(members.collect())
}

fn value(field: &Field) -> Option<Value> {
    Some(match field {
        Field::Null => return None,
        Field::Bool(value) => json!(value),
        Field::Int(value) => json!(value),
        Field::Long(value) | Field::TimestampMillis(value) => json!(value),
        Field::Double(value) => json!(value),
        Field::Str(value) => json!(value),
        Field::Group(row) => object(row.get_column_iter()),
        Field::ListInternal(list) => list
            .elements()
            .iter()
            .map(|of| value(of).unwrap_or(Value::Null))
            .collect(),
        other => panic!("{other:?}"),
    })
}

/// Makes values of what the columns hold as JSON text.
fn open_free_parts(event: &mut Value) {
    fn open(value: &mut Value) {
        if let Some(text) = value.as_str() {
            *value = serde_json::from_str(text).unwrap();
        }
    }
    for path in [
        "/unmapped",
        "/api/request/data",
        "/entity/data",
        "/entity_result/data",
    ] {
        event.pointer_mut(path).into_iter().for_each(open);
    }
    for list in ["resources", "evidences"] {
        let elements = event.get_mut(list).and_then(Value::as_array_mut);
        elements
            .into_iter()
            .flatten()
            .filter_map(|of| of.get_mut("data"))
            .for_each(open);
    }
    if let Some(data) = event.pointer_mut("/resource/data") {
        open(data);
    }
}

#[test]
fn every_event_fits_the_columns_and_comes_back_whole() {
    let events = crate::events();
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for event in &events {
        let event: Value = serde_json::from_slice(event).unwrap();
        *expected.entry(sorted(&event).to_string()).or_default() += 1;
    }
    let mut count = 0;
    for part in parts(&events) {
        for row in rows(&part) {
            let mut event = row_value(&row);
            open_free_parts(&mut event);
            let text = sorted(&event).to_string();
            let left = expected
                .get_mut(&text)
                .unwrap_or_else(|| panic!("not an event that was written: {text}"));
            *left = left
                .checked_sub(1)
                .unwrap_or_else(|| panic!("written twice: {text}"));
            count += 1;
        }
    }
    assert_eq!(count, events.len());
    assert!(expected.values().all(|left| *left == 0));
}

/// Members by name: columns have another order than events.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let by_name: BTreeMap<_, _> = members
                .iter()
                .map(|(name, of)| (name.clone(), sorted(of)))
                .collect();
            Value::Object(by_name.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(elements) => elements.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[test]
fn rows_are_sorted_by_time_then_by_uid() {
    let line = |time: i64, uid: &str| {
        format!(r#"{{"class_uid":3002,"time":{time},"metadata":{{"uid":"{uid}"}}}}"#).into_bytes()
    };
    let all = parts(&[
        line(9, "a"),
        line(3, "c"),
        line(9, "A"),
        line(1, "z"),
        line(3, "b"),
    ]);
    let [part] = all.as_slice() else {
        panic!("one file, not {}", all.len());
    };
    let read: Vec<_> = rows(part)
        .iter()
        .map(row_value)
        .map(|row| {
            (
                row["time"].as_i64().unwrap(),
                row["metadata"]["uid"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expect = [(1, "z"), (3, "b"), (3, "c"), (9, "A"), (9, "a")];
    assert_eq!(read, expect.map(|(time, uid)| (time, uid.to_owned())));
    let group = reader(part);
    let group = group.metadata().row_group(0);
    let by = &group.sorting_columns().unwrap()[0];
    assert_eq!(
        group.column(by.column_idx as usize).column_path().string(),
        "time"
    );
    assert!(!by.descending);
}

#[test]
fn an_unknown_class_keeps_its_number_among_the_base_events() {
    let all = parts(&[br#"{"class_uid":9001,"time":1,"made":{"of":"things"}}"#.to_vec()]);
    assert_eq!((all[0].class.name, all[0].rows), ("base_event", 1));
    let row = row_value(&rows(&all[0])[0]);
    assert_eq!(
        row,
        json!({"class_uid": 9001, "time": 1, "unmapped": r#"{"made":{"of":"things"}}"#})
    );
}

#[test]
fn columns_are_zstd_and_pages_within_security_lakes_bounds() {
    // Texts of 20 KB that hardly compress: many pages.
    let text = |at: u32| {
        let mut state = at.wrapping_mul(2_654_435_761) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            char::from(b'a' + (state % 26) as u8)
        };
        (0..20_000).map(|_| next()).collect::<String>()
    };
    let lines: Vec<_> = (0..200)
        .map(|at| {
            let text = text(at);
            format!(
                r#"{{"class_uid":6003,"time":{at},"message":"{text}","unmapped":{{"a":"{text}"}}}}"#
            )
            .into_bytes()
        })
        .collect();
    let all = parts(&lines);
    let reader = reader(&all[0]);
    let group = reader.get_row_group(0).unwrap();
    assert!(group.metadata().total_byte_size() < 256_000_000);
    for at in 0..group.num_columns() {
        let column = group.metadata().column(at);
        assert_eq!(
            column.compression(),
            Compression::ZSTD(Default::default()),
            "{}",
            column.column_path()
        );
        let mut pages = group.get_column_page_reader(at).unwrap();
        while let Some(page) = pages.get_next_page().unwrap() {
            assert!(
                page.buffer().len() <= 1_000_000,
                "{}: {}",
                column.column_path(),
                page.buffer().len()
            );
        }
        if column.column_path().string() == "unmapped" {
            assert!(column.encodings().all(|of| of != Encoding::RLE_DICTIONARY));
        }
    }
}

#[test]
fn where_a_dictionary_is_full_values_stand_for_themselves() {
    let text = |at: usize| format!("{:04}{}", at % 700, "x".repeat(2_000));
    // One a row, and in lists of two.
    let line = |at: usize| {
        let (one, two, three) = (text(at), text(at * 7), text(at * 11));
        format!(
            r#"{{"class_uid":3005,"time":{at},"message":"{one}","privileges":["{two}","{three}"]}}"#
        )
    };
    let lines: Vec<_> = (0..2_000).map(|at| line(at).into_bytes()).collect();
    let all = parts(&lines);
    let read: Vec<_> = rows(&all[0]).iter().map(row_value).collect();
    let expect = lines
        .iter()
        .map(|line| serde_json::from_slice(line).unwrap());
    assert!(read.into_iter().eq(expect.collect::<Vec<Value>>()));
    let reader = reader(&all[0]);
    let group = reader.get_row_group(0).unwrap();
    for at in 0..group.num_columns() {
        let mut pages = group.get_column_page_reader(at).unwrap();
        let mut encodings = BTreeMap::new();
        while let Some(page) = pages.get_next_page().unwrap() {
            assert!(page.buffer().len() <= 1_000_000);
            if page.is_data_page() {
                *encodings.entry(page.encoding().to_string()).or_insert(0) += 1;
            }
        }
        let path = group.metadata().column(at).column_path().string();
        if path == "message" || path.starts_with("privileges") {
            assert!(
                encodings["RLE_DICTIONARY"] > 0 && encodings["PLAIN"] > 1,
                "{path}: {encodings:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// An event of any shape: its known names with values of any type, and names that no column has.
    #[test]
    fn no_value_of_any_event_is_lost(members in prop::collection::btree_map(name(), tree(), 0..8)) {
        let mut event: Map<String, Value> = members.into_iter().collect();
        event.insert("class_uid".to_owned(), json!(2004));
        event.insert("time".to_owned(), json!(1_772_359_200_000_i64));
        let line = Value::Object(event).to_string().into_bytes();
        let all = parts(std::slice::from_ref(&line));
        let row = row_value(&rows(&all[0])[0]);
        let mut said = Vec::new();
        leaves(&row, &mut said);
        let mut expected = Vec::new();
        leaves(&serde_json::from_slice(&line).unwrap(), &mut expected);
        said.sort();
        expected.sort();
        prop_assert_eq!(said, expected, "{}", String::from_utf8_lossy(&line));
    }
}

/// Every scalar, opened out of JSON text where a text is that.
fn leaves(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Object(members) => members.values().for_each(|of| leaves(of, out)),
        Value::Array(elements) => elements.iter().for_each(|of| leaves(of, out)),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(free) => leaves(&free, out),
            Err(_) => out.push(text.clone()),
        },
        scalar => out.push(scalar.to_string()),
    }
}

fn name() -> impl Strategy<Value = String> {
    let known = [
        "metadata",
        "uid",
        "evidences",
        "file",
        "hashes",
        "value",
        "unmapped",
        "data",
        "is_alert",
        "count",
        "end_time",
        "message",
        "finding_info",
        "types",
        "actor",
        "user",
        "name",
        "url",
        "email",
        "files",
        "size",
        "malware",
        "classification_ids",
    ];
    prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[a-z]{1,3}\"?"]
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "[ -~äß😀\n]{0,8}x".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..6)
                .prop_map(|of| Value::Object(of.into_iter().collect())),
        ]
    })
}
