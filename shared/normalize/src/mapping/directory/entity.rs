//! Other objects of the directory: applications, policies, domains, devices, partners, the organization itself.

use super::super::verbs::{self, Verb};
use super::change::Change;
use crate::json::Writer;
use crate::ocsf::Event;
use crate::ocsf::class::EntityManagement;
use std::borrow::Cow;

/// Maps a change of an entity. The old values are in `entity`, the new ones in `entity_result`.
pub(super) fn map<'a>(change: &Change<'_, 'a>, event: &mut Event<'a>) {
    let op = &*change.record.op;
    event.classify(activity(op));
    event.raise(change.rate(event));
    let (type_id, kind) = kind(change);
    let uid = change
        .target
        .oid
        .clone()
        .or_else(|| change.record.text("ObjectId"));
    let name = change.target_name().or_else(|| {
        if uid.is_none() {
            change.record.operation.clone()
        } else {
            None
        }
    });
    let conditional = op.contains("conditional access");
    let label = |w: &mut Writer| {
        w.text_opt("name", name.as_ref());
        w.int("type_id", type_id);
        w.text("type", &kind);
    };
    let w = &mut event.body;
    w.object("entity", |w| {
        label(w);
        w.text_opt("uid", uid.as_ref());
        if type_id == POLICY {
            w.object("policy", |w| {
                w.text_opt("name", name.as_ref());
                w.text_opt("uid", uid.as_ref());
                if conditional {
                    w.text("type", "Conditional Access");
                }
            });
        }
        w.object("data", |w| change.changes.write("OldValue", w));
    });
    w.object("entity_result", |w| {
        w.object("data", |w| change.changes.write("NewValue", w));
        if w.wrote_member() {
            label(w);
            if name.is_none() {
                w.text_opt("uid", uid.as_ref());
            }
        }
    });
    change.changes.mark_written();
    change.mark_target(&[&name, &uid]);
    if change
        .record
        .text("ObjectId")
        .is_some_and(|object| change.changes.holds(&object))
    {
        change.record.used(&["ObjectId"]);
    }
}

const POLICY: i64 = 5;

fn activity(op: &str) -> EntityManagement {
    let starts = |words: &[&str]| words.iter().any(|word| op.starts_with(word));
    if starts(&["add", "create"]) {
        EntityManagement::Create
    } else if starts(&["delete", "remove", "hard delete"]) {
        EntityManagement::Delete
    } else if starts(&["update", "set", "verify"]) {
        EntityManagement::Update
    } else if starts(&["enable"]) {
        EntityManagement::Enable
    } else if starts(&["disable"]) {
        EntityManagement::Disable
    } else if starts(&["unregister device"]) {
        EntityManagement::Unenroll
    } else if starts(&["register device"]) {
        EntityManagement::Enroll
    } else {
        verbs::of(op).map_or(EntityManagement::Other, Verb::entity)
    }
}

/// `type_id` and its caption: by the kind of the target or, failing that, by a word of the operation.
fn kind<'a>(change: &Change<'_, 'a>) -> (i64, Cow<'a, str>) {
    const WORDS: [(&str, &str); 8] = [
        ("policy", "Policy"),
        ("service principal", "ServicePrincipal"),
        ("application", "Application"),
        ("domain", "Domain"),
        ("device", "Device"),
        ("company", "Organization"),
        ("partner", "Partner"),
        ("group", "Group"),
    ];
    let word = || {
        let found = WORDS
            .iter()
            .find(|(word, _)| change.record.op.contains(word));
        Cow::Borrowed(found.map_or("Directory Object", |(_, kind)| kind))
    };
    let kind = change.target.kind.clone().unwrap_or_else(word);
    let type_id = match &*kind {
        "Device" => 1,
        "User" => 2,
        "Group" => 3,
        "Organization" => 4,
        "Policy" => POLICY,
        _ => 99,
    };
    (type_id, kind)
}
