//! JSON whose values keep their text: columns of free JSON hold it, and so does whatever fits no column.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order. Of a name that is there twice both are.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<Member<'a>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// Without its quotes, otherwise as it stands in the text: escapes are not decoded.
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

impl<'a> Members<'a> {
    /// An error where `text` is no JSON object.
    pub(crate) fn of(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Member<'a>> {
        self.0.iter().copied()
    }

    /// The value of the first member with this name.
    pub(crate) fn first(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|of| of.name == name).map(|of| of.value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(16);
        // Names are taken as text too: one with half a surrogate pair has no other form.
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            members.push(Member {
                name: unquoted(name.get()).unwrap_or(name.get()),
                value: value.get(),
            });
        }
        Ok(Members(members))
    }
}

/// The elements of a list. An error where `text` is none.
pub(crate) fn elements(text: &str) -> Result<Vec<&RawValue>, serde_json::Error> {
    serde_json::from_str(text)
}

/// What a string says; none where `text` is no string, or has half a surrogate pair, which no UTF-8 has.
pub(crate) fn string(text: &str) -> Option<Cow<'_, str>> {
    let plain = unquoted(text)?;
    if plain.contains('\\') {
        serde_json::from_str(text).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(plain))
    }
}

fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_text() {
        let text = r#" {"a" : 1.50, "\ud800\u0041":{"b":[ ]},"a":"\ude00"} "#;
        let members: Vec<_> = Members::of(text)
            .unwrap()
            .iter()
            .map(|of| (of.name, of.value))
            .collect();
        let expect = [
            ("a", "1.50"),
            (r"\ud800\u0041", r#"{"b":[ ]}"#),
            ("a", r#""\ude00""#),
        ];
        assert_eq!(members, expect);
        assert_eq!(Members::of(text).unwrap().first("a"), Some("1.50"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for bad in [
            "",
            "[]",
            "7",
            "{",
            r#"{"a"}"#,
            r#"{"a":1,}"#,
            r#"{"a":01}"#,
            r#"{"a":[}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"\x"}"#,
            "{} {}",
        ] {
            assert!(Members::of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn any_depth_is_read() {
        let nested = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Members::of(&nested).unwrap().iter().count(), 1);
    }

    #[test]
    fn escapes_are_decoded_where_they_are_text() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(string(text).as_deref(), expect);
        check(r#""plain é""#, Some("plain é"));
        check(r#""a\"\\\/\n\u00e9\ud83d\ude00""#, Some("a\"\\/\né😀"));
        check(r#""a\ud83d""#, None);
        check(r#""\ude00""#, None);
        check("7", None);
    }
}
