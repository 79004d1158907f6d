//! The columns of the table that template.yaml defines for Athena have the types of OCSF's official schema, and every
//! attribute of our events has a column.

use std::collections::BTreeSet;
use std::fs::File;

use flate2::read::GzDecoder;
use serde_json::Value;
use tests::{Outcome, repo};

/// A column's type, in Hive's notation.
#[derive(Debug, PartialEq)]
enum Hive<'a> {
    Scalar(&'a str),
    Array(Box<Hive<'a>>),
    Struct(Vec<(&'a str, Hive<'a>)>),
}

#[test]
fn every_column_has_the_type_of_the_official_schema() -> Outcome<()> {
    let (template, schema) = (repo::read("template.yaml")?, schema()?);
    let columns = columns(&template);
    assert!(columns.len() > 50, "{}", columns.len());
    let classes = schema["classes"].as_object().into_iter().flatten();
    let classes: Vec<&Value> = classes.map(|(_, class)| class).collect();
    let mut wrong = Vec::new();
    for (name, of) in &columns {
        compare(&schema, &classes, name, &hive(of), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn every_attribute_in_the_examples_has_a_column() -> Outcome<()> {
    let template = repo::read("template.yaml")?;
    let named: BTreeSet<&str> = columns(&template)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let examples = repo::read("shared/normalize/tests/fixtures/golden.ndjson")?;
    let mut missing = BTreeSet::new();
    for line in examples.lines() {
        let example: Value = serde_json::from_str(line)?;
        let attributes = example["ocsf"].as_object().cloned().unwrap_or_default();
        missing.extend(attributes.into_iter().map(|(name, _)| name));
    }
    missing.retain(|name| !named.contains(name.as_str()));
    assert!(missing.is_empty(), "{missing:?}");
    Ok(())
}

#[test]
fn hives_types_are_parsed() {
    let read = hive("array<struct<name:string,tags:array<struct<value:int>>>>");
    let tag = Hive::Struct(vec![("value", Hive::Scalar("int"))]);
    let tags = Hive::Array(Box::new(tag));
    let members = vec![("name", Hive::Scalar("string")), ("tags", tags)];
    assert_eq!(read, Hive::Array(Box::new(Hive::Struct(members))));
}

fn schema() -> Outcome<Value> {
    let path = repo::root().join("shared/normalize/tests/schema/ocsf-1.8.0.json.gz");
    Ok(serde_json::from_reader(GzDecoder::new(File::open(path)?))?)
}

/// Name and type of each column in the table.
fn columns(template: &str) -> Vec<(&str, &str)> {
    let table = template
        .split("\n  EventsTable:\n")
        .nth(1)
        .unwrap_or_default();
    let lines = table
        .split("          Columns:\n")
        .nth(1)
        .unwrap_or_default();
    lines
        .lines()
        .map_while(|line| line.trim().strip_prefix("- {Name: "))
        .filter_map(|line| {
            let (name, rest) = line.split_once(", Type: \"")?;
            Some((name, rest.split('"').next()?))
        })
        .collect()
}

fn hive(text: &str) -> Hive<'_> {
    let inside = |opening| text.strip_prefix(opening)?.strip_suffix('>');
    if let Some(element) = inside("array<") {
        return Hive::Array(Box::new(hive(element)));
    }
    let Some(members) = inside("struct<") else {
        return Hive::Scalar(text);
    };
    let mut depth = 0;
    let parts = members.split(move |char| {
        depth += i32::from(char == '<') - i32::from(char == '>');
        char == ',' && depth == 0
    });
    let members = parts.filter_map(|part| part.split_once(':'));
    Hive::Struct(members.map(|(name, of)| (name, hive(of))).collect())
}

/// Compares a column with the attribute of that name in each of `holders` (classes or objects) that has one.
fn compare(schema: &Value, holders: &[&Value], path: &str, of: &Hive<'_>, wrong: &mut Vec<String>) {
    let name = path.rsplit('.').next().unwrap_or(path);
    let found = holders.iter().map(|holder| &holder["attributes"][name]);
    let found: Vec<&Value> = found.filter(|attribute| attribute.is_object()).collect();
    if found.is_empty() {
        wrong.push(format!("{path}: the schema has no such attribute"));
    }
    let (is_array, element) = match of {
        Hive::Array(element) => (true, &**element),
        other => (false, other),
    };
    let mut objects: Vec<&Value> = Vec::new();
    for attribute in found {
        if attribute["is_array"].as_bool().unwrap_or(false) != is_array {
            wrong.push(format!(
                "{path}: {of:?} where the schema's is_array is {}",
                attribute["is_array"]
            ));
        }
        let expect = scalar(schema, attribute);
        match element {
            // JSON, stored as text.
            Hive::Scalar("string") if expect.is_none_or(|of| of == "string") => {}
            Hive::Scalar(hive) if expect == Some(hive) => {}
            Hive::Struct(_) if attribute["type"] == "object_t" => {
                let object = attribute["object_type"].as_str().unwrap_or_default();
                objects.push(&schema["objects"][object]);
            }
            _ => wrong.push(format!(
                "{path}: {of:?} where the schema says {}",
                attribute["type"]
            )),
        }
    }
    if let Hive::Struct(members) = element {
        for (member, of) in members {
            compare(schema, &objects, &format!("{path}.{member}"), of, wrong);
        }
    }
}

/// Hive's name for the type of an attribute; `None` for a type that has parts.
fn scalar(schema: &Value, attribute: &Value) -> Option<&'static str> {
    let named = attribute["type"].as_str()?;
    let base = &schema["dictionary"]["types"]["attributes"][named]["type"];
    match base.as_str().unwrap_or(named) {
        "object_t" | "json_t" => None,
        "integer_t" => Some("int"),
        "long_t" | "timestamp_t" => Some("bigint"),
        "boolean_t" => Some("boolean"),
        "float_t" => Some("double"),
        "string_t" => Some("string"),
        _ => Some("unknown to this test"),
    }
}
