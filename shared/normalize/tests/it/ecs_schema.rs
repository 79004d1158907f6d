//! Validates documents by the official field definitions of ECS, see tests/schema/NOTICE.

use regex_lite::Regex;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex};

/// ECS 8.11.0.
pub(crate) static ECS: LazyLock<Fields> = LazyLock::new(Fields::read);

/// Type and normalization of a field.
#[derive(Debug)]
struct Field {
    kind: &'static str,
    is_array: bool,
}

pub(crate) struct Fields {
    fields: HashMap<&'static str, Field>,
    /// Names of fields that have subfields.
    objects: HashSet<&'static str>,
    /// By field and value, the event types that ECS expects for a category.
    values: HashMap<(&'static str, &'static str), Vec<&'static str>>,
    date: Regex,
    /// Paths below `o365.audit` in all documents checked so far: an index gives each path one type for ever.
    seen: Mutex<HashMap<String, Shape>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    Object,
}

impl Fields {
    fn read() -> Self {
        let rows = |text: &'static str| {
            let cells = |line: &'static str| line.split(',').collect::<Vec<_>>();
            text.lines().skip(1).map(cells).collect::<Vec<_>>()
        };
        let mut fields = HashMap::new();
        let mut objects = HashSet::new();
        for row in rows(include_str!("../schema/ecs-8.11.0.csv")) {
            for (at, _) in row[0].match_indices('.') {
                objects.insert(&row[0][..at]);
            }
            fields.insert(
                row[0],
                Field {
                    kind: row[1],
                    is_array: row[2] == "array",
                },
            );
        }
        let values = rows(include_str!("../schema/ecs-8.11.0-values.csv"))
            .into_iter()
            .map(|row| ((row[0], row[1]), row[2].split_whitespace().collect()));
        Self {
            fields,
            objects,
            values: values.collect(),
            date: Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$").expect("a regex"),
            seen: Mutex::new(HashMap::new()),
        }
    }

    /// Everything that is wrong with a document; nothing if it is valid.
    pub(crate) fn findings(&self, document: &Value) -> Vec<String> {
        let mut findings = Vec::new();
        for (key, value) in document.as_object().expect("a document is an object") {
            if key == "o365" {
                let audit = &value["audit"];
                if value.as_object().map(|members| members.len()) != Some(1) || !audit.is_object() {
                    findings.push("o365: more or less than audit".to_owned());
                }
                self.audit(audit, "", &mut findings);
            } else {
                self.value(key, value, &mut findings);
            }
        }
        for required in ["@timestamp", "ecs", "event"] {
            if document.get(required).is_none() {
                findings.push(format!("{required} is missing"));
            }
        }
        if document["ecs"]["version"] != "8.11.0" {
            findings.push("ecs.version is another".to_owned());
        }
        self.categories(&document["event"], &mut findings);
        findings
    }

    /// The fields of a document that are not keywords, with their types.
    pub(crate) fn typed(&self, document: &Value, typed: &mut HashSet<(String, &'static str)>) {
        fn walk(
            it: &Fields,
            path: &str,
            value: &Value,
            typed: &mut HashSet<(String, &'static str)>,
        ) {
            for (name, value) in value.as_object().into_iter().flatten() {
                let path = format!("{path}{name}");
                let kind = it.fields.get(&*path).map_or("object", |field| field.kind);
                if !["keyword", "wildcard", "nested", "object"].contains(&kind) {
                    typed.insert((path.clone(), kind));
                }
                walk(it, &format!("{path}."), value, typed);
            }
        }
        walk(self, "", document, typed);
    }

    fn value(&self, path: &str, value: &Value, findings: &mut Vec<String>) {
        let field = self.fields.get(path);
        match (value, field) {
            (Value::Object(members), _) if self.objects.contains(path) => {
                if members.is_empty() {
                    findings.push(format!("{path}: empty object"));
                }
                for (name, value) in members {
                    self.value(&format!("{path}.{name}"), value, findings);
                }
            }
            (_, None) => findings.push(format!("{path} is not a field of ECS")),
            (Value::Array(list), Some(field)) if field.is_array => {
                if list.is_empty() {
                    findings.push(format!("{path}: empty array"));
                }
                let unlike: BTreeSet<_> = list.iter().map(Value::to_string).collect();
                if path.starts_with("related.") && unlike.len() < list.len() {
                    findings.push(format!("{path}: something twice"));
                }
                for value in list {
                    match value {
                        Value::Object(_) => self.value(path, value, findings),
                        value => self.scalar(path, field, value, findings),
                    }
                }
            }
            (_, Some(field)) if field.is_array => findings.push(format!("{path}: not an array")),
            (value, Some(field)) => self.scalar(path, field, value, findings),
        }
    }

    fn scalar(&self, path: &str, field: &Field, value: &Value, findings: &mut Vec<String>) {
        let text = value.as_str();
        let good = match field.kind {
            "keyword" | "wildcard" | "match_only_text" => text.is_some_and(|text| !text.is_empty()),
            "ip" => text.is_some_and(|text| {
                text.parse::<IpAddr>()
                    .is_ok_and(|address| address.to_string() == text)
            }),
            "long" => value.as_i64().is_some(),
            "date" => text.is_some_and(|text| self.date.is_match(text)),
            _ => false,
        };
        if !good {
            findings.push(format!("{path}: {value} is not of type {}", field.kind));
        }
        let listed = [
            "event.kind",
            "event.category",
            "event.type",
            "event.outcome",
        ];
        if listed.contains(&path)
            && !self
                .values
                .keys()
                .any(|(field, known)| *field == path && Some(*known) == text)
        {
            findings.push(format!("{path}: {value} is not allowed"));
        }
    }

    /// Each type must be expected for one of the categories, and each category must have one of its types.
    fn categories(&self, event: &Value, findings: &mut Vec<String>) {
        let words = |key: &str| {
            let list = event[key].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).collect::<Vec<_>>()
        };
        let (categories, types) = (words("category"), words("type"));
        let expected = |category: &str| {
            let found = self
                .values
                .iter()
                .find(|((field, value), _)| *field == "event.category" && *value == category);
            found.map(|(_, types)| types.clone()).unwrap_or_default()
        };
        for category in &categories {
            if !types.iter().any(|kind| expected(category).contains(kind)) {
                findings.push(format!("event.type: none of {types:?} is of {category}"));
            }
        }
        for kind in &types {
            if !categories
                .iter()
                .any(|category| expected(category).contains(kind))
            {
                findings.push(format!("event.type: {kind} is of none of {categories:?}"));
            }
        }
    }

    /// Each path must have one shape, each scalar must be a string, and each name must be one that an index accepts.
    fn audit(&self, value: &Value, path: &str, findings: &mut Vec<String>) {
        let shape = match value {
            Value::Array(list) => {
                for element in list {
                    if element.is_array() {
                        findings.push(format!("o365.audit{path}: a list in a list"));
                    } else {
                        self.audit(element, path, findings);
                    }
                }
                return;
            }
            Value::String(_) => Shape::Text,
            Value::Object(members) => {
                for (name, value) in members {
                    if name.is_empty()
                        || name.contains(|char: char| {
                            char == '.' || char.is_whitespace() || char.is_control()
                        })
                    {
                        findings.push(format!("o365.audit{path}: {name:?} is not a name"));
                    }
                    self.audit(value, &format!("{path}.{name}"), findings);
                }
                Shape::Object
            }
            other => {
                findings.push(format!("o365.audit{path}: {other} is neither"));
                return;
            }
        };
        let mut seen = self.seen.lock().expect("no test panics inside");
        let known = *seen.entry(path.to_owned()).or_insert(shape);
        if known != shape {
            findings.push(format!(
                "o365.audit{path}: {shape:?}, and {known:?} elsewhere"
            ));
        }
    }
}
