//! Redacts one record.

use super::line;
use super::names;
use super::ordinary::is_ordinary;
use super::replacement::{REDACTED, says_nothing};
use crate::json::{self, Doc, Kind, Node, Text, Writer, offset};
use memchr::memchr2;

/// Levels of JSON in strings that are parsed. Two are known (`ModifiedProperties`, and `Data` in alerts). A deeper
/// level that mentions a secret's name is replaced as a whole.
const LEVELS_MAX: usize = 4;

/// A record without its secrets, or `None` if it has none. `doc` is the parsed `input`.
pub(crate) fn record(input: &[u8], doc: Doc<'_, '_>) -> Option<Vec<u8>> {
    redacted(input, doc, 0, false)
}

fn redacted(input: &[u8], doc: Doc<'_, '_>, level: usize, hidden: bool) -> Option<Vec<u8>> {
    let (nodes, own) = doc.nodes();
    let root = own.start;
    if !hidden && !nodes[own].iter().any(is_suspicious) {
        return None;
    }
    let mut cuts = Cuts {
        input,
        nodes,
        level,
        done: 0,
        out: Vec::new(),
    };
    cuts.visit(root, hidden);
    if cuts.done == 0 {
        return None;
    }
    cuts.out.extend_from_slice(&input[cuts.done..]);
    Some(cuts.out)
}

/// Whether the value, or one beside it, may have to be replaced. Nearly no record has such a value, so nearly none is
/// walked.
fn is_suspicious(node: &Node<'_>) -> bool {
    let key = node.key();
    if key.escaped {
        return true;
    }
    let text = match node.kind() {
        Kind::Text(text) => Some(text),
        _ => None,
    };
    let named = |text: Text<'_>| text.escaped || names::is_secret(text.raw);
    let by_name = match key.raw {
        // Half of all names are one of these two.
        "" | "Value" => false,
        "Name" => text.is_some_and(named),
        name if is_ordinary(name) => false,
        name => {
            names::has_secret_part(name)
                || names::is_key_id(name)
                || names::is_name(name) && text.is_some_and(named)
        }
    };
    by_name || text.is_some_and(is_suspicious_text)
}

/// Whether the text is JSON with a member about a secret, or a command line with the name of one.
#[inline]
fn is_suspicious_text(text: Text<'_>) -> bool {
    match text.raw.as_bytes().first() {
        Some(b' ' | b'[' | b'{' | b'-' | b'\\') => is_suspicious_structure(text),
        _ => false,
    }
}

/// [`is_suspicious_text`] for texts that begin like JSON or a command line, perhaps after white space.
fn is_suspicious_structure(text: Text<'_>) -> bool {
    let raw = text.raw.trim_start();
    match raw.as_bytes() {
        // Letters written as escapes are rare, so any such text is parsed.
        [b'[' | b'{', ..] => {
            names::has_member(text.raw) || text.escaped && text.raw.contains("\\u")
        }
        [b'-', ..] => names::mentioned(text.raw.as_bytes()),
        // Escaped white space.
        [b'\\', b'r' | b'n' | b't' | b'u', ..] => names::mentioned(text.cow().as_bytes()),
        _ => false,
    }
}

/// Walks a document and copies its text, except for what it cuts out.
struct Cuts<'i, 'd> {
    input: &'i [u8],
    nodes: &'d [Node<'i>],
    /// How many strings this document is nested in.
    level: usize,
    /// Bytes of the input that have been copied or cut.
    done: usize,
    out: Vec<u8>,
}

impl Cuts<'_, '_> {
    /// Visits a value and everything in it. `hidden` says that the value is under a secret's name. Members shadowed by
    /// a later one of the same name are visited too: they are part of the text.
    fn visit(&mut self, at: usize, hidden: bool) {
        match self.nodes[at].kind() {
            Kind::Object => self.object(at, hidden),
            Kind::Array => self.each(at, |cuts, child| cuts.visit(child, hidden)),
            Kind::Text(text) => self.text(text, hidden),
            Kind::Number(number) if hidden => {
                let start = offset(self.input, number.as_bytes());
                self.replace(start, start + number.len(), REDACTED);
            }
            Kind::Number(_) | Kind::Bool(_) | Kind::Null => {}
        }
    }

    fn each(&mut self, container: usize, mut visit: impl FnMut(&mut Self, usize)) {
        let end = self.nodes[container].end as usize;
        let mut child = container + 1;
        while child < end {
            visit(self, child);
            child = self.nodes[child].end as usize;
        }
    }

