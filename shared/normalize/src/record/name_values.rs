//! Microsoft's lists of names and values: `[{"Name": "OS", "Value": "Windows10"}]`, in Teams `[{"Key": ..., "Value": ...}]`.

use super::text::meaningful;
use crate::json::{Kind, Seen, Text, Value, Writer};
use std::borrow::Cow;

/// Most names in one list that are checked for repeats, pair by pair. Known lists have 40; a longer list is written as
/// it is.
pub(crate) const NAMES_MAX: usize = 1_000;

/// The value of the entry called `name`, if it is meaningful.
pub(crate) fn property<'a>(list: Value<'a>, name: &str) -> Option<Cow<'a, str>> {
    meaningful(value(list, name)?)
}

/// The value of the entry called `name`, whatever it is.
pub(crate) fn value<'a>(list: Value<'a>, name: &str) -> Option<Value<'a>> {
    let entry = list.children().find(|entry| is_named(*entry, name))?;
    entry.get("Value")
}

pub(crate) fn entry_name<'a>(entry: Value<'a>) -> Option<Cow<'a, str>> {
    name_member(entry)?.str()
}

fn is_named(entry: Value<'_>, name: &str) -> bool {
    // The name is nearly always the first member.
    match entry.children().next() {
        Some(first) if first.key().is("Name") => first.is_text(name),
        _ => name_member(entry).is_some_and(|own| own.is_text(name)),
    }
}

fn name_member<'a>(entry: Value<'a>) -> Option<Value<'a>> {
    let mut key = None;
    for member in entry.children() {
        if member.key().is("Name") {
            return Some(member);
        }
        if key.is_none() && member.key().is("Key") {
            key = Some(member);
        }
    }
    key
}

/// An entry with a name, perhaps a value, and nothing else.
struct Entry<'a> {
    name: Text<'a>,
    value: Option<Value<'a>>,
}

impl<'a> Entry<'a> {
    fn of(entry: Value<'a>) -> Option<Self> {
        let mut members = entry.children();
        let (first, second) = (members.next()?, members.next());
        if members.next().is_some() {
            return None;
        }
        let is_value = |member: Value<'_>| member.key().is("Value");
        let (name, value) = match second {
            Some(name) if is_value(first) => (name, Some(first)),
            Some(value) if is_value(value) => (first, second),
            Some(_) => return None,
            None => (first, None),
        };
        match name.kind() {
            Kind::Text(text) if name.key().is("Name") || name.key().is("Key") => {
                Some(Self { name: text, value })
            }
            _ => None,
        }
    }
}

/// Writes a list as an object, with the values of a repeated name as an array. Returns false, and writes nothing, if
/// that would lose something.
pub(crate) fn write(w: &mut Writer, key: &str, list: Value<'_>) -> bool {
    if !list.is_array() {
        return false;
    }
    // Enough for nearly all lists.
    let mut entries = Vec::with_capacity(32);
    for entry in list.children() {
        match Entry::of(entry) {
            Some(entry) if entries.len() < NAMES_MAX => entries.push(entry),
            _ => return false,
        }
    }
    let repeats = repeats(&entries);
    w.object(key, |w| {
        if repeats {
            write_repeating(w, &entries);
        } else {
            entries
                .iter()
                .for_each(|entry| w.named_by(entry.name, entry.value));
        }
    });
    true
}

/// Whether a name is repeated. Old directory records have lists of 40 names, so most comparisons are avoided.
fn repeats(entries: &[Entry<'_>]) -> bool {
    let mut seen = Seen::default();
    entries.iter().enumerate().any(|(at, Entry { name, .. })| {
        let same = |earlier: &Entry<'_>| earlier.name.same(*name);
        seen.perhaps(*name) && entries[..at].iter().any(same)
    })
}

fn write_repeating(w: &mut Writer, entries: &[Entry<'_>]) {
    for (at, Entry { name, value }) in entries.iter().enumerate() {
        let same = |other: &&Entry<'_>| other.name.same(*name);
        if entries[..at].iter().any(|entry| same(&entry)) {
            continue;
        }
        if entries[at + 1..].iter().any(|entry| same(&entry)) {
            w.named(&name.cow());
            w.bare_array(|w| {
                entries
                    .iter()
                    .filter(same)
                    .for_each(|entry| w.element_or_null(entry.value));
            });
        } else {
            w.named_by(*name, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[track_caller]
    fn check(list: &str, expect: Option<&str>) {
        let doc = parse(list.as_bytes()).unwrap();
        let mut w = Writer::new(Vec::new());
        let written = write(&mut w, "l", doc.root());
        let text = String::from_utf8(w.into_bytes()).unwrap();
        assert_eq!(written.then_some(text.as_str()), expect, "{list}");
        assert!(written || text.is_empty(), "{list}");
    }

    #[test]
    fn regular_lists_become_objects() {
        check(
            r#"[{"Name":"a","Value":"1"},{"Value":2,"Name":"b"}]"#,
            Some(r#""l":{"a":"1","b":2}"#),
        );
        check(
            r#"[{"Key":"a","Value":{"x":[]}}]"#,
            Some(r#""l":{"a":{"x":[]}}"#),
        );
        check(r#"[{"Name":"a"}]"#, Some(r#""l":{"a":null}"#));
        check("[]", Some(""));
    }

    #[test]
    fn values_of_repeated_names_become_lists() {
        let list = r#"[{"Name":"a","Value":1},{"Name":"b","Value":2},{"Name":"\u0061"},{"Name":"a","Value":[3]}]"#;
        check(list, Some(r#""l":{"a":[1,null,[3]],"b":2}"#));
    }

    #[test]
    fn a_list_of_too_many_names_stays_a_list() {
        let list = |names: usize| {
            let entries: Vec<String> = (0..names)
                .map(|name| format!(r#"{{"Name":"{name}","Value":1}}"#))
                .collect();
            format!("[{}]", entries.join(","))
        };
        let written = |list: &str| {
            let doc = parse(list.as_bytes()).unwrap();
            write(&mut Writer::new(Vec::new()), "l", doc.root())
        };
        assert!(written(&list(NAMES_MAX)));
        assert!(!written(&list(NAMES_MAX + 1)));
    }

    #[test]
    fn a_list_that_would_lose_something_stays_a_list() {
        for list in [
            r#"[{"Name":"a","Value":1,"More":2}]"#,
            r#"[{"Name":"a","Key":"b","Value":1}]"#,
            r#"[{"Name":1,"Value":1}]"#,
            r#"[{"Value":1}]"#,
            r#"["a"]"#,
            r#"{"Name":"a","Value":1}"#,
            "null",
        ] {
            check(list, None);
        }
    }
}
