//! A record's members: each with its own JSON text, read when it is asked for.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use rsigma_eval::EventValue;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Members of a record that rules can reach. Microsoft's records have fewer than 100; of a record with more, which nobody at
/// Microsoft writes, the first ones are looked at.
pub const MEMBERS_MAX: usize = 1_000;

/// The members of a record, in its order.
#[derive(Debug)]
pub(super) struct Members<'r>(Vec<Member<'r>>);

/// One member of the record.
#[derive(Debug)]
pub(super) struct Member<'r> {
    pub(super) name: Cow<'r, str>,
    json: &'r str,
    parsed: OnceCell<Value>,
    text: OnceCell<String>,
}

#[derive(Deserialize)]
struct Name<'r>(#[serde(borrow)] Cow<'r, str>);

/// The members of an object; `None` when it is none, or is not JSON.
pub(super) fn cut(text: &str) -> Option<Members<'_>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(Cut).ok()?;
    deserializer.end().ok()?;
    Some(Members(members))
}

impl<'r> Members<'r> {
    pub(super) fn get(&self, name: &str) -> Option<&Member<'r>> {
        self.0.iter().find(|member| member.name == name)
    }

    /// The text of a member, if it is a string that says something.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let text = self.get(name)?.string()?;
        (!text.trim().is_empty()).then_some(text)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

struct Cut;

impl<'r> Visitor<'r> for Cut {
    type Value = Vec<Member<'r>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // Most records have some 25.
        let mut members = Vec::with_capacity(32);
        while members.len() < MEMBERS_MAX {
            let Some((Name(name), json)) = map.next_entry::<Name<'r>, &'r RawValue>()? else {
                return Ok(members);
            };
            members.push(Member {
                name,
                json: json.get(),
                parsed: OnceCell::new(),
                text: OnceCell::new(),
            });
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(members)
    }
}

impl Member<'_> {
    /// What a rule that names the member alone sees: a plain value as it is, a list of plain values as a list, anything else as
    /// its JSON text.
    pub(super) fn value(&self) -> EventValue<'_> {
        match self.json.as_bytes().first() {
            Some(b'"') => EventValue::Str(Cow::Borrowed(self.string().unwrap_or_default())),
            Some(b'{') => self.json_text(),
            Some(b'[') => match self.parsed() {
                Value::Array(list) if list.iter().all(is_plain) => {
                    EventValue::Array(list.iter().map(EventValue::from).collect())
                }
                _ => self.json_text(),
            },
            _ => EventValue::from(self.parsed()),
        }
    }

    /// The text of a member that is a string.
    pub(super) fn string(&self) -> Option<&str> {
        let inner = self.json.strip_prefix('"')?.strip_suffix('"')?;
        if !inner.contains('\\') {
            return Some(inner);
        }
        self.parsed().as_str()
    }

    /// The member as JSON. Nested too deep for the parser (128), it is null.
    pub(super) fn parsed(&self) -> &Value {
        self.parsed
            .get_or_init(|| serde_json::from_str(self.json).unwrap_or_default())
    }

    /// The member's text as it stands in the record. With characters escaped by number it is written anew: a rule's text must
    /// not miss them.
    fn json_text(&self) -> EventValue<'_> {
        let text = if self.json.contains("\\u") {
            self.text.get_or_init(|| self.parsed().to_string())
        } else {
            self.json
        };
        EventValue::Str(Cow::Borrowed(text))
    }
}

/// Neither a list nor an object.
pub(super) fn is_plain(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}
