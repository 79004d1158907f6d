//! Templates: records with placeholders.

use std::fmt;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::placeholder::{Placeholder, Values};
use crate::content_type::ContentType;
use crate::rng::SeededRng;

// Record types of the feed DLP.All, by Microsoft's names.
const COMPLIANCE_DLP_SHAREPOINT: i64 = 11;
const COMPLIANCE_DLP_EXCHANGE: i64 = 13;
const COMPLIANCE_DLP_SHAREPOINT_CLASSIFICATION: i64 = 33;
const COMPLIANCE_DLP_EXCHANGE_CLASSIFICATION: i64 = 107;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Placeholder(Placeholder),
}

/// A record with placeholders, ready to be written any number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    /// A built-in template, in which `{{name}}` is a placeholder; an unknown name stays as it is.
    pub(super) fn with_placeholders(line: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((placeholder, behind)) = after
                .split_once("}}")
                .and_then(|(name, behind)| Some((Placeholder::named(name)?, behind)))
            else {
                break;
            };
            parts.push(Part::Text(before.into()));
            parts.push(Part::Placeholder(placeholder));
            rest = behind;
        }
        parts.push(Part::Text(rest.into()));
        Self(parts)
    }

    /// Which feed Microsoft would put the record of a built-in template into.
    pub(super) fn content_type(line: &str) -> Result<ContentType, serde_json::Error> {
        Ok(Fields::of(line)?.content_type())
    }

    /// A raw record, kept byte for byte but for the values of its own `Id` and `OrganizationId`.
    /// A record that lacks them gets them in front, since no two published records may have the same Id.
    pub(crate) fn of_raw_record(line: &str) -> Result<(ContentType, Self), serde_json::Error> {
        let fields = Fields::of(line)?;
        let mut placeholders: Vec<(Range<usize>, Placeholder)> = Vec::new();
        let mut missing = Vec::new();
        for (name, placeholder) in [
            ("Id", Placeholder::ID),
            ("OrganizationId", Placeholder::TENANT),
        ] {
            match fields.range(line, name) {
                Some(range) => placeholders.push((range, placeholder)),
                None => missing.push((name, placeholder)),
            }
        }
        placeholders.sort_by_key(|(range, _)| range.start);
        let mut parts = vec![Part::Text("{".into())];
        let mut at = line.find('{').map_or(0, |brace| brace + 1);
        for (position, (name, placeholder)) in missing.iter().enumerate() {
            parts.push(Part::Text(format!("\"{name}\":\"").into()));
            parts.push(Part::Placeholder(*placeholder));
            let last = position + 1 == missing.len() && fields.0.is_empty();
            parts.push(Part::Text(if last { "\"" } else { "\"," }.into()));
        }
        for (range, placeholder) in placeholders {
            parts.push(Part::Text(format!("{}\"", &line[at..range.start]).into()));
            parts.push(Part::Placeholder(placeholder));
            parts.push(Part::Text("\"".into()));
            at = range.end;
        }
        parts.push(Part::Text(line[at..].into()));
        Ok((fields.content_type(), Self(parts)))
    }

    /// Appends the record with values in place of its placeholders.
    pub(super) fn write(&self, values: &Values<'_>, rng: &mut SeededRng, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Placeholder(placeholder) => {
                    // Writing to memory does not fail.
                    let _ = placeholder.write(values, rng, out);
                }
            }
        }
    }
}

/// The top-level fields of a record, as they are written.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    fn of(line: &'a str) -> Result<Self, serde_json::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an audit record (a JSON object)")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let fields = deserializer.deserialize_map(Collect)?;
        deserializer.end()?;
        Ok(Self(fields))
    }

    fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| *value)
    }

    /// Where the value of a field lies in the line it was read from.
    fn range(&self, line: &str, name: &str) -> Option<Range<usize>> {
        let value = self.raw(name)?.get();
        let start = (value.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
        Some(start..start + value.len())
    }

    /// Which feed Microsoft would put this record into.
    fn content_type(&self) -> ContentType {
        let workload: String = self
            .raw("Workload")
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        let record_type: i64 = self
            .raw("RecordType")
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        match (record_type, workload.as_str()) {
            (
                COMPLIANCE_DLP_SHAREPOINT
                | COMPLIANCE_DLP_EXCHANGE
                | COMPLIANCE_DLP_SHAREPOINT_CLASSIFICATION
                | COMPLIANCE_DLP_EXCHANGE_CLASSIFICATION,
                _,
            ) => ContentType::Dlp,
            (_, "AzureActiveDirectory") => ContentType::AzureActiveDirectory,
            (_, "Exchange") => ContentType::Exchange,
            (_, "SharePoint" | "OneDrive") => ContentType::SharePoint,
            _ => ContentType::General,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::{Map, Value};
    use uuid::Uuid;

    use super::*;
    use crate::generator::Users;

    /// Any JSON value, a few levels deep.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,8}", inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// An object that may look like an audit record.
    fn record() -> impl Strategy<Value = Map<String, Value>> {
        let name = prop_oneof![
            "Id",
            "OrganizationId",
            "RecordType",
            "Workload",
            "\\PC{0,8}"
        ];
        prop::collection::btree_map(name, json(), 0..8)
            .prop_map(|fields| fields.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_raw_record_changes_only_in_id_and_tenant(record in record()) {
            let line = Value::Object(record.clone()).to_string();
            let (_, template) = Template::of_raw_record(&line).expect("an object");
            let users = Users::of(1, Uuid::max());
            let mut written = Vec::new();
            let values = Values::new(Uuid::nil(), Timestamp::UNIX_EPOCH, (&users, 0), 1);
            template.write(&values, &mut SeededRng::of(&[1]), &mut written);
            let mut written: Map<String, Value> = serde_json::from_slice(&written).expect("an object");
            let mut expect = record;
            expect.insert("Id".to_owned(), Value::from(Uuid::nil().to_string()));
            expect.insert("OrganizationId".to_owned(), Value::from(Uuid::max().to_string()));
            for fields in [&mut written, &mut expect] {
                fields.sort_keys();
            }
            prop_assert_eq!(written, expect);
        }
    }
}
