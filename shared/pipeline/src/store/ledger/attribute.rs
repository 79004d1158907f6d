//! Reading and writing the attributes of items. Times are epoch milliseconds, but for `expires_at`, which DynamoDB wants in
//! seconds.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

/// An item as DynamoDB returns it.
pub(in crate::store) type Item = HashMap<String, AttributeValue>;

/// The time-to-live attribute. DynamoDB deletes late, so conditions never rely on an item being gone.
pub(in crate::store) const EXPIRES_AT: &str = "expires_at";

/// Longest cause, error or note kept, in characters: it is for a person to read.
const TEXT_CHARS_MAX: usize = 300;

/// The beginning of a text that people read.
pub(in crate::store) fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

pub(in crate::store) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(in crate::store) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(in crate::store) fn millis(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}

pub(in crate::store) fn bytes(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(value.into())
}

pub(in crate::store) fn expiry(at: Timestamp) -> AttributeValue {
    number(at.as_second())
}

pub(in crate::store) fn get_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(in crate::store) fn get_bytes<'a>(item: &'a Item, name: &str) -> Option<&'a [u8]> {
    item.get(name)?.as_b().ok().map(AsRef::as_ref)
}

pub(in crate::store) fn get_parsed<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    get_text(item, name)?.parse().ok()
}

pub(in crate::store) fn get_number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(in crate::store) fn get_millis(item: &Item, name: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(get_number(item, name)?).ok()
}
