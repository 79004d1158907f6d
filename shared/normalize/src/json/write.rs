//! Writing JSON text directly into the output.

use super::text::Text;
use super::value::{Kind, Value};

/// Appends JSON to a buffer. Commas are derived from the last byte written, and empty containers are removed again, so
/// a rule writes what it has without checking what is missing.
#[derive(Debug)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// A writer that appends to `out`.
    pub(crate) fn new(out: Vec<u8>) -> Self {
        Self { out }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    fn separate(&mut self) {
        if self.wrote_member() {
            self.out.push(b',');
        }
    }

    fn key(&mut self, key: &str) {
        self.key_then(key, *b"\":");
    }

    /// Writes a name and then `end`, up to the first character of the value. One call with few parts, because each
    /// append checks the capacity.
    fn key_then<const N: usize>(&mut self, key: &str, end: [u8; N]) {
        if self.wrote_member() {
            self.out.extend_from_slice(b",\"");
        } else {
            self.out.push(b'"');
        }
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(&end);
    }

    /// Writes a string member. `key` is an attribute's name and needs no escapes; the value may be any text.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key_then(key, *b"\":\"");
        self.escaped(value);
        self.out.push(b'"');
    }

    /// Writes a string member whose value is a constant of this crate, so it needs no escapes.
    pub(crate) fn word(&mut self, key: &str, word: &'static str) {
        self.key_then(key, *b"\":\"");
        self.out.extend_from_slice(word.as_bytes());
        self.out.push(b'"');
    }

    /// Writes a string member if there is a value.
    pub(crate) fn text_opt(&mut self, key: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.text(key, value.as_ref());
        }
    }

    pub(crate) fn int(&mut self, key: &str, value: i64) {
        self.key(key);
        self.digits(value);
    }

    /// Writes constant members, given as JSON.
    pub(crate) fn members(&mut self, json: &'static str) {
        self.separate();
        self.out.extend_from_slice(json.as_bytes());
    }

    /// Writes a number as a string member.
    pub(crate) fn int_text(&mut self, key: &str, value: i64) {
        self.key_then(key, *b"\":\"");
        self.digits(value);
        self.out.push(b'"');
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// Writes a member with a copy of an input value.
    pub(crate) fn value(&mut self, key: &str, value: Value<'_>) {
        self.key(key);
        self.copy(value);
    }

    /// Copies a member from the input, with its name.
    pub(crate) fn member(&mut self, value: Value<'_>) {
        self.separate();
        self.copied_text(value.key());
        self.out.push(b':');
        self.copy(value);
    }

    /// Writes a value after [`Writer::named`], or as a document of its own.
    pub(crate) fn bare_value(&mut self, value: Value<'_>) {
        self.copy(value);
    }

    /// Writes a member whose name is a string of the input; null when there is no value.
    pub(crate) fn named_by(&mut self, name: Text<'_>, value: Option<Value<'_>>) {
        self.separate();
        self.copied_text(name);
        self.out.push(b':');
        self.copy_or_null(value);
    }

    /// Writes an element; null when there is no value.
    pub(crate) fn element_or_null(&mut self, value: Option<Value<'_>>) {
        self.separate();
        self.copy_or_null(value);
    }

    fn copy_or_null(&mut self, value: Option<Value<'_>>) {
        match value {
            Some(value) => self.copy(value),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    /// Writes a string member, concatenated from `parts`.
    pub(crate) fn text_of(&mut self, key: &str, parts: &[&str]) {
        self.key_then(key, *b"\":\"");
        parts.iter().for_each(|part| self.escaped(part));
        self.out.push(b'"');
    }

    /// Writes the name of a member, which may be any text. The caller then writes the value with an element method.
    pub(crate) fn named(&mut self, name: &str) {
        self.separate();
        self.quoted(name);
        self.out.push(b':');
    }

    /// Writes an object member, or nothing when `fill` writes nothing.
    #[inline]
    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        let before = self.open(key, b'{');
        fill(self);
        self.close(before, b'}');
    }

    /// Opens a container and returns its offset. Not inlined: there are hundreds of callers.
    #[inline(never)]
    fn open(&mut self, key: &str, bracket: u8) -> usize {
        let before = self.out.len();
        self.key_then(key, [b'"', b':', bracket]);
        before
    }

    /// Closes a container, or removes it when it is empty.
    #[inline(never)]
    fn close(&mut self, before: usize, bracket: u8) {
        if self.wrote_member() {
            self.out.push(bracket);
        } else {
            self.out.truncate(before);
        }
    }

    /// Like [`Writer::object`], but the object is also removed when `fill` returns false. Returns whether it stays.
    pub(crate) fn object_if(&mut self, key: &str, fill: impl FnOnce(&mut Self) -> bool) -> bool {
        let before = self.out.len();
        self.key(key);
        self.kept(before, fill)
    }

    /// Like [`Writer::element_object`], but the object is also removed when `fill` returns false. Returns whether it
    /// stays.
    pub(crate) fn element_object_if(&mut self, fill: impl FnOnce(&mut Self) -> bool) -> bool {
        let before = self.out.len();
        self.separate();
        self.kept(before, fill)
    }

    fn kept(&mut self, before: usize, fill: impl FnOnce(&mut Self) -> bool) -> bool {
        let mut stays = false;
        let filled = self.container(b'{', b'}', |w| stays = fill(w));
        if !(filled && stays) {
            self.out.truncate(before);
        }
        filled && stays
    }

    /// Writes an array member, or nothing when `fill` writes nothing.
    #[inline]
    pub(crate) fn array(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        let before = self.open(key, b'[');
        fill(self);
        self.close(before, b']');
    }

    /// Writes an object as an element, or nothing when it stays empty.
    #[inline]
    pub(crate) fn element_object(&mut self, fill: impl FnOnce(&mut Self)) {
        let before = self.out.len();
        self.separate();
        self.out.push(b'{');
        fill(self);
        self.close(before, b'}');
    }

    pub(crate) fn element_text(&mut self, value: &str) {
        self.separate();
        self.quoted(value);
    }

    /// Writes a constant, which needs no escapes, as an element.
    pub(crate) fn element_word(&mut self, word: &'static str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(word.as_bytes());
        self.out.push(b'"');
    }

    pub(crate) fn element_int(&mut self, value: i64) {
        self.separate();
        self.digits(value);
    }

    pub(crate) fn element_value(&mut self, value: Value<'_>) {
        self.separate();
        self.copy(value);
    }

    /// Writes an array of strings, or nothing when there are none.
    pub(crate) fn texts<T: AsRef<str>>(&mut self, key: &str, values: &[T]) {
        self.array(key, |w| {
            values
                .iter()
                .for_each(|value| w.element_text(value.as_ref()));
        });
    }

    /// Whether the open object or array has content.
    pub(crate) fn wrote_member(&self) -> bool {
        !matches!(self.out.last(), None | Some(b'{' | b'['))
    }

    /// Writes a string after [`Writer::named`], or as a document of its own.
    pub(crate) fn bare_text(&mut self, value: &str) {
        self.quoted(value);
    }

    /// Writes an object after [`Writer::named`]; it may stay empty.
    pub(crate) fn bare_object(&mut self, fill: impl FnOnce(&mut Self)) {
        self.container(b'{', b'}', fill);
    }

    /// Writes an array after [`Writer::named`].
    pub(crate) fn bare_array(&mut self, fill: impl FnOnce(&mut Self)) {
        self.out.push(b'[');
        fill(self);
        self.out.push(b']');
    }

    fn container(&mut self, open: u8, close: u8, fill: impl FnOnce(&mut Self)) -> bool {
        self.out.push(open);
        let inside = self.out.len();
        fill(self);
        let filled = self.out.len() > inside;
        self.out.push(close);
        filled
    }

    fn digits(&mut self, value: i64) {
        let mut buffer = itoa::Buffer::new();
        self.out.extend_from_slice(buffer.format(value).as_bytes());
    }

    fn quoted(&mut self, value: &str) {
        self.out.push(b'"');
        self.escaped(value);
        self.out.push(b'"');
    }

    fn escaped(&mut self, value: &str) {
        let (chunks, rest) = value.as_bytes().as_chunks::<16>();
        for chunk in chunks {
            // Without a branch for each byte, the compiler looks at all of them together, and copies them together.
            if chunk
                .iter()
                .fold(false, |any, byte| any | must_escape(*byte))
            {
                self.each_escaped(chunk);
            } else {
                self.out.extend_from_slice(chunk);
            }
        }
        self.each_escaped(rest);
    }

    fn each_escaped(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if must_escape(*byte) {
                self.escape(*byte);
            } else {
                self.out.push(*byte);
            }
        }
    }

    fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' => self.out.extend_from_slice(b"\\\""),
            b'\\' => self.out.extend_from_slice(b"\\\\"),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            _ => {
                self.out.extend_from_slice(b"\\u00");
                self.out.push(HEX[usize::from(byte >> 4)]);
                self.out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }

    /// Copies a string of the input. Its escapes are kept, unless they could be a lone surrogate.
    fn copied_text(&mut self, text: Text<'_>) {
        if text.escaped && text.raw.contains("\\u") {
            return self.quoted(&text.cow());
        }
        self.out.push(b'"');
        self.out.extend_from_slice(text.raw.as_bytes());
        self.out.push(b'"');
    }

    fn copy(&mut self, value: Value<'_>) {
        match value.kind() {
            Kind::Null => self.out.extend_from_slice(b"null"),
            Kind::Bool(true) => self.out.extend_from_slice(b"true"),
            Kind::Bool(false) => self.out.extend_from_slice(b"false"),
            Kind::Number(number) => self.out.extend_from_slice(number.as_bytes()),
            Kind::Text(text) => self.copied_text(text),
            Kind::Array => {
                self.container(b'[', b']', |w| {
                    value.children().for_each(|child| w.element_value(child));
                });
            }
            Kind::Object => {
                self.container(b'{', b'}', |w| {
                    value.children().for_each(|child| w.member(child));
                });
            }
        }
    }
}

