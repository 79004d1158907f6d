//! `src/project/table.rs` and its objects: derived from the official schemas, and compared with what is checked in.

mod history;

use crate::schema::{self, Schema};
use history::History;
use normalize::OcsfVersion;
use regex_lite::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// The classes of our events, and their names in the table.
const CLASSES: [(i64, &str); 13] = [
    (0, "BASE_EVENT"),
    (2004, "DETECTION_FINDING"),
    (2006, "DATA_SECURITY_FINDING"),
    (3001, "ACCOUNT_CHANGE"),
    (3002, "AUTHENTICATION"),
    (3004, "ENTITY_MANAGEMENT"),
    (3005, "USER_ACCESS"),
    (3006, "GROUP_MANAGEMENT"),
    (4009, "EMAIL_ACTIVITY"),
    (6001, "WEB_RESOURCES_ACTIVITY"),
    (6002, "APPLICATION_LIFECYCLE"),
    (6003, "API_ACTIVITY"),
    (6006, "FILE_HOSTING"),
];

/// Object types that the projection handles by name.
const PUBLIC: [&str; 4] = ["ACTOR", "FINDING_INFO", "METADATA", "OBSERVABLE"];

/// Longest line of the table, in characters.
const WIDTH: usize = 120;

/// Set to write the tables instead of comparing them.
const WRITE: &str = "WRITE_TABLES";

#[test]
#[expect(clippy::disallowed_methods, reason = "this is no setting of ours")]
fn the_table_is_what_the_schemas_say() {
    let folder = PathBuf::from(SOURCES).join("project");
    let (classes, objects) = Derivation::new().table();
    for (name, derived) in [("table.rs", classes), ("table/objects.rs", objects)] {
        let path = folder.join(name);
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, &derived).expect("the table can be written");
        }
        let is_current = std::fs::read_to_string(&path).is_ok_and(|text| text == derived);
        assert!(
            is_current,
            "src/project/{name} is not what the schemas and the mapping say: write it with {WRITE}=1 cargo test -p normalize table"
        );
    }
}

/// A walk through everything that an event can hold: the attributes of the classes and of the objects in them, as far
/// as the mapping's source contains their names.
struct Derivation {
    words: BTreeSet<String>,
    /// The text of each object type that was walked; empty while it is being walked.
    objects: BTreeMap<String, String>,
}

impl Derivation {
    fn new() -> Self {
        let mut words = BTreeSet::new();
        read_words(Path::new(SOURCES), &mut words);
        assert!(
            words.len() > 300,
            "only {} words in the mapping",
            words.len()
        );
        Self {
            words,
            objects: BTreeMap::new(),
        }
    }

    fn table(mut self) -> (String, String) {
        let mut classes = String::new();
        let mut index = String::new();
        for (uid, name) in CLASSES {
            let text = self.item(name, |schema| schema.class(uid));
            classes.push_str(&text);
            writeln!(index, "    ({uid}, &{name}),").expect("a string takes it");
        }
        let body = format!(
            "/// Profiles that came after 1.1.0.\n\
             pub(super) const PROFILES: &[(&str, OcsfVersion)] = &[{}];\n\n\
             /// The classes by their uid.\n\
             pub(super) const CLASSES: &[(i64, &Object)] = &[\n{index}];\n\n\
             /// Attributes of Data Security Finding that Detection Finding does not have.\n\
             pub(super) const NOT_IN_DETECTION_FINDING: &[&str] = &[{}];\n\n\
             /// Attributes of Email Activity that API Activity does not have.\n\
             pub(super) const NOT_IN_API_ACTIVITY: &[&str] = &[{}];\n{classes}",
            self.profiles(),
            self.foreign(2006, 2004),
            self.foreign(4009, 6003),
        );
        let objects: String = self.objects.values().map(String::as_str).collect();
        let names = self.objects.keys().map(|name| name.to_uppercase());
        let names = names
            .filter(|name| body.contains(&format!("&{name})")) || PUBLIC.contains(&name.as_str()));
        let names: Vec<_> = names.collect();
        let classes = format!(
            "//! How versions of OCSF before 1.8.0 differ on the attributes that the mapping writes: see [`super::attribute`].\n\
             //!\n\
             //! Derived from the official schemas: `WRITE_TABLES=1 cargo test -p normalize table` writes it.\n\n\
             mod objects;\n\n\
             pub(super) use objects::{{{}}};\n\n\
             use super::attribute::{{Object, {}}};\n\
             use crate::version::OcsfVersion::{{self, {}}};\n\
\n{body}",
            wrapped(&names),
            used(&body, &["at", "at_least_one", "just_one"]),
            used_versions(&body),
        );
        let objects = format!(
            "//! The object types used in the classes, derived from the official schemas like the classes.\n\n\
             use crate::version::OcsfVersion::{{{}}};\n\
             use crate::project::attribute::{{Object, {}}};\n{objects}",
            used_versions(&objects),
            used(&objects, &["at", "at_least_one", "just_one"]),
        );
        (classes, objects)
    }

