//! The validator of [`super::schema`] itself: it finds what is wrong.

use normalize::OcsfVersion;
use serde_json::Value;

use super::schema;

#[test]
fn the_validator_finds_every_fault() {
    let good = super::event(br#"{"Id":"a","Operation":"ViewReport","RecordType":20,"ClientIP":"198.51.100.7","UserId":"a@b.example"}"#);
    let ocsf = schema::of(OcsfVersion::V1_8);
    assert_eq!(ocsf.findings(&good), Vec::<String>::new());
    type Break = fn(&mut Value);
    let breaks: [(&str, Break); 10] = [
        ("class_uid", |event| event["class_uid"] = 1.into()),
        ("metadata.version", |event| {
            event["metadata"]["version"] = "1.7.0".into();
        }),
        ("metadata.profiles", |event| {
            event["metadata"]["profiles"] = Value::from(vec!["cloud", "datetime", "host", "none"]);
        }),
        ("type_uid", |event| event["type_uid"] = 1.into()),
        ("required", |event| {
            drop(
                event["metadata"]
                    .as_object_mut()
                    .expect("metadata")
                    .remove("product"),
            );
        }),
        ("not an attribute", |event| event["no_such"] = 1.into()),
        ("profile", |event| {
            event["metadata"]["profiles"] = Value::from(vec!["cloud"]);
        }),
        ("ip_t", |event| event["src_endpoint"]["ip"] = "1.2.3".into()),
        ("enum", |event| event["severity_id"] = 7.into()),
        ("at_least_one", |event| {
            event["web_resources"] = serde_json::json!([{"type": "x"}]);
        }),
    ];
    for (word, break_it) in breaks {
        let mut event = good.clone();
        break_it(&mut event);
        let findings = ocsf.findings(&event);
        assert!(
            findings.iter().any(|finding| finding.contains(word)),
            "{word}: {findings:?}"
        );
    }
}
