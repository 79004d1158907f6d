//! Texts of a record: which are meaningful, and parts of them.

use crate::json::Value;
use std::borrow::Cow;

/// A scalar as text, unless it is blank or a noise word.
pub(crate) fn meaningful<'a>(value: Value<'a>) -> Option<Cow<'a, str>> {
    value.scalar().filter(|text| !is_noise(text))
}

/// Whether a text is blank or a word that Microsoft's services write for "no value".
pub(crate) fn is_noise(text: &str) -> bool {
    matches!(
        trim(text),
        "" | "Not Available" | "__NULL__" | "<null>" | "null" | "None" | "Unknown" | "N/A"
    )
}

/// The same as [`str::trim`], which checks Unicode white space: only called when there may be white space.
fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// The text of a member, if it is meaningful.
pub(crate) fn text_of<'a>(value: Value<'a>, key: &str) -> Option<Cow<'a, str>> {
    meaningful(value.get(key)?)
}

/// A part of a text. Borrows if the text is borrowed.
pub(crate) fn slice<'a>(text: &Cow<'a, str>, from: usize, to: usize) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[from..to]),
        Cow::Owned(text) => Cow::Owned(text[from..to].to_owned()),
    }
}
