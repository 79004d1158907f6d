//! A secret in a record is not in its event and not in the redacted blob.

use crate::schema;
use bytes::Bytes;
use normalize::{Context, OcsfVersion, Options, RawData, Schema, redact_element};
use proptest::prelude::*;
use records::split;
use serde_json::{Map, Value, json};

/// Text that must not be in the output. No name and no word of an event contains it.
const MARKER: &str = "MARKER7f3a";

const SECRETS: &[&str] = &[
    "Password",
    "PasswordProfile",
    "PasswordCredentials",
    "KeyCredentials",
    "ClientSecret",
    "secretText",
    "client_secret",
    "AccessKey",
    "DeviceToken",
    "OathSecretKey",
    "TemporaryAccessPass",
    "Credential",
    "FederationSigningCertificate",
    "ConnectionString",
    "DetectedValues",
];

/// A secret that contains the marker, with quotes and escapes, perhaps inside lists and objects.
fn secret() -> impl Strategy<Value = Value> {
    let around = "[ -~é\\\\\"]{0,6}";
    let leaf =
        (around, around).prop_map(|(before, after)| json!(format!("x{before}{MARKER}{after}x")));
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Value::from),
            inner
                .clone()
                .prop_map(|value| json!({"value": value, "keyId": "k"})),
            inner.prop_map(|value| json!(json!([{"Data": value}]).to_string())),
        ]
    })
}

/// A record with a secret in a place where secrets are known to occur.
fn record() -> impl Strategy<Value = Value> {
    let types = prop::sample::select(vec![1, 8, 11, 15, 18, 20, 25, 40, 63, 9_999]);
    let operations = prop::sample::select(vec![
        "Add user.",
        "Update user.",
        "Update application – Certificates and secrets management ",
        "Set federation settings on domain.",
        "Add delegated permission grant.",
        "New-Mailbox",
        "Set-Mailbox",
        "UserLoggedIn",
        "DlpRuleMatch",
        "AlertTriggered",
        "SomethingNew",
    ]);
    let lists = prop::sample::select(vec![
        "ModifiedProperties",
        "Parameters",
        "ExtendedProperties",
        "DeviceProperties",
        "Anything",
    ]);
    let names = prop::sample::select(SECRETS);
    (types, operations, lists, names, secret(), 0..9).prop_map(
        |(record_type, operation, list, name, secret, place)| {
            let mut record = json!({
                "Id": "a",
                "RecordType": record_type,
                "Operation": operation,
                "ObjectId": "o",
                "UserId": "alex@contoso.example",
                "Target": [{"ID": "kim@contoso.example", "Type": 5}],
            });
            let text = secret.to_string();
            let (key, value) = match place {
                0 => (name, secret),
                1 => (list, json!([{"Name": name, "NewValue": secret, "OldValue": text}])),
                2 => (list, json!([{"Value": secret, "Name": name}, {"Name": "b", "Value": "c"}])),
                3 => (list, json!([{"Name": "x", "NewValue": json!([{name: secret}]).to_string()}])),
                4 => (list, json!([{"Key": name, "Value": text}, {"Key": name, "Value": secret}])),
                5 => ("Parameters", json!(format!("-Identity \"x\" -Password \"{MARKER}\" -Force \"True\""))),
                6 => ("Data", json!(json!({"a": json!({name: secret}).to_string()}).to_string())),
                7 => (list, json!([{"Name": "x", "NewValue": format!("[{{\"{name}\":\"{MARKER}")}])),
                _ => (
                    "PolicyDetails",
                    json!([{"Rules": [{"ConditionsMatched": {"SensitiveInformation": [{"Detections": {"DetectedValues": secret}}]}}]}]),
                ),
            };
            let record_map: &mut Map<String, Value> = record.as_object_mut().expect("an object");
            record_map.insert(key.to_owned(), value);
            record
        },
    )
}

fn event(record: &[u8], raw_data: RawData, redact: bool) -> Vec<u8> {
    event_in(Schema::Ocsf, record, raw_data, redact)
}

fn event_in(schema: Schema, record: &[u8], raw_data: RawData, redact: bool) -> Vec<u8> {
    let options = Options {
        schema,
        raw_data,
        redact,
        ..Options::default()
    };
    let context = Context {
        content_type: Some("Audit.General"),
        content_created_ms: None,
        options: &options,
    };
    let mut out = Vec::new();
    normalize::event(record, &context, &mut out);
    out
}

fn leaks(bytes: &[u8]) -> bool {
    bytes
        .windows(MARKER.len())
        .any(|window| window == MARKER.as_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_event_holds_a_secret(record in record()) {
        let text = record.to_string();
        for raw_data in [RawData::Always, RawData::Unmapped, RawData::Never] {
            let line = event(text.as_bytes(), raw_data, true);
            prop_assert!(!leaks(&line), "{}\n{}", text, String::from_utf8_lossy(&line));
            let document = event_in(Schema::Ecs, text.as_bytes(), raw_data, true);
            prop_assert!(!leaks(&document), "{}\n{}", text, String::from_utf8_lossy(&document));
            let event: Value = serde_json::from_slice(&line).expect("an event is JSON");
            prop_assert_eq!(schema::of(OcsfVersion::default()).findings(&event), Vec::<String>::new());
        }
        prop_assert!(leaks(&event(text.as_bytes(), RawData::Always, false)), "the record has none");
    }

    #[test]
    fn no_event_of_a_cut_record_holds_a_secret(record in record(), cut in any::<prop::sample::Index>()) {
        let text = record.to_string();
        let cut = &text.as_bytes()[..cut.index(text.len())];
        for schema in [Schema::Ocsf, Schema::Ecs] {
            let line = event_in(schema, cut, RawData::Always, true);
            prop_assert!(!leaks(&line), "{}", String::from_utf8_lossy(cut));
        }
    }

    #[test]
    fn redacted_elements_are_otherwise_unchanged(record in record(), other in "[a-z ]{0,20}") {
        let other = json!({"Id": "b", "Subject": other, "KeyDescription": "[KeyType=Password]"}).to_string();
        let cut = &record.to_string()[..record.to_string().len() - 1];
        let body = format!(" [{other} ,\n{record},{cut}{} , {record} ]", if cut.ends_with('}') { "" } else { "]" });
        // A cut record may run into the next one. Then the body is not an array, which another test covers.
        let body = Bytes::from(body);
        if let Ok(parts) = split(&body) {
            let cleaned: Vec<Bytes> = parts
                .iter()
                .map(|part| redact_element(part).map_or_else(|| part.clone(), Bytes::from))
                .collect();
            for clean in &cleaned {
                prop_assert!(!leaks(clean), "{:?}\n{}", body, String::from_utf8_lossy(clean));
                prop_assert_eq!(redact_element(clean), None);
            }
            prop_assert_eq!(&cleaned[0], other.as_bytes());
            let (from, raw) = (event(&parts[1], RawData::Always, true), event(&cleaned[1], RawData::Always, true));
            prop_assert_eq!(from, raw, "the event is the same from the redacted copy");
        }
    }
}
