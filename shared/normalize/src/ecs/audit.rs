//! `o365.audit`: every member of the record, in a form that an index accepts whatever Microsoft writes.
//!
//! Each path has one shape (see [`shapes`]), each scalar is a string, and no name contains what an index reads as a
//! path. A value in another shape than its path's is kept as text under `_raw`.

use super::shapes::{self, Member, Shape};
use crate::json::{Kind, Value, Writer, parse};
use std::borrow::Cow;

/// Holds text that does not have its path's shape. Elastic's integration uses the same name.
const RAW: &str = "_raw";

/// Writes all members of a record.
pub(super) fn write(root: Value<'_>, w: &mut Writer) {
    w.object("o365", |w| {
        w.object("audit", |w| members(root, shapes::RECORD, w));
    });
}

/// The value of a name.
#[derive(Debug, Clone, Copy)]
enum Item<'a> {
    /// A string or a list of strings; an empty string when there is no value.
    Text(Option<Value<'a>>),
    Shaped(Shape, Value<'a>),
    /// A changed property: its members other than `Name`.
    Change(Value<'a>),
}

impl<'a> Item<'a> {
    fn of(member: Value<'a>, shapes: &[Member]) -> Self {
        shapes::of(shapes, member.key()).map_or(Self::Text(Some(member)), |shape| {
            Self::Shaped(shape, member)
        })
    }

    fn write(self, w: &mut Writer) {
        match self {
            Self::Text(None) => w.bare_text(""),
            Self::Text(Some(value)) => text(value, w),
            Self::Change(value) => w.bare_object(|w| change(value, w)),
            Self::Shaped(Shape::Object(inside), value) => objects(value, inside, w),
            Self::Shaped(Shape::Names, value) => names(value, w),
            Self::Shaped(Shape::Changes, value) => changes(value, w),
            Self::Shaped(Shape::Json, value) => json(value, w),
        }
    }

    /// Writes one of several values of a name. Only strings and changes can repeat: [`tidy`] never makes two names in
    /// the tables of shapes equal.
    fn write_element(self, w: &mut Writer) {
        match self {
            Self::Change(value) => w.element_object(|w| change(value, w)),
            Self::Text(Some(value)) | Self::Shaped(_, value) => w.element_text(&string(value)),
            Self::Text(None) => w.element_text(""),
        }
    }
}

/// Writes the members of an object that are not blank.
fn members(object: Value<'_>, shapes: &[Member], w: &mut Writer) {
    let kept = || object.children().filter(|member| !member.is_blank());
    if kept().all(|member| !member.key().escaped && is_tidy(member.key().raw)) {
        for member in kept() {
            w.named(member.key().raw);
            Item::of(member, shapes).write(w);
        }
        return;
    }
    let pairs = kept().map(|member| (tidy(member.key().cow()), Item::of(member, shapes)));
    grouped(pairs.collect(), w);
}

/// Writes names with values. The values of a repeated name become a list.
fn grouped(mut pairs: Vec<(Cow<'_, str>, Item<'_>)>, w: &mut Writer) {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
    }
    for same in pairs.chunk_by(|a, b| a.0 == b.0) {
        w.named(&same[0].0);
        if let [(_, item)] = same {
            item.write(w);
        } else {
            w.bare_array(|w| same.iter().for_each(|(_, item)| item.write_element(w)));
        }
    }
}

/// Whether an index accepts the name, does not read it as a path, and it is not [`RAW`].
fn is_tidy(name: &str) -> bool {
    let plain = |byte: u8| byte > b' ' && byte != b'.' && byte != 0x7f && byte < 0x80;
    !name.is_empty() && name.bytes().all(plain) && name != RAW
}

/// The name with `_` for dots, blanks and control characters. Elasticsearch reads `a.b` as `b` in `a`, and refuses
/// blank names. Elastic's integration does the same with the names of changed properties.
fn tidy(name: Cow<'_, str>) -> Cow<'_, str> {
    if is_tidy(&name) {
        return name;
    }
    let odd = |char: char| char == '.' || char.is_whitespace() || char.is_control();
    match &*name {
        "" => Cow::Borrowed("_"),
        RAW => Cow::Borrowed("_raw_"),
        _ => Cow::Owned(name.replace(odd, "_")),
    }
}

/// Writes a scalar as a string, an array as a list of strings, anything else as JSON text.
fn text(value: Value<'_>, w: &mut Writer) {
    match value.kind() {
        Kind::Text(_) => w.bare_value(value),
        Kind::Array => w.bare_array(|w| {
            for element in value.children().filter(|element| !element.is_blank()) {
                if element.is_string() {
                    w.element_value(element);
                } else {
                    w.element_text(&string(element));
                }
            }
        }),
        _ => w.bare_text(&string(value)),
    }
}

/// A scalar as text, anything else as JSON text.
fn string(value: Value<'_>) -> Cow<'_, str> {
    value.scalar().unwrap_or_else(|| {
        let mut w = Writer::new(Vec::new());
        w.bare_value(value);
        Cow::Owned(String::from_utf8_lossy(&w.into_bytes()).into_owned())
    })
}

fn objects(value: Value<'_>, inside: &[Member], w: &mut Writer) {
    if !value.is_array() {
        return w.bare_object(|w| object(value, inside, w));
    }
    w.bare_array(|w| {
        for element in value.children().filter(|element| !element.is_blank()) {
            w.element_object(|w| object(element, inside, w));
        }
    });
}

fn object(value: Value<'_>, inside: &[Member], w: &mut Writer) {
    if value.is_object() {
        members(value, inside, w);
    } else {
        w.text(RAW, &string(value));
    }
}

/// Writes a list of names and values as one object. Entries of another form are kept as text.
fn names(value: Value<'_>, w: &mut Writer) {
    if !value.is_array() {
        return w.bare_object(|w| object(value, &[], w));
    }
    let pairs =
        value
            .children()
            .filter(|entry| !entry.is_blank())
            .map(|entry| match name_and_value(entry) {
                Some((name, value)) => (tidy(name), Item::Text(value)),
                None => (Cow::Borrowed(RAW), Item::Text(Some(entry))),
            });
    w.bare_object(|w| grouped(pairs.collect(), w));
}

/// Name and value of an entry that has no other members.
fn name_and_value<'a>(entry: Value<'a>) -> Option<(Cow<'a, str>, Option<Value<'a>>)> {
    let name = crate::record::name_values::entry_name(entry)?;
    let value = entry.get("Value");
    let members = entry.children().count();
    (members == 1 + usize::from(value.is_some()))
        .then(|| (name, value.filter(|value| !value.is_blank())))
}

/// Writes changed properties by name. Entries that are not a change of a named property are kept as text.
fn changes(value: Value<'_>, w: &mut Writer) {
    if !value.is_array() {
        return w.bare_object(|w| w.text(RAW, &string(value)));
    }
    let pairs = value
        .children()
        .filter(|entry| !entry.is_blank())
        .map(|entry| match entry.get("Name").and_then(Value::str) {
            Some(name) => (tidy(name), Item::Change(entry)),
            None => (Cow::Borrowed(RAW), Item::Text(Some(entry))),
        });
    w.bare_object(|w| grouped(pairs.collect(), w));
}

fn change(entry: Value<'_>, w: &mut Writer) {
    let pairs = entry
        .children()
        .filter(|member| !member.key().is("Name") && !member.is_blank())
        .map(|member| (tidy(member.key().cow()), Item::of(member, &[])));
    grouped(pairs.collect(), w);
}

/// Writes the members of a JSON object in a string. Writes the string itself when it is not an object or when a part
/// would be lost.
fn json(value: Value<'_>, w: &mut Writer) {
    if value.is_object() {
        return w.bare_object(|w| members(value, &[], w));
    }
    let text = string(value);
    match parse(text.as_bytes()) {
        Ok(doc) if doc.root().is_object() && !doc.lossy => {
            w.bare_object(|w| members(doc.root(), &[], w));
        }
        _ => w.bare_object(|w| w.text(RAW, &text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, expect: &str) {
        let doc = parse(record.as_bytes()).unwrap();
        let mut w = Writer::new(Vec::new());
        write(doc.root(), &mut w);
        let text = String::from_utf8(w.into_bytes()).unwrap();
        assert_eq!(text, format!(r#""o365":{{"audit":{expect}}}"#), "{record}");
    }

    #[test]
    fn scalars_become_strings_and_nothing_is_lost() {
        check(
            r#"{"RecordType":6,"External":true,"Size":1.50,"Empty":"","None":null,"Id":"a\/\u00e9"}"#,
            "{\"RecordType\":\"6\",\"External\":\"true\",\"Size\":\"1.50\",\"Id\":\"a/é\"}",
        );
    }

    #[test]
    fn an_object_at_a_text_path_becomes_text() {
        check(
            r#"{"New":{"a":[1,{"b":2}]},"List":["x",1,[2],{"y":null}]}"#,
            r#"{"New":"{\"a\":[1,{\"b\":2}]}","List":["x","1","[2]","{\"y\":null}"]}"#,
        );
    }

    #[test]
    fn an_object_path_is_always_an_object() {
        check(
            r#"{"Item":{"Id":1,"ParentFolder":"x"}}"#,
            r#"{"Item":{"Id":"1","ParentFolder":{"_raw":"x"}}}"#,
        );
        check(
            r#"{"Actor":[{"ID":"a","Type":5},"b",null]}"#,
            r#"{"Actor":[{"ID":"a","Type":"5"},{"_raw":"b"}]}"#,
        );
        check(
            r#"{"ExceptionInfo":false}"#,
            r#"{"ExceptionInfo":{"_raw":"false"}}"#,
        );
    }

    #[test]
    fn names_and_values_become_an_object() {
        check(
            r#"{"Parameters":[{"Name":"Identity","Value":"a"},{"Name":"x.y z","Value":true},{"Name":"Off","Value":""},{"Name":"Identity","Value":["b"]},7]}"#,
            r#"{"Parameters":{"Identity":["a","[\"b\"]"],"Off":"","_raw":"7","x_y_z":"true"}}"#,
        );
        check(
            r#"{"Parameters":"-Identity a"}"#,
            r#"{"Parameters":{"_raw":"-Identity a"}}"#,
        );
    }

    #[test]
    fn changed_properties_are_keyed_by_name() {
        check(
            r#"{"ModifiedProperties":[{"Name":"Role.DisplayName","NewValue":"\"x\"","OldValue":""},{"Name":"Included Updated Properties","NewValue":""},"Subject"]}"#,
            r#"{"ModifiedProperties":{"Role_DisplayName":{"NewValue":"\"x\""},"Included_Updated_Properties":{},"_raw":"Subject"}}"#,
        );
    }

    #[test]
    fn json_in_a_string_is_read() {
        check(
            r#"{"Data":"{\"f3u\":\"a@b.example\",\"n\":1,\"l\":{\"x\":1}}"}"#,
            r#"{"Data":{"f3u":"a@b.example","n":"1","l":"{\"x\":1}"}}"#,
        );
        check(
            r#"{"Data":"{\"a\":1,\"a\":2}"}"#,
            r#"{"Data":{"_raw":"{\"a\":1,\"a\":2}"}}"#,
        );
        check(r#"{"Data":"no json"}"#, r#"{"Data":{"_raw":"no json"}}"#);
    }

    #[test]
    fn names_an_index_would_misread_are_tidied_and_stay_distinct() {
        check(
            r#"{"a.b":1,"a_b":2,"":3,"_raw":4,"x\u0001":5}"#,
            r#"{"_":"3","_raw_":"4","a_b":["1","2"],"x_":"5"}"#,
        );
    }
}
