//! What has no column, or does not fit it, goes with `unmapped`.

use jiter::JiterError;

use crate::json::Json;

/// A value without a column: the attributes and places in lists that lead to it, and its JSON text.
#[derive(Debug)]
pub(crate) struct Leftover<'a> {
    /// Such as `actor.user.risk_score` or `resources.2`, escaped as in the event.
    pub(crate) path: String,
    pub(crate) value: &'a str,
}

/// The text of the `unmapped` column of an event whose `unmapped` is `own`.
///
/// Leftovers become members beside those that are there; if one of that name is there already, with `#2`, `#3`, ... behind
/// the name. An `unmapped` that is no object becomes a member itself.
pub(crate) fn merge(own: Option<&str>, leftovers: &[Leftover<'_>]) -> String {
    let mut object = Object {
        text: "{".to_owned(),
        names: Vec::new(),
    };
    if let Some(own) = own
        && object.push_members(own).is_err()
    {
        object.push_new("unmapped", own);
    }
    for leftover in leftovers {
        object.push_new(&leftover.path, leftover.value);
    }
    object.text.push('}');
    object.text
}

/// A JSON object being written.
struct Object {
    text: String,
    names: Vec<String>,
}

impl Object {
    /// The members of `json`. An error, and nothing pushed, where it is no object: it is JSON.
    fn push_members(&mut self, json: &str) -> Result<(), JiterError> {
        let json = Json::new(json);
        let mut reader = json.reader();
        let mut name = reader.first_name()?;
        while let Some(of) = name {
            self.push(of, reader.value()?);
            name = reader.next_name()?;
        }
        Ok(())
    }

    /// Under a name that no other member has.
    fn push_new(&mut self, path: &str, value: &str) {
        let mut name = path.to_owned();
        let mut number = 2;
        while self.names.contains(&name) {
            name = format!("{path}#{number}");
            number += 1;
        }
        self.push(&name, value);
    }

    fn push(&mut self, name: &str, value: &str) {
        if !self.names.is_empty() {
            self.text.push(',');
        }
        for part in ["\"", name, "\":", value] {
            self.text.push_str(part);
        }
        self.names.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: Option<&str>, leftovers: &[(&str, &str)], expect: &str) {
        let leftovers: Vec<_> = leftovers
            .iter()
            .map(|(path, value)| Leftover {
                path: (*path).to_owned(),
                value,
            })
            .collect();
        assert_eq!(merge(own, &leftovers), expect);
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
