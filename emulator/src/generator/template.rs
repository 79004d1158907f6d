//! A record as bytes with holes.

use std::fmt;
use std::io::Write;
use std::ops::Range;

use jiff::Timestamp;
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::users::{People, Person};
use crate::content_type::ContentType;
use crate::dice::Dice;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hole {
    Id,
    Tenant,
    Time,
    Upn,
    UpnUpper,
    Name,
    ObjectId,
    Puid,
    Domain,
    Ip,
    Ip6,
    Port,
    Guid,
    Session,
    Hex,
    Number,
}

impl Hole {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "tenant" => Self::Tenant,
            "time" => Self::Time,
            "upn" => Self::Upn,
            "UPN" => Self::UpnUpper,
            "name" => Self::Name,
            "oid" => Self::ObjectId,
            "puid" => Self::Puid,
            "domain" => Self::Domain,
            "ip" => Self::Ip,
            "ip6" => Self::Ip6,
            "port" => Self::Port,
            "guid" => Self::Guid,
            "session" => Self::Session,
            "hex" => Self::Hex,
            "number" => Self::Number,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Hole(Hole),
}

/// A record with holes, ready to be written any number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    /// A built-in record: `{{name}}` is a hole; an unknown name stays as it is.
    pub(crate) fn with_placeholders(line: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((hole, behind)) = after
                .split_once("}}")
                .and_then(|(name, behind)| Some((Hole::named(name)?, behind)))
            else {
                break;
            };
            parts.push(Part::Text(before.into()));
            parts.push(Part::Hole(hole));
            rest = behind;
        }
        parts.push(Part::Text(rest.into()));
        Self(parts)
    }

    /// A raw record, kept byte for byte but for the values of its own `Id` and `OrganizationId`.
    /// One that lacks them gets them in front: a published record must be one of a kind.
    pub(crate) fn of_raw_record(line: &str) -> Result<(ContentType, Self), serde_json::Error> {
        let fields = Fields::of(line)?;
        let mut holes: Vec<(Range<usize>, Hole)> = Vec::new();
        let mut missing = Vec::new();
        for (name, hole) in [("Id", Hole::Id), ("OrganizationId", Hole::Tenant)] {
            match fields.range(line, name) {
                Some(range) => holes.push((range, hole)),
                None => missing.push((name, hole)),
            }
        }
        holes.sort_by_key(|(range, _)| range.start);
        let mut parts = vec![Part::Text("{".into())];
        let mut at = line.find('{').map_or(0, |brace| brace + 1);
        for (position, (name, hole)) in missing.iter().enumerate() {
            parts.push(Part::Text(format!("\"{name}\":\"").into()));
            parts.push(Part::Hole(*hole));
            let last = position + 1 == missing.len() && fields.0.is_empty();
            parts.push(Part::Text(if last { "\"" } else { "\"," }.into()));
        }
        for (range, hole) in holes {
            parts.push(Part::Text(format!("{}\"", &line[at..range.start]).into()));
            parts.push(Part::Hole(hole));
            parts.push(Part::Text("\"".into()));
            at = range.end;
        }
        parts.push(Part::Text(line[at..].into()));
        Ok((fields.content_type(), Self(parts)))
    }

    /// Appends the record with its holes filled.
    pub(crate) fn write(
        &self,
        id: Uuid,
        time: Timestamp,
        people: &People,
        dice: &mut Dice,
        out: &mut Vec<u8>,
    ) {
        let person = people.person(dice.next());
        let session = dice.next();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Hole(hole) => {
                    // Writing to memory does not fail.
                    let _ = fill(
                        *hole,
                        &Filling {
                            id,
                            time,
                            people,
                            person,
                            session,
                        },
                        dice,
                        out,
                    );
                }
            }
        }
    }
}

struct Filling<'a> {
    id: Uuid,
    time: Timestamp,
    people: &'a People,
    person: Option<&'a Person>,
    session: u64,
}

fn fill(hole: Hole, with: &Filling<'_>, dice: &mut Dice, out: &mut Vec<u8>) -> std::io::Result<()> {
    let of_person = |field: fn(&Person) -> &str| with.person.map(field).unwrap_or_default();
    match hole {
        Hole::Id => write_uuid(with.id, out),
        Hole::Tenant => out.extend_from_slice(with.people.tenant.as_bytes()),
        Hole::Time => write!(out, "{}", with.time.strftime("%Y-%m-%dT%H:%M:%S"))?,
        Hole::Upn => out.extend_from_slice(of_person(|person| &person.upn).as_bytes()),
        Hole::UpnUpper => out.extend(
            of_person(|person| &person.upn)
                .bytes()
                .map(|byte| byte.to_ascii_uppercase()),
        ),
        Hole::Name => out.extend_from_slice(of_person(|person| person.name).as_bytes()),
        Hole::ObjectId => out.extend_from_slice(of_person(|person| &person.object_id).as_bytes()),
        Hole::Puid => out.extend_from_slice(of_person(|person| &person.puid).as_bytes()),
        Hole::Domain => out.extend_from_slice(with.people.domain.as_bytes()),
        // The documentation networks of RFC 5737 and RFC 3849.
        Hole::Ip => write!(
            out,
            "{}.{}",
            ["192.0.2", "198.51.100", "203.0.113"][dice.below(3) as usize],
            dice.below(254) + 1
        )?,
        Hole::Ip6 => write!(
            out,
            "2001:db8:{:x}::{:x}",
            dice.below(0xffff),
            dice.below(0xfffe) + 1
        )?,
        Hole::Port => write!(out, "{}", 1024 + dice.below(64_000))?,
        Hole::Guid => write_uuid(dice.uuid(), out),
        Hole::Session => write_uuid(Dice::of(&[with.session]).uuid(), out),
        Hole::Hex => write!(out, "{:016X}", dice.next())?,
        Hole::Number => write!(out, "{}", dice.below(1_000_000))?,
    }
    Ok(())
}

fn write_uuid(id: Uuid, out: &mut Vec<u8>) {
    let mut buffer = Uuid::encode_buffer();
    out.extend_from_slice(id.hyphenated().encode_lower(&mut buffer).as_bytes());
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
            // DLP matches in SharePoint (11) and Exchange (13), undo (33), and the Exchange copies (107).
            (11 | 13 | 33 | 107, _) => ContentType::Dlp,
            (_, "AzureActiveDirectory") => ContentType::AzureActiveDirectory,
            (_, "Exchange") => ContentType::Exchange,
            (_, "SharePoint" | "OneDrive") => ContentType::SharePoint,
            _ => ContentType::General,
        }
    }
}
