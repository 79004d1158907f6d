//! Texts of a record: which of them say something, and parts of them.

use crate::json::Value;
use std::borrow::Cow;

/// A scalar as text, unless it is blank or a noise word.
pub(crate) fn meaningful<'a>(value: Value<'a>) -> Option<Cow<'a, str>> {
    value.scalar().filter(|text| !is_noise(text))
}

/// A text that says nothing: blank, or a word that Microsoft's services write for "no value".
pub(crate) fn is_noise(text: &str) -> bool {
    matches!(
        trim(text),
        "" | "Not Available" | "__NULL__" | "<null>" | "null" | "None" | "Unknown" | "N/A"
    )
}

/// [`str::trim`], which looks for white space in all of Unicode, where there may be some.
fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// The meaningful text of a member.
pub(crate) fn text_of<'a>(value: Value<'a>, key: &str) -> Option<Cow<'a, str>> {
    meaningful(value.get(key)?)
}

/// A part of a text, borrowed where the text is.
pub(crate) fn slice<'a>(text: &Cow<'a, str>, from: usize, to: usize) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[from..to]),
        Cow::Owned(text) => Cow::Owned(text[from..to].to_owned()),
    }
}
