//! `observables`: an index of values in the event. An entry stays only if its value does.

use super::attribute::{AttributeKind, Object};
use super::projection::Projection;
use super::table;
use crate::json::{Value, Writer};

impl<'a> Projection<'a> {
    /// Writes the observables. One whose attribute is gone is removed: it holds nothing that is not elsewhere in the
    /// event.
    pub(super) fn observables(&mut self, class: &'static Object, list: Value<'a>, w: &mut Writer) {
        let before = self.lost.len();
        w.array("observables", |w| {
            for observable in list.children() {
                let part = |name| observable.get(name).and_then(Value::str);
                let (Some(name), Some(value)) = (part("name"), part("value")) else {
                    continue;
                };
                if self.resolves(class, &name) && !self.has_lost(&name, &value) {
                    w.element_object_if(|w| self.object(&table::OBSERVABLE, observable, w));
                }
            }
        });
        self.lost.truncate(before);
    }

    /// Whether the version has an attribute at this path.
    fn resolves(&self, class: &'static Object, path: &str) -> bool {
        let mut of = Some(class);
        let first = path.split('.').next().unwrap_or_default();
        let mut known = !self.foreign.contains(&first);
        for name in path.split('.') {
            let attribute = of.and_then(|of| of.attribute(name));
            known &= of.is_some() && attribute.is_none_or(|attribute| self.knows(attribute));
            of = match attribute.map(|attribute| attribute.kind) {
                Some(AttributeKind::Object(object)) => Some(object),
                _ => None,
            };
        }
        known
    }

    /// Whether the value at this path has moved to `unmapped`.
    fn has_lost(&self, path: &str, text: &str) -> bool {
        self.lost.iter().any(|(lost, value)| {
            // Most values have another text, so their paths need not be compared.
            let may_be = if value.is_string() {
                value.is_text(text)
            } else {
                value.is_object() || value.is_array()
            };
            let mut names = path.split('.');
            // `evidences[0]` is an element of `evidences`.
            let mut steps = lost.split('.').map(|step| step.split('[').next());
            may_be && steps.all(|step| step == names.next()) && leads_to(*value, names, text)
        })
    }
}

/// Whether an attribute at this path has this text.
fn leads_to<'n>(
    value: Value<'_>,
    mut path: impl Iterator<Item = &'n str> + Clone,
    text: &str,
) -> bool {
    let name = path.next();
    value.elements().any(|element| match name {
        None => element.is_text(text),
        Some(name) => element
            .get(name)
            .is_some_and(|inner| leads_to(inner, path.clone(), text)),
    })
}
