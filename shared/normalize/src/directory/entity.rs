//! Everything else that the directory holds: applications, policies, domains, devices, partners, the company itself.

use super::Change;
use crate::class::Class;
use crate::event::{Event, Severity};
use crate::json::Writer;
use crate::verbs::{self, Verb};
use std::borrow::Cow;

/// Maps a change of an entity, with the old values in `entity` and the new ones in `entity_result`.
pub(super) fn map<'a>(change: &Change<'_, 'a>, event: &mut Event<'a>) {
    let op = &*change.record.op;
    event.is(Class::EntityManagement, activity(op));
    event.raise(rate(op));
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

fn activity(op: &str) -> u8 {
    let starts = |words: &[&str]| words.iter().any(|word| op.starts_with(word));
    if starts(&["add", "create"]) {
        1
    } else if starts(&["delete", "remove", "hard delete"]) {
        4
    } else if starts(&["update", "set", "verify"]) {
        3
    } else if starts(&["enable"]) {
        8
    } else if starts(&["disable"]) {
        9
    } else if starts(&["unregister device"]) {
        7
    } else if starts(&["register device"]) {
        6
    } else {
        verbs::of(op).map_or(99, Verb::crud)
    }
}

fn rate(op: &str) -> Severity {
    let has = |words: &[&str]| words.iter().any(|word| op.contains(word));
    if has(&["federation", "domain authentication"])
        || (op.starts_with("delete") && has(&["conditional access"]))
    {
        Severity::High
    } else if has(&[
        "conditional access",
        "credential",
        "certificates and secrets",
        "authorization policy",
        "partner",
    ]) {
        Severity::Medium
    } else {
        Severity::Informational
    }
}

/// type_id and its name: by the kind of the target, else by a word of the operation.
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
