//! `src/project/table.rs` and its objects: derived from the official schemas, and compared with what is checked in.

use crate::schema::{self, Schema};
use normalize::OcsfVersion;
use regex_lite::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// The classes that events are of, and the name of each in the table.
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

/// Object types of which the projection knows more than the schemas say.
const PUBLIC: [&str; 4] = ["ACTOR", "FINDING_INFO", "METADATA", "OBSERVABLE"];

/// Widest line of the table.
const WIDTH: usize = 120;

#[test]
fn the_table_is_what_the_schemas_say() {
    let folder = PathBuf::from(SOURCES).join("project");
    let (classes, objects) = Derivation::new().table();
    let mut differ = false;
    for (name, derived) in [("table.rs", classes), ("table/objects.rs", objects)] {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).unwrap_or_default() != derived {
            std::fs::write(&path, derived).expect("the table can be written");
            differ = true;
        }
    }
    assert!(
        !differ,
        "src/project/table was not what the schemas and the mapping say; it is now: run again, and commit it"
    );
}

/// The walk over all that events can hold: attributes of the classes and of what is in them, as far as their names
/// stand in the mapping's source.
struct Derivation {
    words: BTreeSet<String>,
    /// The text of each object type that was walked; empty while it is being walked.
    objects: BTreeMap<String, String>,
}

/// An attribute of one class or object type in each version that has the class or type, oldest first.
struct History<'s> {
    name: &'s str,
    of: Vec<(OcsfVersion, Option<&'s Value>)>,
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

    /// The texts of table.rs and table/objects.rs.
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
            "//! What versions of OCSF before 1.8.0 lack and demand, of what the mapping writes: see [`super::facts`].\n\
             //!\n\
             //! Derived from the official schemas by tests/it/table.rs, which writes it anew when it differs.\n\n\
             mod objects;\n\n\
             pub(super) use objects::{{{}}};\n\n\
             use super::facts::{{Object, {}}};\n\
             use crate::OcsfVersion::{{self, {}}};\n\
\n{body}",
            wrapped(&names),
            used(&body, &["at", "at_least_one", "just_one"]),
            used_versions(&body),
        );
        let objects = format!(
            "//! The object types in the classes: derived from the official schemas by tests/it/table.rs, as the classes are.\n\n\
             use crate::OcsfVersion::{{{}}};\n\
             use crate::project::facts::{{Object, {}}};\n{objects}",
            used_versions(&objects),
            used(&objects, &["at", "at_least_one", "just_one"]),
        );
        (classes, objects)
    }

    /// What one class has and another has not.
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

    /// The text of a class or an object type.
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

    /// What is to be said of an attribute, as calls of its builder; nothing for most.
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

