//! Validators made from the official schemas: the rules of ocsf-server's `validator2`, applied to the compiled schema.

use flate2::read::GzDecoder;
use normalize::OcsfVersion;
use regex_lite::Regex;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::sync::LazyLock;

/// The schema of each version, oldest first; see tests/schema/NOTICE.
static SCHEMAS: [LazyLock<Schema>; 8] = [
    LazyLock::new(|| Schema::read(include_bytes!("../schema/ocsf-1.1.0.json.gz"))),
    LazyLock::new(|| Schema::read(include_bytes!("../schema/ocsf-1.2.0.json.gz"))),
    LazyLock::new(|| Schema::read(include_bytes!("../schema/ocsf-1.3.0.json.gz"))),
    LazyLock::new(|| Schema::read(include_bytes!("../schema/ocsf-1.4.0.json.gz"))),
    LazyLock::new(|| Schema::read(include_bytes!("../schema/ocsf-1.5.0.json.gz"))),
    LazyLock::new(|| Schema::read(include_bytes!("../schema/ocsf-1.6.0.json.gz"))),
    LazyLock::new(|| Schema::read(include_bytes!("../schema/ocsf-1.7.0.json.gz"))),
    LazyLock::new(|| Schema::read(include_bytes!("../schema/ocsf-1.8.0.json.gz"))),
];

pub(crate) fn of(version: OcsfVersion) -> &'static Schema {
    let at = OcsfVersion::ALL
        .iter()
        .position(|known| *known == version)
        .expect("one of all");
    &SCHEMAS[at]
}

pub(crate) struct Schema {
    schema: Value,
    profiles: BTreeSet<String>,
    class_names: HashMap<i64, String>,
    formats: HashMap<String, Regex>,
}

/// The state of a walk through an event.
struct Walk<'e> {
    profiles: Vec<&'e str>,
    findings: Vec<String>,
}

impl Schema {
    fn read(compressed: &[u8]) -> Self {
        let mut text = String::new();
        GzDecoder::new(compressed)
            .read_to_string(&mut text)
            .expect("the schema is gzip");
        let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
        let classes = schema["classes"].as_object().expect("classes");
        let class_names = classes
            .iter()
            .filter_map(|(name, class)| Some((class["uid"].as_i64()?, name.clone())));
        let types = schema["dictionary"]["types"]["attributes"]
            .as_object()
            .expect("types");
        let formats = types
            .iter()
            .filter_map(|(name, of)| Some((name.clone(), of["regex"].as_str()?)));
        let formats = formats
            .map(|(name, regex)| (name, Regex::new(regex).expect("the schema's regex")))
            .collect();
        let attributes = classes
            .values()
            .flat_map(|class| class["attributes"].as_object().into_iter().flatten());
        let profiles = attributes
            .flat_map(|(_, attribute)| profiles(attribute))
            .map(str::to_owned)
            .collect();
        Self {
            class_names: class_names.collect(),
            profiles,
            formats,
            schema,
        }
    }

    /// The version in the schema file.
    pub(crate) fn version(&self) -> &str {
        self.schema["version"].as_str().expect("a version")
    }

    /// Names of the profiles that some attribute of a class requires.
    pub(crate) fn profiles(&self) -> &BTreeSet<String> {
        &self.profiles
    }

    /// The class, if the version has it.
    pub(crate) fn class(&self, uid: i64) -> Option<&Value> {
        Some(&self.schema["classes"][self.class_names.get(&uid)?])
    }

    /// The object type, if the version has it.
    pub(crate) fn object_type(&self, name: &str) -> Option<&Value> {
        self.schema["objects"].get(name)
    }