    fn object(&mut self, object: usize, hidden: bool) {
        // In {"Name": "Password", "NewValue": ...}, the name is a value.
        let (mut named, mut key) = (false, false);
        self.each(object, |cuts, member| {
            let node = &cuts.nodes[member];
            let name = node.key();
            if is_name(name)
                && let Kind::Text(text) = node.kind()
            {
                named |= names::is_secret(&text.cow());
            }
            key |= names::is_key_id(&name.cow());
        });
        self.each(object, |cuts, member| {
            let name = cuts.nodes[member].key();
            let text = name.cow();
            if names::is_matched_text(&text) {
                return cuts.replace_whole(member);
            }
            let hides = names::is_secret(&text)
                || (named && is_value(name))
                || (key && names::is_key(&text))
                || (hidden && !names::is_about(&text));
            cuts.visit(member, hides);
        });
    }

    fn text(&mut self, text: Text<'_>, hidden: bool) {
        if !hidden && !is_suspicious_text(text) {
            return;
        }
        let value = text.cow();
        let structured = value.trim_start().starts_with(['[', '{']);
        let line = value.trim_start().starts_with('-');
        let new = if structured && self.level < LEVELS_MAX {
            self.inner(&value, hidden)
        } else if hidden {
            (!says_nothing(&value)).then(|| REDACTED.to_owned())
        } else if line {
            line::redacted(&value)
        } else {
            structured.then(|| REDACTED.to_owned())
        };
        if let Some(new) = new.filter(|new| *new != value) {
            let start = offset(self.input, text.raw.as_bytes());
            self.replace(start - 1, start + text.raw.len() + 1, &new);
        }
    }

    /// Redacts JSON in a string. A text that begins like JSON but is not (Microsoft cuts long values off) is replaced
    /// as a whole when a member of it is a secret.
    fn inner(&self, value: &str, hidden: bool) -> Option<String> {
        let Ok(tree) = json::parse(value.as_bytes()) else {
            let cut = hidden || line::has_secret_member(value);
            return (cut && !says_nothing(value)).then(|| REDACTED.to_owned());
        };
        let new = redacted(value.as_bytes(), tree.doc(), self.level + 1, hidden)?;
        Some(String::from_utf8_lossy(&new).into_owned())
    }

    /// Cuts the value of a member, of any type, unless it is blank.
    fn replace_whole(&mut self, member: usize) {
        let node = &self.nodes[member];
        let blank = match node.kind() {
            Kind::Null => true,
            Kind::Text(text) => text.is_empty() || text.is(REDACTED),
            Kind::Array | Kind::Object => node.end as usize == member + 1,
            Kind::Bool(_) | Kind::Number(_) => false,
        };
        if blank {
            return;
        }
        let key = node.key();
        let after_key = offset(self.input, key.raw.as_bytes()) + key.raw.len() + 1;
        let blanks = |byte: &u8| byte.is_ascii_whitespace() || *byte == b':';
        let rest = &self.input[after_key..];
        let start = after_key + rest.iter().take_while(|byte| blanks(byte)).count();
        let end = value_end(self.input, start);
        self.replace(start, end, REDACTED);
    }

    fn replace(&mut self, start: usize, end: usize, new: &str) {
        self.out.extend_from_slice(&self.input[self.done..start]);
        let mut value = Writer::new(Vec::with_capacity(new.len() + 2));
        value.element_text(new);
        self.out.extend_from_slice(&value.into_bytes());
        self.done = end;
    }
}

/// Whether the member's value names what its object is about.
fn is_name(key: Text<'_>) -> bool {
    if key.escaped {
        names::is_name(&key.cow())
    } else {
        names::is_name(key.raw)
    }
}

fn is_value(key: Text<'_>) -> bool {
    let key = key.cow();
    ["value", "values", "newvalue", "oldvalue"]
        .iter()
        .any(|value| key.eq_ignore_ascii_case(value))
}

