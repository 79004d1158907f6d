//! ECS documents: valid by the official definitions, accepted by an index whatever the record, and without loss.

use crate::ecs_schema::ECS;
use crate::further_records::further_records;
use crate::properties::{RECORDS, cases, invented, mutated, value};
use normalize::{Context, Options, RawData, Schema, identify};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::collections::{BTreeMap, HashSet};

pub(crate) fn options() -> Options {
    Options {
        schema: Schema::Ecs,
        ..Options::default()
    }
}

fn document(record: &Value) -> Value {
    crate::event_with(record.to_string().as_bytes(), &options())
}

/// Without the text that redaction is meant to lose.
fn unredacted(record: &Value) -> Value {
    let options = Options {
        redact: false,
        ..options()
    };
    crate::event_with(record.to_string().as_bytes(), &options)
}

#[test]
fn documents_of_representative_records() {
    let mut names = BTreeSet::new();
    for line in include_str!("../fixtures/ecs.ndjson").lines() {
        let entry: Value = serde_json::from_str(line).expect("a fixture is JSON");
        let document = document(&entry["record"]);
        assert_eq!(problems(&entry["record"], &document), Vec::<String>::new());
        let name = entry["name"].as_str().expect("a name");
        insta::with_settings!({ snapshot_path => "ecs_snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_json_snapshot!(name, document);
        });
        names.insert(format!("{name}.snap"));
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/ecs_snapshots");
    let files = std::fs::read_dir(folder).expect("the snapshots");
    let files = files.map(|file| file.expect("a file").file_name().into_string());
    let kept: BTreeSet<String> = files.map(|name| name.expect("a name")).collect();
    assert_eq!(kept, names, "a snapshot for each record and none besides");
}

#[test]
fn every_example_becomes_a_valid_document_that_loses_nothing() {
    for record in RECORDS.iter() {
        let record = Value::Object(record.clone());
        assert_eq!(
            problems(&record, &document(&record)),
            Vec::<String>::new(),
            "{record}"
        );
    }
}

/// `cargo test -p normalize ecs::every_sample -- --nocapture` shows how many documents of each record type have a field.
#[test]
fn every_sample_becomes_a_valid_document_that_loses_nothing() {
    let mut filled: BTreeMap<String, BTreeMap<&'static str, usize>> = BTreeMap::new();
    for (text, _) in further_records("ecs") {
        let record: Value = serde_json::from_str(&text).expect("a sample is JSON");
        let document = crate::event_with(text.as_bytes(), &options());
        assert_eq!(problems(&record, &document), Vec::<String>::new(), "{text}");
        count(&record, &document, &mut filled);
    }
    for (family, fields) in filled {
        println!("{family}: {fields:?}");
    }
}

/// Counts the fields that show whether the mapping of a family works.
fn count(
    record: &Value,
    document: &Value,
    filled: &mut BTreeMap<String, BTreeMap<&'static str, usize>>,
) {
    const FIELDS: [&str; 16] = [
        "/client/ip",
        "/email/subject",
        "/event/code",
        "/file/name",
        "/group/name",
        "/host/name",
        "/organization/id",
        "/related/user",
        "/rule/name",
        "/server/domain",
        "/source/ip",
        "/url/original",
        "/user/email",
        "/user/id",
        "/user/target/id",
        "/user_agent/original",
    ];
    let family = format!("record type {:>3}", record["RecordType"].to_string());
    let counts = filled.entry(family).or_default();
    *counts.entry("documents").or_default() += 1;
    for field in FIELDS
        .iter()
        .filter(|field| document.pointer(field).is_some())
    {
        *counts.entry(field).or_default() += 1;
    }
}

#[test]
fn bytes_that_are_not_a_record_become_a_pipeline_error() {
    let document = crate::event_with(b"no record", &options());
    assert_eq!(document["event"]["kind"], "pipeline_error");
    assert_eq!(document["event"]["original"], "no record");
    assert_eq!(
        document["error"]["message"],
        "the record is not JSON at byte 0"
    );
    let never = Options {
        raw_data: RawData::Never,
        ..options()
    };
    assert!(
        crate::event_with(b"no record", &never)["event"]
            .get("original")
            .is_none()
    );
    let secret = crate::event_with(br#"{"DetectedValues":["4111"]"#, &options());
    assert!(!secret.to_string().contains("4111"), "{secret}");
}

#[test]
fn the_original_follows_its_setting_and_is_redacted() {
    let record = br#"{"Id":"a","Operation":"DlpRuleMatch","RecordType":13,"PolicyDetails":[{"DetectedValues":["4111"]}]}"#;
    let original = |raw_data: RawData| {
        let options = Options {
            raw_data,
            ..options()
        };
        crate::event_with(record, &options)["event"]["original"].clone()
    };
    assert_eq!(original(RawData::Unmapped), Value::Null);
    assert_eq!(original(RawData::Never), Value::Null);
    let always = original(RawData::Always);
    let text = always.as_str().expect("a text");
    assert!(
        text.contains("[redacted]") && !text.contains("4111"),
        "{text}"
    );
}

#[test]
fn a_failed_sign_in_fails_whatever_its_result_status() {
    let outcome = |operation: &str, record_type: i64, status: &str| {
        let record = serde_json::json!({"Id": "a", "Operation": operation, "RecordType": record_type, "ResultStatus": status});
        document(&record)["event"]["outcome"].clone()
    };
    assert_eq!(outcome("UserLoginFailed", 15, "Success"), "failure");
    assert_eq!(outcome("UserLoggedIn", 15, "Succeeded"), "success");
    assert_eq!(outcome("Set-Mailbox", 1, "True"), "success");
    assert_eq!(outcome("Set-Mailbox", 1, "False"), "failure");
    assert_eq!(outcome("Set-Mailbox", 1, ""), "unknown");
    assert_eq!(outcome("Set-Mailbox", 1, "PartiallySucceeded"), "unknown");
    assert_eq!(outcome("AlertTriggered", 40, "Succeeded"), "success");
    assert_eq!(outcome("AlertTriggered", 40, ""), "unknown");
}

#[test]
fn blocked_data_did_not_go_out() {
    let outcome = |operation: &str, action: &str, exception: Value| {
        let record = serde_json::json!({"Id": "a", "Operation": operation, "RecordType": 11, "ExceptionInfo": exception,
            "PolicyDetails": [{"PolicyName": "p", "Rules": [{"Actions": [action]}]}]});
        document(&record)["event"]["outcome"].clone()
    };
    assert_eq!(
        outcome("DlpRuleMatch", "BlockAccess", Value::Null),
        "failure"
    );
    assert_eq!(
        outcome("DlpRuleMatch", "NotifyUser", Value::Null),
        "success"
    );
    assert_eq!(
        outcome("DlpRuleMatch", "BlockAccess", "override".into()),
        "success"
    );
    assert_eq!(
        outcome("DlpRuleUndo", "BlockAccess", Value::Null),
        "success"
    );
    assert_eq!(outcome("DlpInfo", "BlockAccess", Value::Null), "unknown");
}

/// Types that an index must not guess from the first value it sees.
#[test]
fn the_index_template_types_every_non_keyword_field() {
    let template = include_str!("../../../../docs/ecs-index-template.json");
    let template: Value = serde_json::from_str(template).expect("the template is JSON");
    let mappings = &template["template"]["mappings"];
    let fixtures = include_str!("../fixtures/ecs.ndjson").lines().map(|line| {
        let entry: Value = serde_json::from_str(line).expect("a fixture is JSON");
        entry["record"].clone()
    });
    let examples = RECORDS.iter().cloned().map(Value::Object);
    let mut documents: Vec<Value> = fixtures.chain(examples).map(|it| document(&it)).collect();
    documents.push(crate::event_with(b"no record", &options()));
    let mut typed = HashSet::new();
    for document in &documents {
        ECS.typed(document, &mut typed);
    }
    assert!(typed.contains(&("client.ip".to_owned(), "ip")));
    for (path, kind) in typed {
        let mapped = path
            .split('.')
            .fold(mappings, |at, name| &at["properties"][name]);
        let kind = if kind == "match_only_text" {
            "text"
        } else {
            kind
        };
        assert_eq!(mapped["type"], kind, "{path}");
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_bytes_become_one_valid_document(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let document = crate::event_with(&bytes, &options());
        prop_assert_eq!(ECS.findings(&document), Vec::<String>::new());
    }

    #[test]
    fn any_value_becomes_a_valid_document(value in value()) {
        prop_assert_eq!(problems(&value, &unredacted(&value)), Vec::<String>::new());
    }

    #[test]
    fn a_torn_record_becomes_a_valid_document_that_loses_nothing(record in mutated()) {
        prop_assert_eq!(problems(&record, &unredacted(&record)), Vec::<String>::new());
    }

    #[test]
    fn an_invented_record_becomes_a_valid_document(record in invented()) {
        prop_assert_eq!(problems(&record, &unredacted(&record)), Vec::<String>::new());
    }

    #[test]
    fn the_documents_id_is_the_records_id(record in mutated()) {
        let text = record.to_string();
        let named = identify(text.as_bytes()).expect("an object");
        let document = document(&record);
        prop_assert_eq!(document["event"]["id"].as_str(), named.id.as_deref());
        let tenant = named.organization_id.map(|id| id.to_ascii_lowercase());
        prop_assert_eq!(document["organization"]["id"].as_str(), tenant.as_deref());
    }

    #[test]
    fn the_document_is_a_function_of_record_and_context(record in mutated()) {
        let text = record.to_string();
        let options = Options { raw_data: RawData::Always, ..options() };
        let context = Context { content_type: Some("Audit.General"), content_created_ms: Some(1), options: &options };
        let (mut once, mut twice) = (Vec::new(), b"before".to_vec());
        normalize::event(text.as_bytes(), &context, &mut once);
        normalize::event(text.as_bytes(), &context, &mut twice);
        prop_assert_eq!(&twice[6..], &once[..]);
    }
}

/// What is wrong with the document of a record, and what of the record is missing in it.
fn problems(record: &Value, document: &Value) -> Vec<String> {
    let mut problems = ECS.findings(document);
    let mut kept = HashSet::new();
    collect(&document["o365"]["audit"], &mut kept);
    if record.is_object() {
        lost(record, &kept, &mut problems);
    }
    problems
}

/// All texts and names, including those of JSON in strings, which stays text where its path is not an object.
fn collect(value: &Value, kept: &mut HashSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| collect(value, kept)),
        Value::Object(members) => {
            for (name, value) in members {
                kept.insert(name.clone());
                collect(value, kept);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            kept.insert(text.clone());
            if let Some(inner) = container(text) {
                collect(&inner, kept);
            }
        }
        other => drop(kept.insert(other.to_string())),
    }
}

fn container(text: &str) -> Option<Value> {
    let inner: Value = serde_json::from_str(text).ok()?;
    (inner.is_object() || inner.is_array()).then_some(inner)
}

fn lost(value: &Value, kept: &HashSet<String>, problems: &mut Vec<String>) {
    let text = match value {
        Value::Null => return,
        Value::Array(list) => return list.iter().for_each(|value| lost(value, kept, problems)),
        Value::Object(members) => {
            // Text matched by data loss prevention is redacted.
            let members = members.iter().filter(|(name, _)| *name != "DetectedValues");
            return members.for_each(|(_, value)| lost(value, kept, problems));
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let odd = |char: char| char == '.' || char.is_whitespace() || char.is_control();
    let present = text.is_empty() || kept.contains(&text) || kept.contains(&text.replace(odd, "_"));
    match container(&text) {
        // The JSON in an alert's Data becomes an object.
        Some(inner) if !present => lost(&inner, kept, problems),
        _ if !present => problems.push(format!("{text:?} is lost")),
        _ => {}
    }
}

#[test]
fn the_validator_finds_what_is_wrong() {
    let record = br#"{"Id":"a","Operation":"ViewReport","RecordType":20,"ClientIP":"198.51.100.7","UserId":"a@b.example","Item":{"Id":"x"}}"#;
    let good = crate::event_with(record, &options());
    assert_eq!(ECS.findings(&good), Vec::<String>::new());
    type Break = fn(&mut Value);
    let breaks: [(&str, Break); 12] = [
        ("not a field", |it| it["event"]["no_such"] = 1.into()),
        ("not a field", |it| it["no_such"] = 1.into()),
        ("not of type ip", |it| {
            it["client"]["ip"] = "2001:DB8::1".into();
        }),
        ("not of type long", |it| {
            it["event"]["severity"] = "1".into();
        }),
        ("not of type date", |it| {
            it["@timestamp"] = "2026-03-01".into();
        }),
        ("not of type keyword", |it| it["user"]["id"] = "".into()),
        ("not an array", |it| it["event"]["type"] = "info".into()),
        ("not of type keyword", |it| {
            it["user"]["name"] = Value::from(vec!["a"]);
        }),
        ("not allowed", |it| it["event"]["kind"] = "thing".into()),
        ("is of none", |it| {
            it["event"]["type"] = Value::from(vec!["info", "deletion", "group"]);
        }),
        ("elsewhere", |it| it["o365"]["audit"]["Item"] = "x".into()),
        ("neither", |it| it["o365"]["audit"]["Id"] = 1.into()),
    ];
    for (word, break_it) in breaks {
        let mut document = good.clone();
        break_it(&mut document);
        let findings = ECS.findings(&document);
        assert!(
            findings.iter().any(|finding| finding.contains(word)),
            "{word}: {findings:?}"
        );
    }
}
