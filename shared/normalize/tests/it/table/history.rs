//! How an attribute changed from version to version, as calls of its builder in the table.

use super::constant;
use crate::schema;
use normalize::OcsfVersion;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An attribute of one class or object type, in each version that has the class or type, oldest first.
pub(super) struct History<'s> {
    pub(super) name: &'s str,
    pub(super) of: Vec<(OcsfVersion, Option<&'s Value>)>,
}

impl History<'_> {
    pub(super) fn newest(&self) -> &Value {
        self.of.last().and_then(|(_, of)| *of).expect("in 1.8.0")
    }

    /// The first version that has the attribute. Every later version has it too, with the same type.
    pub(super) fn since(&self) -> OcsfVersion {
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

    /// Enum values that were added later than the attribute.
    pub(super) fn values(&self) -> String {
        // The projection copies these without looking at their values.
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

    /// Says where the attribute is required: by an older version but not by 1.8.0, or by all if the conversion may lose
    /// it.
    pub(super) fn required(&self) -> String {
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

    /// The profile that an older version requires and 1.8.0 does not. A profile of 1.8.0 is only given for required
    /// attributes.
    pub(super) fn profile(&self, said: &str) -> String {
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