    /// Attributes that one class has and another does not.
    fn foreign(&self, of: i64, to: i64) -> String {
        let newest = schema::of(OcsfVersion::V1_8);
        let attributes = |uid| {
            newest.class(uid).expect("a class")["attributes"]
                .as_object()
                .expect("attributes")
        };
        let known = attributes(to);
        let mut foreign: Vec<_> = attributes(of)
            .keys()
            .filter(|name| self.words.contains(*name) && !known.contains_key(*name))
            .map(|name| format!("{name:?}"))
            .collect();
        foreign.sort();
        foreign.join(", ")
    }

    fn profiles(&self) -> String {
        let newest = schema::of(OcsfVersion::V1_8).profiles();
        let later = newest
            .iter()
            .filter(|name| self.words.contains(*name))
            .filter_map(|name| {
                let since = OcsfVersion::ALL
                    .into_iter()
                    .find(|version| schema::of(*version).profiles().contains(name))?;
                (since > OcsfVersion::V1_1).then(|| format!("({name:?}, {})", constant(since)))
            });
        later.collect::<Vec<_>>().join(", ")
    }

    fn item(
        &mut self,
        name: &str,
        find: impl Fn(&'static Schema) -> Option<&'static Value>,
    ) -> String {
        let versions: Vec<_> = OcsfVersion::ALL
            .into_iter()
            .filter_map(|version| Some((version, find(schema::of(version))?)))
            .collect();
        let (newest, item) = versions.last().expect("some version has it");
        assert_eq!(*newest, OcsfVersion::V1_8, "{name} is not in 1.8.0");
        let constraints = constraints(&versions, &self.words);
        let mut entries = Vec::new();
        let mut names: Vec<&String> = item["attributes"]
            .as_object()
            .expect("attributes")
            .keys()
            .collect();
        names.sort();
        for attribute in names {
            if !self.words.contains(attribute) {
                continue;
            }
            let of = versions
                .iter()
                .map(|(version, item)| (*version, item["attributes"].get(attribute)));
            let history = History {
                name: attribute,
                of: of.collect(),
            };
            let said = self.facts(&history);
            let constrained = constraints
                .iter()
                .any(|text| text.contains(&format!("{attribute:?}")));
            if !said.is_empty() || constrained {
                entries.push(format!("at({attribute:?}){said}"));
            }
        }
        assert!(entries.len() <= 64, "{name}: one bit for each attribute");
        format!(
            "\npub(in crate::project) static {name}: Object = Object {{\n    attributes: &[{}],\n    constraints: &[{}],\n}};\n",
            wrapped(&entries),
            wrapped(&constraints),
        )
    }

    /// How an attribute differs between versions, as calls of its builder; nothing for most attributes.
    fn facts(&mut self, history: &History<'_>) -> String {
        let mut said = String::new();
        let newest = history.newest();
        let since = history.since();
        if since > history.of[0].0 {
            write!(said, ".since({})", constant(since)).expect("a string takes it");
        }
        match newest["type"].as_str().expect("a type") {
            "email_t" => said.push_str(".email()"),
            "hostname_t" => said.push_str(".host()"),
            "file_hash_t" => said.push_str(".hash()"),
            "json_t" => said.push_str(".free()"),
            "object_t" => {
                let kind = newest["object_type"].as_str().expect("an object type");
                let empty = |item: &Value| {
                    item["attributes"]
                        .as_object()
                        .is_none_or(|of| of.is_empty())
                };
                if schema::of(OcsfVersion::V1_8)
                    .object_type(kind)
                    .is_none_or(empty)
                {
                    said.push_str(".free()");
                } else {
                    self.visit(kind);
                    write!(said, ".object(&{})", kind.to_uppercase()).expect("a string takes it");
                }
            }
            _ => {}
        }
        said.push_str(&history.values());
        said.push_str(&history.required());
        said.push_str(&history.profile(&said));
        said
    }

    fn visit(&mut self, kind: &str) {
        if !self.objects.contains_key(kind) {
            self.objects.insert(kind.to_owned(), String::new());
            let owned = kind.to_owned();
            let text = self.item(&kind.to_uppercase(), |schema| schema.object_type(&owned));
            self.objects.insert(kind.to_owned(), text);
        }
    }
}

/// The constraints of a class or an object type, limited to the attributes that the mapping writes.
fn constraints(versions: &[(OcsfVersion, &Value)], words: &BTreeSet<String>) -> Vec<String> {
    let of = |item: &Value| -> Vec<String> {
        let kinds = item["constraints"].as_object().into_iter().flatten();
        let texts = kinds.map(|(kind, names)| {
            let names = names
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let known = item["attributes"].as_object().expect("attributes");
            let mut names: Vec<_> = names
                .filter(|name| words.contains(*name) && known.contains_key(*name))
                .collect();
            names.sort_unstable();
            let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
            format!("{kind}(&[{}])", names.join(", "))
        });
        texts.collect()
    };
    let mut runs: Vec<(Vec<String>, OcsfVersion, OcsfVersion)> = Vec::new();
    for (version, item) in versions {
        let now = of(item);
        match runs.last_mut() {
            Some((then, _, last)) if *then == now => *last = *version,
            _ => runs.push((now, *version, *version)),
        }
    }
    let oldest = versions[0].0;
    let texts = runs.iter().flat_map(|(texts, first, last)| {
        texts.iter().map(move |text| {
            let mut text = text.clone();
            if *first > oldest {
                write!(text, ".since({})", constant(*first)).expect("a string takes it");
            }
            if let Some(next) = OcsfVersion::ALL.into_iter().find(|version| version > last) {
                write!(text, ".before({})", constant(next)).expect("a string takes it");
            }
            text
        })
    });
    texts.collect()
}

/// The entries of a list: on the list's own line if they fit, or else wrapped.
fn wrapped(entries: &[String]) -> String {
    let whole = entries.join(", ");
    if whole.len() + "    attributes: &[],".len() <= WIDTH {
        return whole;
    }
    let mut lines = vec![String::new()];
    for entry in entries {
        let width = lines.last().map_or(0, String::len);
        if width > 0 && "        ".len() + width + 2 + entry.len() > WIDTH {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            let separator = if line.is_empty() { "" } else { " " };
            write!(line, "{separator}{entry},").expect("a string takes it");
        }
    }
    format!("\n        {}\n    ", lines.join("\n        "))
}

/// Those of the named functions that a text calls.
fn used(text: &str, names: &[&str]) -> String {
    let called = names.iter().filter(|name| {
        Regex::new(&format!(r"\b{name}\("))
            .expect("a regex")
            .is_match(text)
    });
    called.copied().collect::<Vec<_>>().join(", ")
}

fn used_versions(text: &str) -> String {
    let names = OcsfVersion::ALL.into_iter().map(constant);
    names
        .filter(|name| text.contains(name.as_str()))
        .collect::<Vec<_>>()
        .join(", ")
}

fn constant(version: OcsfVersion) -> String {
    format!("{version:?}")
}

/// Every string in the mapping's source that may be the name of an attribute.
fn read_words(folder: &Path, words: &mut BTreeSet<String>) {
    let name = Regex::new("\"([a-z][a-z0-9_]*)\"").expect("a regex");
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_words(&path, words);
        } else if !path.ends_with("project/table.rs") && !path.ends_with("project/table/objects.rs")
        {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            words.extend(name.captures_iter(code).map(|found| found[1].to_owned()));
        }
    }
}
