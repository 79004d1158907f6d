//! What has no column, or does not fit it, goes with `unmapped`.

use crate::json::Cursor;

/// A value without a column: the attributes and places in lists that lead to it, and its JSON text.
#[derive(Debug)]
pub(crate) struct Leftover<'a> {
    /// Such as `actor.user.risk_score` or `resources.2`, escaped as in the event.
    pub(crate) path: Vec<u8>,
    pub(crate) value: &'a [u8],
}

/// The text of the `unmapped` column of an event whose `unmapped` is `own`.
///
/// Leftovers become members beside those that are there; if one of that name is there already, with `#2`, `#3`, ... behind
/// the name. An `unmapped` that is no object becomes a member itself.
pub(crate) fn merge(own: Option<&[u8]>, leftovers: &[Leftover<'_>]) -> Vec<u8> {
    let mut text = vec![b'{'];
    let mut names: Vec<Vec<u8>> = Vec::new();
    let members = own.and_then(|own| own.strip_prefix(b"{")?.strip_suffix(b"}"));
    match (own, members) {
        (Some(own), Some(members)) => {
            names = member_names(own);
            text.extend_from_slice(members.trim_ascii_end());
        }
        (Some(own), None) => append(&mut text, &mut names, b"unmapped", own),
        (None, _) => {}
    }
    for leftover in leftovers {
        append(&mut text, &mut names, &leftover.path, leftover.value);
    }
    text.push(b'}');
    text
}

fn append(text: &mut Vec<u8>, names: &mut Vec<Vec<u8>>, path: &[u8], value: &[u8]) {
    let mut name = path.to_vec();
    let mut number = 2;
    while names.contains(&name) {
        name = [path, format!("#{number}").as_bytes()].concat();
        number += 1;
    }
    if text.trim_ascii() != b"{" {
        text.push(b',');
    }
    text.push(b'"');
    text.extend_from_slice(&name);
    text.extend_from_slice(b"\":");
    text.extend_from_slice(value);
    names.push(name);
}

fn member_names(object: &[u8]) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    let mut cursor = Cursor::new(object);
    cursor.pass(b'{');
    while let Ok(key) = cursor.key() {
        names.push(key.raw.to_vec());
        if cursor.value().is_err() || !cursor.pass(b',') {
            break;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: Option<&str>, leftovers: &[(&str, &str)], expect: &str) {
        let leftovers: Vec<_> = leftovers
            .iter()
            .map(|(path, value)| Leftover {
                path: path.as_bytes().to_vec(),
                value: value.as_bytes(),
            })
            .collect();
        let merged = merge(own.map(str::as_bytes), &leftovers);
        assert_eq!(std::str::from_utf8(&merged).unwrap(), expect);
    }

    #[test]
    fn leftovers_stand_beside_what_was_there() {
        check(None, &[("a.b", "1")], r#"{"a.b":1}"#);
        check(
            Some("{ }"),
            &[("a.b", "1"), ("c", "[]")],
            r#"{"a.b":1,"c":[]}"#,
        );
        check(Some(r#"{"x":1 }"#), &[("a.b", "1")], r#"{"x":1,"a.b":1}"#);
        check(Some("[7]"), &[("a.b", "1")], r#"{"unmapped":[7],"a.b":1}"#);
    }

    #[test]
    fn no_name_is_given_twice() {
        check(
            Some(r#"{"a.b":0,"a.b#2":0}"#),
            &[("a.b", "1"), ("c", "2"), ("c", "3")],
            r#"{"a.b":0,"a.b#2":0,"a.b#3":1,"c":2,"c#2":3}"#,
        );
    }
}
