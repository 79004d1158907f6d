//! `columns.txt` restates the official schema, and nothing else.

use std::collections::BTreeMap;
use std::io::Read as _;

use columnar::CLASSES;
use flate2::read::GzDecoder;
use serde_json::Value;

const OCSF: &[u8] = include_bytes!("../../../normalize/tests/schema/ocsf-1.8.0.json.gz");

fn ocsf() -> Value {
    let mut text = String::new();
    GzDecoder::new(OCSF).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The type that the table must give to an attribute of the schema.
fn type_of(schema: &Value, attribute: &Value) -> String {
    let one = match attribute["object_type"].as_str() {
        // An object without attributes of its own is any object.
        Some(object)
            if schema["objects"][object]["attributes"]
                .as_object()
                .unwrap()
                .is_empty() =>
        {
            "json"
        }
        Some(object) => object,
        None => {
            let types = &schema["dictionary"]["types"]["attributes"];
            let mut of = attribute["type"].as_str().unwrap();
            loop {
                of = match of {
                    "boolean_t" => break "bool",
                    "float_t" => break "float",
                    "integer_t" => break "int",
                    "long_t" => break "long",
                    "timestamp_t" => break "time",
                    "string_t" => break "string",
                    "json_t" => break "json",
                    derived => types[derived]["type"].as_str().unwrap(),
                };
            }
        }
    };
    let list = if attribute["is_array"] == true {
        "[]"
    } else {
        ""
    };
    format!("{list}{one}")
}

/// What of the table is not as the schema has it.
fn faults(schema: &Value, table: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut of = Value::Null;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["class", uid, name, _] => {
                of = schema["classes"][*name].clone();
                if of["uid"].as_i64() != uid.parse().ok() {
                    faults.push(format!("{line}: the schema says {}", of["uid"]));
                }
            }
            ["object", name] => of = schema["objects"][*name].clone(),
            [name, type_name] => {
                let attribute = &of["attributes"][*name];
                if attribute.is_null() {
                    faults.push(format!("{}.{name} is no attribute", of["name"]));
                } else if type_of(schema, attribute) != *type_name {
                    faults.push(format!(
                        "{}.{name} is {}",
                        of["name"],
                        type_of(schema, attribute)
                    ));
                }
            }
            [] => {}
            _ => faults.push(format!("{line}: not understood")),
        }
    }
    faults
}

#[test]
fn every_type_is_the_official_schemas() {
    let table = include_str!("../../src/columns.txt");
    assert_eq!(faults(&ocsf(), table), Vec::<String>::new());
}

#[test]
fn another_type_or_name_is_noticed() {
    let check = |table: &str, expect: &str| {
        let faults = faults(&ocsf(), table);
        assert!(
            faults.len() == 1 && faults[0].contains(expect),
            "{faults:?}"
        );
    };
    check("class 3002 authentication x\n  time long\n", "time is time");
    check(
        "class 3002 authentication x\n  unmapped string\n",
        "unmapped is json",
    );
    check(
        "object metadata\n  profiles string\n",
        "profiles is []string",
    );
    check(
        "object metadata\n  invented string\n",
        "invented is no attribute",
    );
    check("class 3001 authentication x\n", "3002");
}

#[test]
fn each_class_has_a_source_name_that_security_lake_takes() {
    let mut classes = BTreeMap::new();
    for class in CLASSES.iter() {
        assert!(
            classes.insert(class.source, class.uid).is_none(),
            "{}",
            class.source
        );
        let fits = class
            .source
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(fits && class.source.len() <= 20, "{}", class.source);
    }
    assert!(classes.len() <= 50, "Security Lake takes 50 custom sources");
}