/// The end of the value at `start`. The document has been parsed, so all brackets and quotes match.
fn value_end(input: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0usize);
    while let Some(byte) = input.get(at) {
        match byte {
            b'"' => {
                at += 1;
                loop {
                    at += memchr2(b'"', b'\\', input.get(at..).unwrap_or_default()).unwrap_or(0);
                    match input.get(at) {
                        Some(b'\\') => at += 2,
                        _ => break,
                    }
                }
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth == 0 => return at,
            b']' | b'}' => depth -= 1,
            b',' if depth == 0 => return at,
            byte if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
        if depth == 0 && matches!(input.get(at - 1), Some(b'"' | b']' | b'}')) {
            return at;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &str) {
        let once = |text: &str| {
            let doc = json::parse(text.as_bytes()).unwrap();
            let new = record(text.as_bytes(), doc.doc());
            new.map(|new| String::from_utf8(new).unwrap())
        };
        assert_eq!(once(input).as_deref().unwrap_or(input), expect);
        assert_eq!(once(expect), None, "twice is once");
    }

    #[test]
    fn only_a_member_with_a_secrets_name_is_replaced() {
        check(
            r#"{ "Id" : "a", "ClientSecret" :"x\"y" ,"KeyId":"b","n":[1.50,null]}"#,
            r#"{ "Id" : "a", "ClientSecret" :"[redacted]" ,"KeyId":"b","n":[1.50,null]}"#,
        );
        check(
            r#"{"P\u0061ssword":123}"#,
            r#"{"P\u0061ssword":"[redacted]"}"#,
        );
        check(
            r#"{"Password":true,"ApiKey":"","Secret":null,"Pwd":"$False"}"#,
            r#"{"Password":true,"ApiKey":"","Secret":null,"Pwd":"$False"}"#,
        );
    }

    #[test]
    fn a_shadowed_member_is_replaced_too() {
        check(
            r#"{"Password":"a","Password":"b"}"#,
            r#"{"Password":"[redacted]","Password":"[redacted]"}"#,
        );
    }

    #[test]
    fn matched_text_is_replaced_completely() {
        check(
            r#"{"DetectedValues" : [{"Name":"4111"},["}"]], "Count":1}"#,
            r#"{"DetectedValues" : "[redacted]", "Count":1}"#,
        );
        check(r#"[{"DetectedValues":[]}]"#, r#"[{"DetectedValues":[]}]"#);
        check(
            r#"{"DetectedValues":4111}"#,
            r#"{"DetectedValues":"[redacted]"}"#,
        );
    }

    #[test]
    fn a_name_that_is_a_value_counts_at_any_position() {
        check(
            r#"{"ModifiedProperties":[{"NewValue":"a","Name":"Password","OldValue":"b","Other":"c"}]}"#,
            r#"{"ModifiedProperties":[{"NewValue":"[redacted]","Name":"Password","OldValue":"[redacted]","Other":"c"}]}"#,
        );
        check(
            r#"{"Parameters":[{"Key":"AccessKey","Value":"a"},{"Name":"Name","Value":"b"}]}"#,
            r#"{"Parameters":[{"Key":"AccessKey","Value":"[redacted]"},{"Name":"Name","Value":"b"}]}"#,
        );
    }

    #[test]
    fn credentials_keep_their_ids_and_dates() {
        check(
            r#"{"passwordCredentials":[{"keyId":"k","displayName":"d","endDateTime":"2027","secretText":"s","hint":"abc"}]}"#,
            r#"{"passwordCredentials":[{"keyId":"k","displayName":"d","endDateTime":"2027","secretText":"[redacted]","hint":"[redacted]"}]}"#,
        );
        check(
            r#"{"x":{"KeyIdentifier":"k","Usage":"Sign","Value":"bytes","Type":"Symmetric"}}"#,
            r#"{"x":{"KeyIdentifier":"k","Usage":"Sign","Value":"[redacted]","Type":"Symmetric"}}"#,
        );
    }

    #[test]
    fn json_in_strings_is_searched() {
        check(
            r#"{"NewValue":"[{\"DeviceName\":\"phone\",\"DeviceToken\":\"tok\",\"n\":1}]"}"#,
            r#"{"NewValue":"[{\"DeviceName\":\"phone\",\"DeviceToken\":\"[redacted]\",\"n\":1}]"}"#,
        );
        check(
            r#"{"Name":"Credential","NewValue":"[{\"CredentialType\":2,\"KeyStoreId\":\"a\",\"Blob\":\"s\"}]"}"#,
            r#"{"Name":"Credential","NewValue":"[{\"CredentialType\":2,\"KeyStoreId\":\"a\",\"Blob\":\"[redacted]\"}]"}"#,
        );
        let described = r#"{"Name":"KeyDescription","NewValue":"[\r\n \"[KeyIdentifier=6d94,KeyType=Password,KeyUsage=Verify,DisplayName=x]\"\r\n]"}"#;
        check(described, described);
    }

    #[test]
    fn json_cut_off_or_nested_too_deep_is_replaced_whole() {
        check(
            r#"{"NewValue":"[{\"secretText\":\"abc"}"#,
            r#"{"NewValue":"[redacted]"}"#,
        );
        let mut nested = r#"{"Password":"marker"}"#.to_owned();
        for _ in 0..LEVELS_MAX + 2 {
            nested = serde_json::json!({ "a": nested }).to_string();
        }
        let doc = json::parse(nested.as_bytes()).unwrap();
        let new = record(nested.as_bytes(), doc.doc()).unwrap();
        assert!(!String::from_utf8(new).unwrap().contains("marker"));
    }

    #[test]
    fn command_lines_are_redacted_by_parameter() {
        check(
            r#"{"Parameters":"-Name \"a\" -Password \"b\" -Force \"True\""}"#,
            r#"{"Parameters":"-Name \"a\" -Password \"[redacted]\" -Force \"True\""}"#,
        );
    }
}