    /// Everything that is wrong with an event; nothing if it is valid.
    pub(crate) fn findings(&self, event: &Value) -> Vec<String> {
        let Some(name) = event["class_uid"]
            .as_i64()
            .and_then(|uid| self.class_names.get(&uid))
        else {
            return vec![format!("class_uid: {} is not a class", event["class_uid"])];
        };
        let class = &self.schema["classes"][name];
        if event["metadata"]["version"] != self.schema["version"] {
            return vec![format!(
                "metadata.version: {} in an event of {}",
                event["metadata"]["version"],
                self.version()
            )];
        }
        let profiles = event["metadata"]["profiles"]
            .as_array()
            .into_iter()
            .flatten();
        let mut walk = Walk {
            profiles: profiles.filter_map(Value::as_str).collect(),
            findings: Vec::new(),
        };
        for profile in &walk.profiles {
            if !self.profiles.contains(*profile) {
                walk.findings
                    .push(format!("metadata.profiles: {profile} is none"));
            }
        }
        self.object(
            class,
            event.as_object().expect("an event is an object"),
            "",
            &mut walk,
        );
        let activity = event["activity_id"].as_i64().unwrap_or(-1);
        let type_uid = event["class_uid"].as_i64().unwrap_or(-1) * 100 + activity;
        if event["type_uid"].as_i64() != Some(type_uid) {
            walk.findings.push(format!(
                "type_uid: {} should be {type_uid}",
                event["type_uid"]
            ));
        }
        if event["category_uid"].as_i64() != Some(class["category_uid"].as_i64().unwrap_or(0)) {
            walk.findings.push(format!(
                "category_uid: {} is not the class's",
                event["category_uid"]
            ));
        }
        for observable in event["observables"].as_array().into_iter().flatten() {
            let name = observable["name"].as_str().unwrap_or_default();
            if !self.resolves(class, name, &walk.profiles) {
                walk.findings.push(format!(
                    "observables: {name} is not an attribute of the class"
                ));
            }
        }
        walk.findings
    }

    fn object(&self, of: &Value, object: &Map<String, Value>, path: &str, walk: &mut Walk<'_>) {
        if object.is_empty() {
            walk.findings.push(format!("{path}: empty object"));
        }
        let attributes = of["attributes"].as_object().expect("attributes");
        for (key, value) in object {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            match attributes.get(key) {
                None => walk
                    .findings
                    .push(format!("{path}: not an attribute of {}", of["name"])),
                Some(attribute) if !allowed(attribute, &walk.profiles) => {
                    walk.findings
                        .push(format!("{path}: its profile is not in metadata.profiles"));
                }
                Some(attribute) => {
                    self.value(attribute, value, &path, walk);
                    sibling(attribute, value, object, &path, walk);
                }
            }
        }
        for (key, attribute) in attributes {
            let required =
                attribute["requirement"] == "required" && allowed(attribute, &walk.profiles);
            if required && !object.contains_key(key) {
                walk.findings.push(format!("{path}: {key} is required"));
            }
        }
        for (kind, names) in of["constraints"].as_object().into_iter().flatten() {
            let names = names
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let present = names.filter(|name| object.contains_key(*name)).count();
            if (kind == "at_least_one" && present == 0) || (kind == "just_one" && present != 1) {
                walk.findings
                    .push(format!("{path}: {kind} of {}", of["constraints"][kind]));
            }
        }
    }

    fn value(&self, attribute: &Value, value: &Value, path: &str, walk: &mut Walk<'_>) {
        if attribute["is_array"] != true {
            return self.one(attribute, value, path, walk);
        }
        match value.as_array() {
            None => walk.findings.push(format!("{path}: not an array")),
            Some(list) if list.is_empty() => walk.findings.push(format!("{path}: empty array")),
            Some(list) => list
                .iter()
                .for_each(|value| self.one(attribute, value, path, walk)),
        }
    }

    fn one(&self, attribute: &Value, value: &Value, path: &str, walk: &mut Walk<'_>) {
        let kind = attribute["type"].as_str().expect("a type");
        if kind == "object_t" {
            let of =
                &self.schema["objects"][attribute["object_type"].as_str().expect("an object type")];
            match value.as_object() {
                None => walk.findings.push(format!("{path}: not an object")),
                // A free-form object, such as `unmapped`.
                Some(_) if of["attributes"].as_object().is_none_or(Map::is_empty) => {}
                Some(object) => self.object(of, object, path, walk),
            }
            return;
        }
        let key = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        if attribute["enum"]
            .as_object()
            .is_some_and(|known| !known.contains_key(&key))
        {
            walk.findings
                .push(format!("{path}: {key} is not in its enum"));
        }
        self.scalar(kind, value, path, walk);
    }

