//! `ModifiedProperties`: names with old and new values. The values are often JSON in a string.

use super::name_values::NAMES_MAX;
use super::text::is_noise;
use crate::json::{Value, Writer, parse};
use std::borrow::Cow;
use std::cmp::Ordering;

/// The list of changes, if the record has one.
pub(crate) struct Changes<'a> {
    list: Option<Value<'a>>,
}

/// Stands for an app role that the record does not name; records of 2020 name none.
const UNNAMED_APP_ROLE: &str = "(unspecified app role)";

/// The id of the default role of an application that defines none.
const DEFAULT_APP_ROLE: &str = "00000000-0000-0000-0000-000000000000";

/// What an "update user" operation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserUpdate {
    Enabled,
    Disabled,
    /// One more authentication method.
    FactorAdded,
    /// One authentication method less.
    FactorRemoved,
    Other,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(list: Option<Value<'a>>) -> Self {
        Self {
            list: list.filter(|list| list.is_array()),
        }
    }

    fn entries(&self) -> impl Iterator<Item = Value<'a>> {
        self.list.into_iter().flat_map(|list| list.children())
    }

    fn value(&self, name: &str, side: &str) -> Option<Cow<'a, str>> {
        let entry = self.entries().find(|entry| {
            entry
                .get("Name")
                .and_then(Value::str)
                .is_some_and(|key| key == name)
        })?;
        entry
            .get(side)?
            .str()
            .map(plain)
            .filter(|text| !is_noise(text))
    }

    /// The value before the change, as plain text.
    pub(crate) fn old(&self, name: &str) -> Option<Cow<'a, str>> {
        self.value(name, "OldValue")
    }

    /// The value after the change, as plain text.
    pub(crate) fn new_value(&self, name: &str) -> Option<Cow<'a, str>> {
        self.value(name, "NewValue")
    }

    /// Whether some property that changed has this name.
    pub(crate) fn any_name(&self, test: &dyn Fn(&str) -> bool) -> bool {
        self.entries()
            .filter_map(|entry| entry.get("Name")?.str())
            .any(|name| test(&name))
    }

    /// Whether some property has this value after the change.
    pub(crate) fn any_new_value(&self, test: &dyn Fn(&str) -> bool) -> bool {
        self.entries()
            .filter_map(|entry| entry.get("NewValue")?.str())
            .any(|value| test(&plain(value)))
    }

    /// The new value as plain text, or the old value when something was removed.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.value(name, "NewValue")
            .or_else(|| self.value(name, "OldValue"))
    }

    /// What an "update user" operation really changed.
    pub(crate) fn user_update(&self) -> UserUpdate {
        match self.value("AccountEnabled", "NewValue").as_deref() {
            Some("true" | "True") => return UserUpdate::Enabled,
            Some("false" | "False") => return UserUpdate::Disabled,
            _ => {}
        }
        for entry in self.entries() {
            let Some(name) = entry.get("Name").and_then(Value::str) else {
                continue;
            };
            if !name.starts_with("StrongAuthentication") {
                continue;
            }
            let count = |side: &str| entry.get(side).map_or(0, count);
            match count("NewValue").cmp(&count("OldValue")) {
                Ordering::Greater => return UserUpdate::FactorAdded,
                Ordering::Less => return UserUpdate::FactorRemoved,
                // The same methods with other details, such as a phone's name or the time of the last use.
                Ordering::Equal => {}
            }
        }
        UserUpdate::Other
    }

    /// The app role that was granted.
    pub(crate) fn app_role(&self) -> Cow<'a, str> {
        if let Some(role) = self
            .text("AppRole.Value")
            .or_else(|| self.text("AppRole.DisplayName"))
        {
            return role;
        }
        match self.text("AppRole.Id") {
            Some(id) if id == DEFAULT_APP_ROLE => Cow::Borrowed("Default Access"),
            Some(id) => id,
            None => Cow::Borrowed(UNNAMED_APP_ROLE),
        }
    }

    /// Writes all values of one side by name; for a repeated name, the last value. Writes nothing for a list of more
    /// than [`NAMES_MAX`].
    pub(crate) fn write(&self, side: &str, w: &mut Writer) {
        let entries: Vec<_> = self.entries().take(NAMES_MAX + 1).collect();
        if entries.len() > NAMES_MAX {
            return;
        }
        for (at, entry) in entries.iter().enumerate() {
            let (Some(name), Some(value)) =
                (entry.get("Name").and_then(Value::str), entry.get(side))
            else {
                continue;
            };
            let again = |later: &Value<'a>| {
                later
                    .get("Name")
                    .and_then(Value::str)
                    .is_some_and(|other| other == name)
            };
            if !is_empty(value) && !entries[at + 1..].iter().any(again) {
                w.named(&name);
                w.bare_value(value);
            }
        }
    }

    /// Whether some old or new value is this text.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let is = |entry: &Value<'a>, side: &str| {
            entry
                .get(side)
                .and_then(Value::str)
                .is_some_and(|value| value == text)
        };
        self.entries()
            .any(|entry| is(&entry, "OldValue") || is(&entry, "NewValue"))
    }

    /// Marks the list if [`Changes::write`] has put all of it into the event.
    pub(crate) fn mark_written(&self) {
        let Some(list) = self.list else { return };
        let known = |member: Value<'a>| {
            ["Name", "OldValue", "NewValue"]
                .iter()
                .any(|key| member.key().is(key))
        };
        let mut names = Vec::new();
        for entry in self.entries() {
            let Some(name) = entry.get("Name").and_then(Value::str) else {
                return;
            };
            if !entry.children().all(known) || names.len() == NAMES_MAX || names.contains(&name) {
                return;
            }
            names.push(name);
        }
        list.mark_used();
    }
}