/// Whether a byte needs an escape in a JSON string.
fn must_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | ..=0x1f)
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    #[track_caller]
    fn check(fill: impl FnOnce(&mut Writer), expect: &str) {
        let mut writer = Writer::new(b"{".to_vec());
        fill(&mut writer);
        assert_eq!(
            String::from_utf8(writer.into_bytes()).unwrap(),
            format!("{{{expect}")
        );
    }

    #[test]
    fn a_byte_that_needs_an_escape_is_found_at_any_place() {
        for at in 0..40 {
            for (special, escape) in [
                ('"', "\\\""),
                ('\\', "\\\\"),
                ('\n', "\\n"),
                ('\u{0}', "\\u0000"),
            ] {
                let [before, after] =
                    [at, 20].map(|length| "é".repeat(length / 2) + &"x".repeat(length % 2));
                check(
                    |w| w.text("a", &format!("{before}{special}{after}")),
                    &format!("\"a\":\"{before}{escape}{after}\""),
                );
            }
        }
        let others = "\u{7f} !#[]^é€😀 and so on, beyond the sixteen of a chunk";
        check(|w| w.text("a", others), &format!("\"a\":\"{others}\""));
    }

    #[test]
    fn commas_separate_members_and_elements() {
        check(
            |w| {
                w.text("a", "b");
                w.int("n", -9_223_372_036_854_775_808);
                w.array("l", |w| {
                    w.element_int(0);
                    w.element_object(|w| w.bool("t", true));
                });
            },
            r#""a":"b","n":-9223372036854775808,"l":[0,{"t":true}]"#,
        );
    }

    #[test]
    fn empty_containers_are_removed() {
        check(
            |w| {
                w.text("a", "b");
                w.object("o", |w| w.array("l", |w| w.element_object(|_| ())));
                w.int("n", 1);
            },
            r#""a":"b","n":1"#,
        );
    }

    #[test]
    fn escapes_what_json_requires() {
        check(
            |w| w.text("a", "\"\\\n\r\t\u{1}\u{1f}é"),
            r#""a":"\"\\\n\r\t\u0001\u001fé""#,
        );
    }

    #[test]
    fn values_are_copied_unchanged() {
        let input = r#"{"x y":[1.50,-0,1e9,null,true,{"é\/":"\n"}],"lone":"\ud800"}"#;
        let doc = parse(input.as_bytes()).unwrap();
        check(
            |w| w.value("v", doc.root()),
            "\"v\":{\"x y\":[1.50,-0,1e9,null,true,{\"é\\/\":\"\\n\"}],\"lone\":\"\u{fffd}\"}",
        );
    }
}
