//! A change in the directory, read once for all rules.

use crate::json::Value;
use crate::ocsf::{Event, Severity};
use crate::record::identity::{self, Ids};
use crate::record::{Changes, Record, User, UserKind};
use crate::severity;
use std::borrow::Cow;

pub(super) struct Change<'r, 'a> {
    pub(super) record: &'r Record<'a>,
    pub(super) target: Ids<'a>,
    pub(super) changes: Changes<'a>,
}

impl<'r, 'a> Change<'r, 'a> {
    pub(super) fn of(record: &'r Record<'a>) -> Self {
        Self {
            record,
            target: record.get("Target").map(Ids::read).unwrap_or_default(),
            changes: Changes::new(record.get("ModifiedProperties")),
        }
    }

    /// The severity of the operation. `activity` is the caption of the event's activity, `changed` the name of a
    /// property, `new value` the new value of any, and `said` what the service says of what it did. Another field is a
    /// property's new value, or, with ` before` behind its name, the old one.
    pub(super) fn rate(&self, event: &Event<'_>) -> Severity {
        let record = self.record;
        severity::DIRECTORY.rate(&record.op, |field, test| match field {
            "activity" => test(event.class.activity_caption()),
            "changed" => self.changes.any_name(test),
            "new value" => self.changes.any_new_value(test),
            "said" => {
                let details = record.property("ExtendedProperties", "additionalDetails");
                let said = ["ResultReason", "ResultDescription", "ResultStatusDetail"];
                said.iter()
                    .find_map(|key| record.text(key))
                    .is_some_and(|text| test(&text))
                    || details.is_some_and(|text| test(&text))
                    || self.changes.any_new_value(test)
            }
            _ => {
                let value = match field.strip_suffix(" before") {
                    Some(name) => self.changes.old(name),
                    None => self.changes.new_value(field),
                };
                value.is_some_and(|value| test(&value))
            }
        })
    }

    /// The target's name, whatever kind it is; the text of `ObjectId` when it has no name.
    pub(super) fn target_name(&self) -> Option<Cow<'a, str>> {
        let target = &self.target;
        target
            .upn
            .clone()
            .or_else(|| target.display_name.clone())
            .or_else(|| {
                if target.oid.is_some() {
                    None
                } else {
                    self.record.text("ObjectId")
                }
            })
    }

    /// The target as a user: a person or an application's service principal.
    pub(super) fn target_user(&self) -> User<'a> {
        let target = &self.target;
        let service = target.kind.as_deref() == Some("ServicePrincipal");
        let kind = match &target.kind {
            Some(_) if service => UserKind::Service,
            Some(kind) if kind != "User" => UserKind::Other(kind.clone()),
            _ => UserKind::User,
        };
        let uid_alt = if service {
            target.spn.clone()
        } else {
            target.puid.clone()
        };
        User {
            name: self.target_name(),
            uid: target.oid.clone(),
            uid_alt,
            kind: Some(kind),
            ..User::default()
        }
    }

    /// Marks `Target` and `ObjectId` if all of their texts are in the event.
    pub(super) fn mark_target(&self, written: &[&Option<Cow<'a, str>>]) {
        let stands = |text: &str| written.iter().any(|known| known.as_deref() == Some(text));
        let texts = |value: Value<'a>| value.get("ID").and_then(Value::scalar);
        if let Some(list) = self.record.get("Target")
            && list.is_array()
            && list.children().all(|entry| {
                identity::is_plain_id(entry) && texts(entry).is_some_and(|text| stands(&text))
            })
        {
            list.mark_used();
        }
        if self
            .record
            .text("ObjectId")
            .is_none_or(|object| stands(&object))
        {
            self.record.take("ObjectId");
        }
    }
}