/// Whether the value is blank, or an empty JSON list or object in a string.
fn is_empty(value: Value<'_>) -> bool {
    value.is_blank()
        || value
            .str()
            .is_some_and(|text| matches!(text.trim(), "" | "[]" | "{}"))
}

/// The number of entries of a JSON list in a string. Any other text counts as one.
fn count(value: Value<'_>) -> usize {
    if is_empty(value) {
        return 0;
    }
    let text = value.str().unwrap_or_default();
    parse(text.as_bytes()).map_or(1, |doc| doc.root().elements().count())
}

/// The text in `["text"]` or `"text"`; any other text unchanged.
fn plain(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.trim_start().starts_with(['[', '"']) {
        return text;
    }
    let inner = parse(text.as_bytes()).ok().and_then(|doc| {
        let root = doc.root();
        let mut elements = root.elements();
        let only = elements.next().filter(|_| elements.next().is_none())?;
        only.scalar().map(Cow::into_owned)
    });
    inner.map_or(text, Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_too_many_names_is_not_written() {
        let check = |names: usize, expect: bool| {
            let entries: Vec<String> = (0..names)
                .map(|name| format!(r#"{{"Name":"{name}","NewValue":"x"}}"#))
                .collect();
            let list = format!("[{}]", entries.join(","));
            let doc = parse(list.as_bytes()).unwrap();
            let changes = Changes::new(Some(doc.root()));
            let mut w = Writer::new(b"{".to_vec());
            changes.write("NewValue", &mut w);
            changes.mark_written();
            assert_eq!((w.wrote_member(), doc.root().is_used()), (expect, expect));
        };
        check(NAMES_MAX, true);
        check(NAMES_MAX + 1, false);
    }

    #[test]
    fn json_in_strings_is_unwrapped() {
        let check = |text: &'static str, expect: &str| {
            assert_eq!(plain(Cow::Borrowed(text)), expect, "{text}");
        };
        check("Global Administrator", "Global Administrator");
        check("\"Global Administrator\"", "Global Administrator");
        check("[\r\n  \"siem2\"\r\n]", "siem2");
        check("[\r\n  true\r\n]", "true");
        check("[KeyIdentifier=1]", "[KeyIdentifier=1]");
        check("[\"a\",\"b\"]", "[\"a\",\"b\"]");
    }
}