impl History<'_> {
    fn newest(&self) -> &Value {
        self.of.last().and_then(|(_, of)| *of).expect("in 1.8.0")
    }

    /// The first version that has it; every later one has it too, and as the same type.
    fn since(&self) -> OcsfVersion {
        let first = self
            .of
            .iter()
            .position(|(_, of)| of.is_some())
            .expect("in 1.8.0");
        let newest = self.newest();
        for (version, of) in &self.of[first..] {
            let of = of.unwrap_or_else(|| panic!("{} is not in {version}", self.name));
            let texts = ["string_t", "file_path_t", "resource_uid_t"];
            let word = |of: &Value| {
                of["type"]
                    .as_str()
                    .is_some_and(|kind| texts.contains(&kind))
            };
            let same = of["type"] == newest["type"] || (word(of) && word(newest));
            assert!(
                same && of["object_type"] == newest["object_type"]
                    && (of["is_array"] == true) == (newest["is_array"] == true),
                "{} is of another type in {version}",
                self.name
            );
        }
        self.of[first].0
    }

    fn known(&self) -> impl Iterator<Item = (OcsfVersion, &Value)> {
        self.of
            .iter()
            .filter_map(|(version, of)| Some((*version, (*of)?)))
    }

    /// Values of the enum that came after the attribute.
    fn values(&self) -> String {
        // The classes and what follows from them are not looked up.
        let derived = ["category_uid", "class_uid", "type_uid"].contains(&self.name);
        let Some(newest) = self.newest()["enum"].as_object().filter(|_| !derived) else {
            return String::new();
        };
        let first = self.since();
        let mut later = BTreeMap::new();
        for value in newest.keys() {
            let has = |of: &Value| of["enum"].get(value).is_some();
            let since = self
                .known()
                .find(|(_, of)| has(of))
                .map(|(version, _)| version)
                .expect("in 1.8.0");
            let captions: BTreeSet<_> = self
                .known()
                .filter_map(|(_, of)| of["enum"][value]["caption"].as_str())
                .collect();
            let renamed =
                captions.len() > 1 && (self.name, value.as_str()) != ("logon_type_id", "0");
            assert!(!renamed, "{} {value} is {captions:?}", self.name);
            if since > first {
                later.insert(value.parse::<i64>().expect("a number"), constant(since));
            }
        }
        if later.is_empty() {
            return String::new();
        }
        let list: Vec<_> = later
            .iter()
            .map(|(value, since)| format!("({value}, {since})"))
            .collect();
        format!(".values(&[{}])", list.join(", "))
    }

    /// Demanded by an older version though not by 1.8.0, or something that may get lost on the way there.
    fn required(&self) -> String {
        let required = |of: &Value| of["requirement"] == "required";
        let versions: Vec<_> = self
            .known()
            .map(|(version, of)| (version, required(of)))
            .collect();
        let newest = required(self.newest());
        let may_get_lost = self.newest()["type"] == "object_t"
            || ["email_t", "hostname_t", "file_hash_t"]
                .iter()
                .any(|kind| self.newest()["type"] == *kind);
        if newest {
            return if may_get_lost {
                ".required()".to_owned()
            } else {
                String::new()
            };
        }
        let before = versions.iter().rev().find(|(_, required)| *required);
        let Some((last, _)) = before else {
            return String::new();
        };
        assert!(
            versions
                .iter()
                .all(|(version, required)| *required == (version <= last)),
            "{} is required now and then",
            self.name
        );
        let next = OcsfVersion::ALL
            .into_iter()
            .find(|version| version > last)
            .expect("before 1.8.0");
        format!(".required_before({})", constant(next))
    }

    /// The profile that some version wants and 1.8.0 does not, or by which the attribute is required.
    fn profile(&self, said: &str) -> String {
        let needs = |of: &Value| schema::profiles(of).map(str::to_owned).collect::<Vec<_>>();
        let newest = needs(self.newest());
        if !newest.is_empty() {
            assert!(
                self.known().all(|(_, of)| needs(of) == newest),
                "{}",
                self.name
            );
            let matters = said.contains(".required");
            return if matters {
                format!(".needs({:?})", newest[0])
            } else {
                String::new()
            };
        }
        let versions: Vec<_> = self
            .known()
            .map(|(version, of)| (version, needs(of)))
            .collect();
        let Some((last, wanted)) = versions.iter().rev().find(|(_, needs)| !needs.is_empty())
        else {
            return String::new();
        };
        assert!(
            versions.iter().all(|(version, needs)| if version <= last {
                needs == wanted
            } else {
                needs.is_empty()
            }),
            "{} needs a profile now and then",
            self.name
        );
        let next = OcsfVersion::ALL
            .into_iter()
            .find(|version| version > last)
            .expect("before 1.8.0");
        format!(".needs_before({:?}, {})", wanted[0], constant(next))
    }
}

/// The constraints of a class or an object type, by the attributes that the mapping writes.
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

/// The entries of a list: on the list's own line when they fit, else on as few lines as hold them.
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

/// Those of some functions that a text calls.
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

/// Every string of the mapping's source that may be an attribute's name.
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
