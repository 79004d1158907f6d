//! One record, as the rules read it.

use super::id;
use super::index::{Index, slot};
use super::name_values;
use super::record_type::RecordType;
use super::text::{is_noise, meaningful};
use crate::json::{Doc, Value};
use std::borrow::Cow;

/// A record, with the members that every rule reads.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    root: Value<'a>,
    index: Index,
    /// `Id` and `OrganizationId`, as in [`fn@crate::identify`].
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) tenant: Option<Cow<'a, str>>,
    /// `Operation`, verbatim.
    pub(crate) operation: Option<Cow<'a, str>>,
    /// The operation as the tables spell it: lower case, no dots or blanks at the end, "-" for all dashes.
    pub(crate) op: Cow<'a, str>,
    /// `RecordType`, if it is a number.
    pub(crate) record_type_id: Option<i64>,
    /// The record type, if one of Microsoft's tables has it.
    pub(crate) record_type: Option<RecordType>,
    pub(crate) workload: Option<Cow<'a, str>>,
    /// `Id` or `Operation` is missing, so only the text of the record is meaningful.
    pub(crate) nameless: bool,
}

impl<'a> Record<'a> {
    pub(crate) fn new(doc: Doc<'a, '_>) -> Self {
        let root = doc.root();
        let mut record = Self {
            root,
            index: Index::new(root),
            id: id::name(doc, "Id"),
            tenant: id::name(doc, "OrganizationId"),
            operation: None,
            op: Cow::Borrowed(""),
            record_type_id: None,
            record_type: None,
            workload: None,
            nameless: false,
        };
        record.used(if record.id.is_some() { &["Id"] } else { &[] });
        record.used(if record.tenant.is_some() {
            &["OrganizationId"]
        } else {
            &[]
        });
        record.operation = record.take("Operation");
        record.op = record
            .operation
            .as_ref()
            .map_or(Cow::Borrowed(""), |operation| tidy(operation.clone()));
        record.record_type_id = record.get("RecordType").and_then(|value| {
            let number = value.int()?;
            // A number in another form, such as "008", stays in `unmapped`.
            if value.scalar().as_deref() == Some(itoa::Buffer::new().format(number)) {
                value.mark_used();
            }
            Some(number)
        });
        record.record_type = record.record_type_id.and_then(RecordType::from_id);
        record.workload = record.take("Workload");
        record.nameless = record.op.is_empty() || record.id.is_none();
        record
    }

    pub(crate) fn root(&self) -> Value<'a> {
        self.root
    }

    /// A member of the root object.
    #[inline(always)]
    pub(crate) fn get(&self, key: &str) -> Option<Value<'a>> {
        self.get_from(key, slot(key))
    }

    fn get_from(&self, key: &str, slot: usize) -> Option<Value<'a>> {
        self.index.get(self.root, key, slot)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !value.is_blank())
    }

    /// The text of a member, if it is a meaningful scalar. The member stays in `unmapped`.
    #[inline(always)]
    pub(crate) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.text_from(key, slot(key))
    }

    fn text_from(&self, key: &str, slot: usize) -> Option<Cow<'a, str>> {
        self.get_from(key, slot).and_then(meaningful)
    }

    /// [`Record::text`] of a member that the caller puts into the event. A noise word is marked as well.
    #[inline(always)]
    pub(crate) fn take(&self, key: &str) -> Option<Cow<'a, str>> {
        self.take_from(key, slot(key))
    }

    fn take_from(&self, key: &str, slot: usize) -> Option<Cow<'a, str>> {
        self.get_from(key, slot).and_then(taken)
    }

    /// The first of several members with a meaningful text. The others are not marked.
    pub(crate) fn take_first(&self, keys: &[&str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| self.take(key))
    }

    /// A member of a record from a computer: most come flat, some with `EndpointMetaData`.
    pub(crate) fn of_endpoint(&self, key: &str) -> Option<Value<'a>> {
        let inner = self.get("EndpointMetaData").and_then(|data| data.get(key));
        inner
            .or_else(|| self.get(key))
            .filter(|value| !value.is_blank())
    }

    pub(crate) fn int(&self, key: &str) -> Option<i64> {
        self.get(key)?.int()
    }

    /// The value of an entry in a list of names and values: `ExtendedProperties`, `Parameters` and the like.
    pub(crate) fn property(&self, list: &str, name: &str) -> Option<Cow<'a, str>> {
        name_values::property(self.get(list)?, name)
    }

    /// Marks members whose content is in the event.
    pub(crate) fn used(&self, keys: &[&str]) {
        for key in keys {
            if let Some(value) = self.get(key) {
                value.mark_used();
            }
        }
    }

    /// Microsoft's name for the record type, or the number if it has no name.
    pub(crate) fn type_name(&self) -> Cow<'a, str> {
        let named = self.record_type.and_then(RecordType::name);
        let number = self.record_type_id.unwrap_or(-1);
        named.map_or_else(|| Cow::Owned(format!("RecordType {number}")), Cow::Borrowed)
    }

    pub(crate) fn workload_is(&self, name: &str) -> bool {
        self.workload
            .as_deref()
            .is_some_and(|workload| workload.eq_ignore_ascii_case(name))
    }
}

/// [`meaningful`] of a value that the caller puts into the event.
fn taken<'a>(value: Value<'a>) -> Option<Cow<'a, str>> {
    let text = value.scalar()?;
    value.mark_used();
    if is_noise(&text) { None } else { Some(text) }
}

fn tidy(operation: Cow<'_, str>) -> Cow<'_, str> {
    let trimmed = operation
        .trim_start()
        .trim_end_matches([' ', '.', '\t', '\r', '\n']);
    if !trimmed.is_ascii() {
        let lower = trimmed.to_lowercase();
        return Cow::Owned(lower.replace(['\u{2013}', '\u{2014}'], "-"));
    }
    let has_upper = trimmed.bytes().any(|byte| byte.is_ascii_uppercase());
    if has_upper || trimmed.len() < operation.len() {
        Cow::Owned(trimmed.to_ascii_lowercase())
    } else {
        operation
    }
}
