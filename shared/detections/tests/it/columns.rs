//! Nothing of a finding is without a column in the lake's Parquet files.

use columnar::CLASSES;
use normalize::OcsfVersion;
use serde_json::Value;

use super::detector::{RULES, inbox_rule};
use super::places::{city_and_networks, located};
use super::{take, travel};

#[test]
fn every_attribute_of_a_finding_has_a_column() {
    let class = CLASSES.iter().find(|class| class.uid == 2004);
    let columns = class.expect("the class of findings").glue_columns();
    let mut detector = located(RULES, city_and_networks());
    let mut findings = take(&mut detector, &inbox_rule("r1"));
    findings.extend(travel::findings());
    assert_eq!(findings.len(), 2);
    let mut faults = Vec::new();
    for version in OcsfVersion::ALL {
        for finding in &findings {
            let event = finding.to_ocsf(version);
            for (name, value) in event.as_object().expect("an object") {
                match columns.iter().find(|column| column.name == name) {
                    Some(column) => lacking(&column.glue_type, value, name, &mut faults),
                    None => faults.push(name.clone()),
                }
            }
        }
    }
    faults.dedup();
    assert_eq!(faults, Vec::<String>::new());
}

/// Paths of what a value has and the type has not.
fn lacking(of: &str, value: &Value, path: &str, faults: &mut Vec<String>) {
    let within = |kind: &str| Some(of.strip_prefix(kind)?.strip_suffix('>')?.to_owned());
    match value {
        // Free JSON is a text.
        _ if of == "string" => {}
        Value::Object(members) => {
            let types = within("struct<").map_or_else(Vec::new, |of| parts(&of));
            for (name, value) in members {
                let path = format!("{path}.{name}");
                let found = types
                    .iter()
                    .find_map(|of| of.strip_prefix(&format!("{name}:")));
                match found {
                    Some(of) => lacking(of, value, &path, faults),
                    None => faults.push(path),
                }
            }
        }
        Value::Array(list) => match within("array<") {
            Some(of) => list
                .iter()
                .for_each(|value| lacking(&of, value, path, faults)),
            None => faults.push(path.to_owned()),
        },
        _ if of.contains('<') => faults.push(path.to_owned()),
        _ => {}
    }
}

/// `a:int,b:struct<c:int,d:int>` at the outer commas.
fn parts(of: &str) -> Vec<String> {
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for character in of.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if character != ',' || depth > 0 => part.push(character),
            _ => parts.push(String::new()),
        }
    }
    parts
}
