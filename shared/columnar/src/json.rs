//! Reading JSON: jiter finds where values begin and end, and what they say is taken from the text itself. So every value keeps
//! its text: columns of free JSON hold it, and so does whatever fits no column.

use std::borrow::Cow;

use jiter::{Jiter, JiterError, Peek};
use memchr::{memchr, memmem};

/// A text that is to be read as JSON.
#[derive(Debug)]
pub(crate) struct Json<'a> {
    text: &'a str,
    /// What jiter reads. It refuses half a surrogate pair, which subjects that Microsoft cuts can have; so here `\ud` is `\u0`.
    /// What is at a place in one is at the same place in the other.
    without_surrogates: Cow<'a, [u8]>,
}

impl<'a> Json<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let mut without_surrogates = Cow::Borrowed(text.as_bytes());
        for at in memmem::find_iter(text.as_bytes(), br"\u") {
            if let Some(b'd' | b'D') = text.as_bytes().get(at + 2) {
                without_surrogates.to_mut()[at + 2] = b'0';
            }
        }
        Self {
            text,
            without_surrogates,
        }
    }

    pub(crate) fn reader(&self) -> Reader<'_, 'a> {
        Reader {
            jiter: Jiter::new(&self.without_surrogates),
            text: self.text,
            has_surrogates: matches!(self.without_surrogates, Cow::Owned(_)),
        }
    }
}

/// Reads a text from its beginning to its end. Errors are jiter's, and say where.
#[derive(Debug)]
pub(crate) struct Reader<'j, 'a> {
    jiter: Jiter<'j>,
    text: &'a str,
    /// jiter reads a copy in which surrogates are masked, so it cannot decode strings.
    has_surrogates: bool,
}

impl<'a> Reader<'_, 'a> {
    /// What kind of value comes next.
    pub(crate) fn peek(&mut self) -> Result<Peek, JiterError> {
        self.jiter.peek()
    }

    /// The text of the value that comes next.
    pub(crate) fn value(&mut self) -> Result<&'a str, JiterError> {
        let first = self.jiter.peek()?;
        let start = self.jiter.current_index();
        self.jiter.known_skip(first)?;
        Ok(&self.text[start..self.jiter.current_index()])
    }

    /// Decodes the next string without reading its text a second time. `None`, and nothing is read, when the text has
    /// surrogates: then [`string`] decodes it.
    pub(crate) fn string(&mut self) -> Result<Option<&str>, JiterError> {
        if self.has_surrogates {
            return Ok(None);
        }
        self.jiter.known_str().map(Some)
    }

    /// Begins an object: the name of its first member, if it has any. An error where no object comes next.
    ///
    /// Names are without their quotes, otherwise as they stand in the text: escapes are not decoded.
    pub(crate) fn first_name(&mut self) -> Result<Option<&'a str>, JiterError> {
        let length = self.jiter.next_object_bytes()?.map(<[u8]>::len);
        Ok(length.map(|length| self.name(length)))
    }

    /// The name of the object's next member; none at its end.
    pub(crate) fn next_name(&mut self) -> Result<Option<&'a str>, JiterError> {
        let length = self.jiter.next_key_bytes()?.map(<[u8]>::len);
        Ok(length.map(|length| self.name(length)))
    }

    fn name(&self, length: usize) -> &'a str {
        // jiter stands behind the colon, and the last quote before that ends the name.
        let mut end = self.jiter.current_index() - 1;
        while self.text.as_bytes()[end] != b'"' {
            end -= 1;
        }
        &self.text[end - length..end]
    }

    /// Begins a list, which comes next. Whether it has an element.
    pub(crate) fn first_element(&mut self) -> Result<bool, JiterError> {
        Ok(self.jiter.known_array()?.is_some())
    }

    /// Whether the list has another element.
    pub(crate) fn next_element(&mut self) -> Result<bool, JiterError> {
        Ok(self.jiter.array_step()?.is_some())
    }

    /// An error where more than blanks is left.
    pub(crate) fn finish(&mut self) -> Result<(), JiterError> {
        self.jiter.finish()
    }
}

/// What a string says; none where `text` is no string, or has half a surrogate pair, which no UTF-8 has.
pub(crate) fn string(text: &str) -> Option<Cow<'_, str>> {
    let plain = text.strip_prefix('"')?.strip_suffix('"')?;
    if memchr(b'\\', plain.as_bytes()).is_none() {
        return Some(Cow::Borrowed(plain));
    }
    let mut jiter = Jiter::new(text.as_bytes());
    let decoded = jiter.next_str().ok()?;
    Some(Cow::Owned(decoded.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members of an object, and nothing behind it.
    fn members(text: &str) -> Result<Vec<(&str, &str)>, JiterError> {
        let json = Json::new(text);
        let mut reader = json.reader();
        let mut members = Vec::new();
        let mut name = reader.first_name()?;
        while let Some(of) = name {
            members.push((of, reader.value()?));
            name = reader.next_name()?;
        }
        reader.finish()?;
        Ok(members)
    }

    #[test]
    fn names_and_values_keep_their_text() {
        let text = r#" {"a" : 1.50, "\ud800\uDC41":{"b":[ ]} ,"a":"é\ude00","": -0 } "#;
        let expect = [
            ("a", "1.50"),
            (r"\ud800\uDC41", r#"{"b":[ ]}"#),
            ("a", r#""é\ude00""#),
            ("", "-0"),
        ];
        assert_eq!(members(text).unwrap(), expect);
        assert_eq!(members("{}").unwrap(), []);
    }

    #[test]
    fn strings_are_decoded_where_no_surrogate_is_in_the_text() {
        let check = |text: &str, expect: Option<&str>| {
            let json = Json::new(text);
            let mut reader = json.reader();
            assert_eq!(reader.peek().unwrap(), Peek::String);
            assert_eq!(reader.string().unwrap(), expect, "{text}");
        };
        check(r#""plain \u00e9 \n""#, Some("plain é \n"));
        check(r#""\ud83d\ude00""#, None);
        check(r#""\uD800""#, None);
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
            r#"{"a":NaN}"#,
            r#"{"a":[}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"\x"}"#,
            r#"{"a":"\ud8"}"#,
            "{} {}",
        ] {
            assert!(members(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        // What the normalizer takes, and what it adds.
        assert!(members(&nested(64 + 16)).is_ok());
        assert!(members(&nested(100_000)).is_err());
    }

    #[test]
    fn escapes_are_decoded_where_they_are_text() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(string(text).as_deref(), expect);
        check(r#""plain é""#, Some("plain é"));
        check(
            r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
            Some("a\"\\/\u{8}\u{c}\n\r\té😀"),
        );
        check(r#""a\ud83d""#, None);
        check(r#""\ud83d\u0041""#, None);
        check(r#""\ude00""#, None);
        check("7", None);
    }

    proptest::proptest! {
        #[test]
        fn serde_json_says_the_same_of_any_text(text in r#"\{[\[\]{}",:0-9eE.\-+a-z\\u \t]{0,24}\}"#) {
            let expect = serde_json::from_str::<std::collections::HashMap<String, Box<serde_json::value::RawValue>>>(&text);
            proptest::prop_assert_eq!(members(&text).is_ok(), expect.is_ok());
        }
    }
}
