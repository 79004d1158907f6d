//! Changes in the Entra directory (record type 8): accounts, groups, rights, and everything that is managed there.

mod changes;
mod entity;
mod rights;

use crate::class::Class;
use crate::event::{Event, Severity};
use crate::identity::{self, Ids, User};
use crate::json::Value;
use crate::record::Record;
pub(crate) use changes::Changes;
use std::borrow::Cow;

/// What the directory was asked to change, read once for all rules.
pub(crate) struct Change<'r, 'a> {
    record: &'r Record<'a>,
    target: Ids<'a>,
    changes: Changes<'a>,
}

/// Maps a change of the directory. Whatever lacks the group or the right that its class demands becomes a change of an
/// entity.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let change = Change {
        record,
        target: record.get("Target").map(Ids::read).unwrap_or_default(),
        changes: Changes::new(record.get("ModifiedProperties")),
    };
    let op = &*record.op;
    let mapped = match account_activity(op) {
        Some(activity) => account(&change, event, activity),
        None => match group_activity(op) {
            Some(activity) => group(&change, event, activity),
            None => match rights::of(op) {
                Some((kind, granted)) => rights::map(&change, event, kind, granted),
                None => false,
            },
        },
    };
    if !mapped {
        entity::map(&change, event);
    }
}

/// Activities of class Account Change, by the operation's name.
fn account_activity(op: &str) -> Option<u8> {
    Some(match op {
        "add user" | "invite external user" | "viral user creation" => 1,
        "enable account" | "redeem external user invite" => 2,
        "change user password" | "change password (self-service)" => 3,
        "reset user password"
        | "reset password (by admin)"
        | "reset password (self-service)"
        | "update passwordprofile" => 4,
        "disable account" => 5,
        "delete user" | "hard delete user" => 6,
        "enable strong authentication"
        | "user registered security info"
        | "user registered all required security info"
        | "admin registered security info for user"
        | "admin registered security info" => 10,
        "disable strong authentication"
        | "user deleted security info"
        | "admin deleted security info for user"
        | "admin deleted security info" => 11,
        "unlock user account (self-service)" | "unlock user account" => 12,
        "restore user"
        | "update user"
        | "set force change user password"
        | "change user license"
        | "set license properties"
        | "update ststokenvalidfrom timestamp"
        | "update stsrefreshtokenvalidfrom timestamp"
        | "convert federated user to managed" => 99,
        _ => return None,
    })
}

fn account<'a>(change: &Change<'_, 'a>, event: &mut Event<'a>, activity: u8) -> bool {
    let user = change.target_user();
    if user.is_nobody() {
        return false;
    }
    let activity = if &*change.record.op == "update user" {
        change.changes.account_activity()
    } else {
        activity
    };
    event.is(Class::AccountChange, activity);
    if activity == 11 {
        event.raise(Severity::Medium);
    }
    event.body.object("user", |w| user.write(w));
    change.mark_target(&[&user.name, &user.uid, &user.uid_alt]);
    true
}

/// Activities of class Group Management, by the operation's name.
fn group_activity(op: &str) -> Option<u8> {
    Some(match op {
        "add group" => 6,
        "delete group" | "hard delete group" => 5,
        "update group" | "restore group" | "set group license" => 99,
        "add member to group" | "add owner to group" => 3,
        "remove member from group" | "remove owner from group" => 4,
        "add app role assignment to group" => 1,
        "remove app role assignment from group" => 2,
        _ => return None,
    })
}

fn group<'a>(change: &Change<'_, 'a>, event: &mut Event<'a>, activity: u8) -> bool {
    let op = &*change.record.op;
    let membership = matches!(activity, 3 | 4);
    let (name, uid) = match activity {
        1..=4 => (
            change.changes.text("Group.DisplayName"),
            change.changes.text("Group.ObjectID"),
        ),
        _ => (change.target_name(), change.target.oid.clone()),
    };
    if name.is_none() && uid.is_none() {
        return false;
    }
    let subgroup = membership && change.target.kind.as_deref() == Some("Group");
    event.is(
        Class::GroupManagement,
        if subgroup { activity + 4 } else { activity },
    );
    let privileges = match activity {
        1 | 2 => Some(change.changes.app_role()),
        _ if op.contains(" owner ") => Some(Cow::Borrowed("Owner")),
        _ => None,
    };
    let user = change.target_user();
    let w = &mut event.body;
    w.object("group", |w| {
        w.text_opt("name", name.as_ref());
        w.text_opt("uid", uid.as_ref());
    });
    if subgroup {
        w.object("subgroup", |w| {
            w.text_opt("name", user.name.as_ref());
            w.text_opt("uid", user.uid.as_ref());
        });
    } else if membership {
        w.object("user", |w| user.write(w));
    }
    w.array("privileges", |w| {
        privileges
            .iter()
            .for_each(|privilege| w.element_text(privilege));
    });
    if membership {
        change.mark_target(&[
            &user.name,
            &user.uid,
            if subgroup { &None } else { &user.uid_alt },
        ]);
    } else {
        change.mark_target(&[&name, &uid]);
    }
    true
}

impl<'a> Change<'_, 'a> {
    /// The name of the target, whatever it is; the object's id text when the target has none.
    fn target_name(&self) -> Option<Cow<'a, str>> {
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

    /// The target as a user: a person, or an application's service principal.
    fn target_user(&self) -> User<'a> {
        let target = &self.target;
        let service = target.kind.as_deref() == Some("ServicePrincipal");
        let kind = match &target.kind {
            Some(_) if service => (4, Cow::Borrowed("Service")),
            Some(kind) if kind != "User" => (99, kind.clone()),
            _ => (1, Cow::Borrowed("User")),
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
        }
    }

    /// Marks `Target` and `ObjectId` where all of their texts stand in the event.
    fn mark_target(&self, written: &[&Option<Cow<'a, str>>]) {
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
