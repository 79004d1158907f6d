//! Changes in the Entra directory (record type 8): accounts, groups, rights, and everything else managed there.

mod change;
mod entity;
mod rights;

use crate::ocsf::Event;
use crate::ocsf::class::{AccountChange, GroupManagement};
use crate::record::{Record, UserUpdate};
use change::Change;
use std::borrow::Cow;

/// Maps a change in the directory. A change without the group or the right that its class requires is mapped to an
/// entity change.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let change = Change::of(record);
    let op = &*record.op;
    let mapped = match account_activity(op) {
        Some(activity) => account(&change, event, activity),
        None => match group_activity(op) {
            Some(activity) => group(&change, event, activity),
            None => match rights::of(op) {
                Some((kind, step)) => rights::map(&change, event, kind, step),
                None => false,
            },
        },
    };
    if !mapped {
        entity::map(&change, event);
    }
}

/// The activity of class Account Change for an operation.
fn account_activity(op: &str) -> Option<AccountChange> {
    Some(match op {
        "add user" | "invite external user" | "viral user creation" => AccountChange::Create,
        "enable account" | "redeem external user invite" => AccountChange::Enable,
        "change user password" | "change password (self-service)" => AccountChange::PasswordChange,
        "reset user password"
        | "reset password (by admin)"
        | "reset password (self-service)"
        | "update passwordprofile" => AccountChange::PasswordReset,
        "disable account" => AccountChange::Disable,
        "delete user" | "hard delete user" => AccountChange::Delete,
        "enable strong authentication"
        | "user registered security info"
        | "user registered all required security info"
        | "admin registered security info for user"
        | "admin registered security info"
        | "admin registered temporary access pass method for user"
        | "create temporary access pass method for user" => AccountChange::MfaFactorEnable,
        "disable strong authentication"
        | "user deleted security info"
        | "admin deleted security info for user"
        | "admin deleted security info" => AccountChange::MfaFactorDisable,
        "unlock user account (self-service)" | "unlock user account" => AccountChange::Unlock,
        "restore user"
        | "update user"
        | "set force change user password"
        | "change user license"
        | "set license properties"
        | "update ststokenvalidfrom timestamp"
        | "update stsrefreshtokenvalidfrom timestamp"
        | "convert federated user to managed" => AccountChange::Other,
        _ => return None,
    })
}

fn account<'a>(change: &Change<'_, 'a>, event: &mut Event<'a>, activity: AccountChange) -> bool {
    let user = change.target_user();
    if user.is_nobody() {
        return false;
    }
    let op = &*change.record.op;
    let activity = if op == "update user" {
        match change.changes.user_update() {
            UserUpdate::Enabled => AccountChange::Enable,
            UserUpdate::Disabled => AccountChange::Disable,
            UserUpdate::FactorAdded => AccountChange::MfaFactorEnable,
            UserUpdate::FactorRemoved => AccountChange::MfaFactorDisable,
            UserUpdate::Other => AccountChange::Other,
        }
    } else {
        activity
    };
    event.classify(activity);
    event.raise(change.rate(event));
    event.body.object("user", |w| user.write(w));
    change.mark_target(&[&user.name, &user.uid, &user.uid_alt]);
    true
}

/// The activity of class Group Management for an operation.
fn group_activity(op: &str) -> Option<GroupManagement> {
    Some(match op {
        "add group" => GroupManagement::Create,
        "delete group" | "hard delete group" => GroupManagement::Delete,
        "update group" | "restore group" | "set group license" => GroupManagement::Other,
        "add member to group" | "add owner to group" => GroupManagement::AddUser,
        "remove member from group" | "remove owner from group" => GroupManagement::RemoveUser,
        "add app role assignment to group" => GroupManagement::AssignPrivileges,
        "remove app role assignment from group" => GroupManagement::RevokePrivileges,
        _ => return None,
    })
}

fn group<'a>(change: &Change<'_, 'a>, event: &mut Event<'a>, activity: GroupManagement) -> bool {
    let op = &*change.record.op;
    let membership = matches!(
        activity,
        GroupManagement::AddUser | GroupManagement::RemoveUser
    );
    let right = matches!(
        activity,
        GroupManagement::AssignPrivileges | GroupManagement::RevokePrivileges
    );
    let (name, uid) = match activity {
        _ if membership || right => (
            change.changes.text("Group.DisplayName"),
            change.changes.text("Group.ObjectID"),
        ),
        _ => (change.target_name(), change.target.oid.clone()),
    };
    if name.is_none() && uid.is_none() {
        return false;
    }
    let subgroup = membership && change.target.kind.as_deref() == Some("Group");
    event.classify(match activity {
        GroupManagement::AddUser if subgroup => GroupManagement::AddSubgroup,
        GroupManagement::RemoveUser if subgroup => GroupManagement::RemoveSubgroup,
        activity => activity,
    });
    let privileges = match activity {
        _ if right => Some(change.changes.app_role()),
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