    fn scalar(&self, kind: &str, value: &Value, path: &str, walk: &mut Walk<'_>) {
        let types = &self.schema["dictionary"]["types"]["attributes"];
        let mut chain = vec![kind];
        while let Some(base) = types[chain[chain.len() - 1]]["type"].as_str() {
            chain.push(base);
        }
        let typed = match chain[chain.len() - 1] {
            "json_t" => return,
            "string_t" => value.is_string(),
            "boolean_t" => value.is_boolean(),
            "integer_t" => value
                .as_i64()
                .is_some_and(|number| i32::try_from(number).is_ok()),
            "long_t" => value.as_i64().is_some(),
            "float_t" => value.is_number(),
            other => panic!("{other} is not a base type"),
        };
        if !typed {
            walk.findings
                .push(format!("{path}: {value} is not of type {kind}"));
            return;
        }
        for name in chain {
            let text = value.as_str().unwrap_or_default();
            if self
                .formats
                .get(name)
                .is_some_and(|format| !format.is_match(text))
            {
                walk.findings
                    .push(format!("{path}: {text:?} is not of type {name}"));
            }
            if types[name]["max_len"]
                .as_u64()
                .is_some_and(|max| text.chars().count() as u64 > max)
            {
                walk.findings
                    .push(format!("{path}: longer than {name} may be"));
            }
            if let (Some(range), Some(number)) = (types[name]["range"].as_array(), value.as_i64()) {
                let bound = |at: usize| range[at].as_i64().expect("a bound");
                if number < bound(0) || number > bound(1) {
                    walk.findings
                        .push(format!("{path}: {number} is outside of {name}"));
                }
            }
        }
        if value == "" {
            walk.findings.push(format!("{path}: empty string"));
        }
    }

    /// Whether a path of attributes exists. Paths into free-form data do not count.
    fn resolves(&self, of: &Value, path: &str, profiles: &[&str]) -> bool {
        let (head, rest) = path
            .split_once('.')
            .map_or((path, None), |(head, rest)| (head, Some(rest)));
        let attribute = &of["attributes"][head];
        if attribute.is_null() || !allowed(attribute, profiles) {
            return false;
        }
        match (rest, attribute["object_type"].as_str()) {
            (None, _) => true,
            (Some(rest), Some(object)) => {
                self.resolves(&self.schema["objects"][object], rest, profiles)
            }
            (Some(_), None) => false,
        }
    }
}

/// The profiles that include an attribute; empty if it needs none.
pub(crate) fn profiles(attribute: &Value) -> impl Iterator<Item = &str> {
    let names = attribute["profiles"].as_array().into_iter().flatten();
    names
        .filter_map(Value::as_str)
        .map(|name| name.rsplit('/').next().unwrap_or(name))
}

fn allowed(attribute: &Value, given: &[&str]) -> bool {
    profiles(attribute).next().is_none() || profiles(attribute).any(|name| given.contains(&name))
}

/// The caption that belongs to an enum's number.
fn sibling(
    attribute: &Value,
    value: &Value,
    object: &Map<String, Value>,
    path: &str,
    walk: &mut Walk<'_>,
) {
    let Some(name) = attribute["sibling"].as_str() else {
        return;
    };
    let (Some(number), Some(known)) = (value.as_i64(), attribute["enum"].as_object()) else {
        return;
    };
    let text = object.get(name).and_then(Value::as_str);
    let caption = known
        .get(&number.to_string())
        .and_then(|entry| entry["caption"].as_str());
    if number == 99 && text.is_none() {
        walk.findings.push(format!("{path}: 99 without {name}"));
    }
    if number != 99 && text.is_some() && caption.is_some() && text != caption {
        walk.findings.push(format!(
            "{path}: {text:?} beside {number}, which is {caption:?}"
        ));
    }
}
