//! A record as rules see it: fields by name, path and alias, without copying it.
//!
//! The members are cut apart once; a member's own JSON is read when a rule first asks for something in it. docs/DETECTIONS.md
//! says how each field is reached.

mod alias;
mod member;
mod path;

use std::borrow::Cow;
use std::cell::OnceCell;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use normalize::{Context, Options, RawData};
use rsigma_eval::{Event, EventValue};
use serde_json::Value;
use uuid::Uuid;

use self::member::Members;
use crate::places::{Place, Places};

pub use self::member::MEMBERS_MAX;

/// Bytes of a record that are looked at: the longest record that the pipeline takes has 4 MiB.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why bytes are no record.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoRecord {
    /// Not JSON, not UTF-8, or no object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// Longer than [`RECORD_BYTES_MAX`].
    #[error("it has more than {RECORD_BYTES_MAX} bytes")]
    TooLong,
}

/// A record, borrowed from its bytes.
#[derive(Debug)]
pub struct Record<'r> {
    text: &'r str,
    members: Members<'r>,
    /// The record's OCSF event, made when a rule first asks for `ocsf.…`.
    event: OnceCell<Value>,
    whole: OnceCell<Value>,
    places: Option<&'r Places>,
    /// Where its address is, looked up when a rule first asks for it.
    located: OnceCell<Option<Located>>,
}

/// The place of a record's address, and the same as rules see it.
#[derive(Debug)]
struct Located {
    place: Place,
    json: Value,
}

impl<'r> Record<'r> {
    /// Cuts a record into its members.
    ///
    /// # Errors
    /// [`NoRecord`]
    pub fn read(bytes: &'r [u8]) -> Result<Self, NoRecord> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(NoRecord::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NoRecord::NotAnObject)?;
        Ok(Self {
            text,
            members: member::cut(text).ok_or(NoRecord::NotAnObject)?,
            event: OnceCell::new(),
            whole: OnceCell::new(),
            places: None,
            located: OnceCell::new(),
        })
    }

    /// The record with what is known of places: without, rules see none.
    #[must_use]
    pub fn with_places(self, places: &'r Places) -> Self {
        Self {
            places: Some(places),
            ..self
        }
    }

    /// A top-level member's text, if it is a string that says something.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.members.text_of(name)
    }

    /// `Id`, or a UUID of the record's bytes when it has none.
    #[must_use]
    pub fn id(&self) -> Cow<'_, str> {
        match self.text_of("Id") {
            Some(id) => Cow::Borrowed(id),
            None => {
                Cow::Owned(Uuid::new_v5(&Uuid::NAMESPACE_OID, self.text.as_bytes()).to_string())
            }
        }
    }

    /// `CreationTime`, in seconds since 1970; `None` when it cannot be read. Times without a zone are UTC.
    #[must_use]
    pub fn time(&self) -> Option<i64> {
        let text = self.text_of("CreationTime")?;
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(at.as_second());
        }
        let at: DateTime = text.parse().ok()?;
        let at = at.to_zoned(TimeZone::UTC).ok()?;
        Some(at.timestamp().as_second())
    }

    /// `OrganizationId`; empty when the record has none.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.text_of("OrganizationId").unwrap_or_default()
    }

    /// The texts of a field, for grouping and for what is told of a finding: of a list each one.
    #[must_use]
    pub fn texts(&self, field: &str) -> Vec<String> {
        match self.get_field(field) {
            Some(EventValue::Array(values)) => values
                .iter()
                .filter_map(|value| value.as_str().map(Cow::into_owned))
                .collect(),
            Some(value) => value.as_str().map(Cow::into_owned).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// The address that the record came from, without its port.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        alias::address(&self.members)
    }

    /// The id or name of the application that acted.
    #[must_use]
    pub fn application(&self) -> Option<&str> {
        alias::application(&self.members)
    }

    /// Where the address is that the record came from, if that is known.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.located().map(|of| &of.place)
    }

    fn located(&self) -> Option<&Located> {
        let located = self.located.get_or_init(|| {
            let place = self.places?.of(self.address()?)?;
            Some(Located {
                json: serde_json::to_value(&place).unwrap_or_default(),
                place,
            })
        });
        located.as_ref()
    }

    /// An attribute of the record's event. The event's address has no place by itself: it comes from the files of places.
    fn of_event(&self, path: &str) -> Option<EventValue<'_>> {
        let endpoint = path.strip_prefix("src_endpoint.");
        let place = endpoint.filter(|of| {
            let first = of.split('.').next();
            first.is_some_and(|of| ["location", "autonomous_system"].contains(&of))
        });
        match place {
            Some(path) => path::walk(&self.located()?.json, path),
            None => path::walk(self.event(), path),
        }
    }

    fn event(&self) -> &Value {
        self.event.get_or_init(|| {
            let options = Options {
                raw_data: RawData::Never,
                ..Options::default()
            };
            let context = Context {
                content_type: None,
                content_created_ms: None,
                options: &options,
            };
            let mut line = Vec::new();
            normalize::event(self.text.as_bytes(), &context, &mut line);
            serde_json::from_slice(&line).unwrap_or_default()
        })
    }

    fn whole(&self) -> &Value {
        self.whole
            .get_or_init(|| serde_json::from_str(self.text).unwrap_or_default())
    }
}

impl Event for Record<'_> {
    fn get_field(&self, field: &str) -> Option<EventValue<'_>> {
        if let Some(member) = self.members.get(field) {
            return Some(member.value());
        }
        if let Some(path) = field.strip_prefix("ocsf.") {
            return self.of_event(path);
        }
        let found = match field.split_once('.') {
            Some((first, rest)) => self
                .members
                .get(first)
                .and_then(|of| path::within(of, rest)),
            None => alias::field(&self.members, self.text, field),
        };
        found.or_else(|| path::named(&self.members, field))
    }

    fn any_string_value(&self, is_wanted: &dyn Fn(&str) -> bool) -> bool {
        path::any_text(self.whole(), is_wanted)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut texts = Vec::new();
        path::each_text(self.whole(), &mut texts);
        texts
    }

    fn to_json(&self) -> Value {
        self.whole().clone()
    }
}

#[cfg(test)]
mod tests;
