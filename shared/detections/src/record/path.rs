//! Paths into a record: dots through objects and lists, and lists of names and values by the name.

use std::borrow::Cow;

use rsigma_eval::EventValue;
use serde_json::Value;

use super::member::{Member, Members, is_plain};

/// Lists of names and values, in the order in which a bare name is looked for in them.
const LISTS: [&str; 6] = [
    "Parameters",
    "ExtendedProperties",
    "OperationProperties",
    "DeviceProperties",
    "ExtendedFields",
    "ModifiedProperties",
];

/// Values that one path leads to. A list in a record has some tens; of a longer one the first are compared.
const VALUES_MAX: usize = 10_000;

/// A field that is no member itself: `rest` of the path within the member.
pub(super) fn within<'m>(member: &'m Member<'_>, rest: &str) -> Option<EventValue<'m>> {
    let parsed = member.parsed();
    if LISTS.contains(&&*member.name)
        && let Value::Array(list) = parsed
        && let Some(found) = of_list(list, rest)
    {
        return Some(found);
    }
    walk(parsed, rest)
}

/// A bare name that is neither a member nor an alias: the first list of names and values that has it.
pub(super) fn named<'r>(members: &'r Members<'_>, name: &str) -> Option<EventValue<'r>> {
    LISTS.iter().find_map(|list| {
        let Value::Array(list) = members.get(list)?.parsed() else {
            return None;
        };
        of_list(list, name)
    })
}

/// The value of a name in a list. `.NewValue` and `.OldValue` after the name tell the two of a changed property apart; names
/// themselves may have dots.
fn of_list<'v>(list: &'v [Value], path: &str) -> Option<EventValue<'v>> {
    let sides = [("NewValue", ".NewValue"), ("OldValue", ".OldValue")];
    let side = sides
        .into_iter()
        .find_map(|(side, end)| Some((path.strip_suffix(end)?, [side, side])));
    let (name, members) = side.unwrap_or((path, ["Value", "NewValue"]));
    let is_named = |element: &&Value| {
        ["Name", "Key", "name", "key"]
            .iter()
            .filter_map(|key| element.get(key)?.as_str())
            .any(|of| of.eq_ignore_ascii_case(name))
    };
    let values: Vec<EventValue<'v>> = list
        .iter()
        .filter(is_named)
        .filter_map(|element| members.iter().find_map(|member| element.get(member)))
        .take(VALUES_MAX)
        .map(seen)
        .collect();
    several(values)
}

/// Follows a path of dots. A list on the way stands for each of its elements.
pub(super) fn walk<'v>(from: &'v Value, path: &str) -> Option<EventValue<'v>> {
    let mut at: Vec<&Value> = vec![from];
    for step in path.split('.') {
        let mut next: Vec<&Value> = Vec::new();
        for value in at {
            match value {
                Value::Array(list) => next.extend(list.iter().filter_map(|of| of.get(step))),
                other => next.extend(other.get(step)),
            }
        }
        next.truncate(VALUES_MAX);
        if next.is_empty() {
            return None;
        }
        at = next;
    }
    several(at.into_iter().map(seen).collect())
}

fn several(mut values: Vec<EventValue<'_>>) -> Option<EventValue<'_>> {
    match values.len() {
        0 => None,
        1 => values.pop(),
        _ => Some(EventValue::Array(values)),
    }
}

/// A value at the end of a path: plain, a list of plain values, or its JSON text.
fn seen(value: &Value) -> EventValue<'_> {
    match value {
        Value::Array(list) if list.iter().all(is_plain) => {
            EventValue::Array(list.iter().take(VALUES_MAX).map(EventValue::from).collect())
        }
        Value::Array(_) | Value::Object(_) => EventValue::Str(Cow::Owned(value.to_string())),
        plain => EventValue::from(plain),
    }
}

/// Whether any text in the value is wanted. The parser bounds the depth.
pub(super) fn any_text(value: &Value, is_wanted: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_wanted(text),
        Value::Array(list) => list.iter().any(|of| any_text(of, is_wanted)),
        Value::Object(members) => members.values().any(|of| any_text(of, is_wanted)),
        _ => false,
    }
}

/// All texts in the value.
pub(super) fn each_text<'v>(value: &'v Value, into: &mut Vec<Cow<'v, str>>) {
    match value {
        Value::String(text) => into.push(Cow::Borrowed(text)),
        Value::Array(list) => list.iter().for_each(|of| each_text(of, into)),
        Value::Object(members) => members.values().for_each(|of| each_text(of, into)),
        _ => {}
    }
}
