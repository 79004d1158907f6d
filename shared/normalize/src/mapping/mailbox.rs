//! Mailbox audit: mail sent, read, moved or deleted, and folders shared (record types 2, 3, 19, 50).

mod rule;

use super::verbs::{self, Verb};
use crate::json::Value;
use crate::ocsf::class::{ApiActivity, EmailActivity, UserAccess};
use crate::ocsf::email::Email;
use crate::ocsf::resource::{RESOURCES_MAX, Resource, Role};
use crate::ocsf::{Event, ObservableType, Severity, api};
use crate::record::{Actor, Record, User, email_domain, name_values, text_of};
use crate::severity;
use std::borrow::Cow;

/// Operations, with their activity in class API Activity. Sorted.
#[rustfmt::skip]
const OPERATIONS: &[(&str, ApiActivity)] = &[
    ("addfolderpermissions", ApiActivity::Update), ("applyrecord", ApiActivity::Update),
    ("applyrecordlabel", ApiActivity::Update), ("attachmentaccess", ApiActivity::Read),
    ("copy", ApiActivity::Create), ("create", ApiActivity::Create), ("folderbind", ApiActivity::Read),
    ("harddelete", ApiActivity::Delete), ("mailitemsaccessed", ApiActivity::Read),
    ("messagebind", ApiActivity::Read), ("miplabel", ApiActivity::Update),
    ("modifyfolderpermissions", ApiActivity::Update), ("move", ApiActivity::Update),
    ("movetodeleteditems", ApiActivity::Delete), ("prioritycleanupdelete", ApiActivity::Delete),
    ("recorddelete", ApiActivity::Delete), ("removefolderpermissions", ApiActivity::Update),
    ("searchqueryinitiatedexchange", ApiActivity::Read), ("searchqueryinitiatedsharepoint", ApiActivity::Read),
    ("softdelete", ApiActivity::Delete), ("update", ApiActivity::Update),
    ("updatecalendardelegation", ApiActivity::Update), ("updatecompliancetag", ApiActivity::Update),
    ("updatefolderpermissions", ApiActivity::Update), ("updateinboxrules", ApiActivity::Update),
];

/// A client changed an inbox rule.
const RULE_OPERATION: &str = "updateinboxrules";

const PERMISSION_OPERATIONS: [&str; 4] = [
    "addfolderpermissions",
    "modifyfolderpermissions",
    "removefolderpermissions",
    "updatefolderpermissions",
];

/// Whether the operation belongs to mailbox auditing.
pub(crate) fn is_operation(op: &str) -> bool {
    matches!(op, "send" | "sendas" | "sendonbehalf") || activity(op).is_some()
}

fn activity(op: &str) -> Option<ApiActivity> {
    let at = OPERATIONS
        .binary_search_by_key(&op, |(name, _)| name)
        .ok()?;
    Some(OPERATIONS[at].1)
}

pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    let op = &*record.op;
    if matches!(op, "send" | "sendas" | "sendonbehalf") && sent(record, event, actor) {
        return;
    }
    if PERMISSION_OPERATIONS.contains(&op) && permission(record, event) {
        return;
    }
    let activity = activity(op)
        .or_else(|| verbs::of(op).map(Verb::api))
        .unwrap_or(ApiActivity::Other);
    event.classify(activity);
    api::write_api_with(record, event, |w| {
        if let Some(properties) = record.get("OperationProperties")
            && name_values::write(w, "data", properties)
        {
            properties.mark_used();
        }
    });
    if op == RULE_OPERATION {
        rule::observe_targets(record, event);
    }
    write_resources(record, event);
    if let Some(count) = record
        .int("OperationCount")
        .filter(|count| i32::try_from(*count).is_ok())
    {
        event.body.int("count", count);
    }
    event.raise(rate(record));
}

fn owner<'a>(record: &Record<'a>) -> Option<User<'a>> {
    record.text("MailboxOwnerUPN").map(User::named)
}

fn write_resources<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = &*record.op;
    let mailbox = Resource {
        owner: owner(record),
        ..Resource::target(
            "Mailbox",
            record.take("MailboxOwnerUPN"),
            record.take("MailboxGuid"),
        )
    };
    let rule = Resource {
        owner: owner(record),
        ..Resource::target(
            "Inbox Rule",
            record.property("OperationProperties", "RuleName"),
            record.property("OperationProperties", "RuleId"),
        )
    };
    let items: Vec<_> = items(record).take(RESOURCES_MAX).collect();
    let message_uids = items
        .iter()
        .filter_map(|item| text_of(item.value, "InternetMessageId"));
    for uid in message_uids {
        event.observe("resources.uid", ObservableType::ResourceUid, uid);
    }
    event.body.array("resources", |w| {
        w.element_object(|w| mailbox.write(w, |_| ()));
        for item in &items {
            let uid =
                text_of(item.value, "InternetMessageId").or_else(|| text_of(item.value, "Id"));
            let resource = if op == "mailitemsaccessed" && item.is_folder() {
                Resource::target("Mailbox Folder", item.folder.clone(), uid)
            } else {
                Resource::target("Email", text_of(item.value, "Subject"), uid)
            };
            let resource = Resource {
                role: Role::Affected,
                ..resource
            };
            w.element_object(|w| {
                resource.write(w, |w| w.text_opt("folder", item.folder.as_ref()));
            });
        }
        w.element_object(|w| rule.write(w, |_| ()));
    });
}

struct Item<'a> {
    value: Value<'a>,
    folder: Option<Cow<'a, str>>,
}

impl Item<'_> {
    /// Whether the item is a folder. Synchronizations name the folder as their item.
    fn is_folder(&self) -> bool {
        let parent = self.value.get("ParentFolder");
        let (own, parent) = (
            self.value.get("Id"),
            parent.and_then(|parent| parent.get("Id")),
        );
        matches!((own, parent), (Some(own), Some(parent)) if own.same_text(parent))
    }
}

/// The items of a record: one, several, several in several folders, or the messages whose attachments were read.
fn items<'a>(record: &Record<'a>) -> impl Iterator<Item = Item<'a>> {
    let folder = |item: Value<'a>| {
        item.get("ParentFolder")
            .and_then(|folder| text_of(folder, "Path"))
    };
    let lists = ["Item", "AffectedItems"]
        .into_iter()
        .filter_map(|key| record.get(key));
    let direct = lists
        .flat_map(|list| list.elements())
        .map(move |value| Item {
            value,
            folder: folder(value),
        });
    let groups = [("Folders", "FolderItems"), ("Messages", "MessageItems")];
    let inside = groups.into_iter().flat_map(|(list, items)| {
        let groups = record.get(list).into_iter().flat_map(Value::elements);
        groups.flat_map(move |group| {
            // The path of a group of attachments' messages is just the name of the list.
            let path = text_of(group, "Path").filter(|path| path != list);
            let items = group.get(items).into_iter().flat_map(Value::elements);
            items.map(move |value| Item {
                value,
                folder: path.clone(),
            })
        })
    });
    direct.chain(inside)
}

fn rate(record: &Record<'_>) -> Severity {
    severity::MAILBOX.rate(&record.op, |field, test| {
        if field == "action" {
            return rule::does(record, test);
        }
        let value = record
            .property("OperationProperties", field)
            .or_else(|| record.text(field));
        value.is_some_and(|value| test(&value))
    })
}

/// Maps mail that left the mailbox. Returns false without a usable address: such mail is mapped to a call.
fn sent<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) -> bool {
    let from = [
        "SendAsUserSmtp",
        "SendOnBehalfOfUserSmtp",
        "MailboxOwnerUPN",
    ];
    let from = from
        .iter()
        .find_map(|key| record.text(key))
        .filter(|address| email_domain(address).is_some());
    let item = record.get("Item");
    let recipients = record
        .get("recipientList")
        .into_iter()
        .flat_map(|list| list.elements());
    let mut email = Email {
        to: recipients
            .filter_map(|recipient| text_of(recipient, "Address").or_else(|| recipient.str()))
            .collect(),
        subject: item.and_then(|item| text_of(item, "Subject")),
        message_uid: item.and_then(|item| text_of(item, "InternetMessageId")),
        size_bytes: item.and_then(|item| item.get("SizeInBytes")?.int()),
        attachments: item.and_then(|item| text_of(item, "Attachments")),
        ..Email::default()
    };
    let sender = actor
        .user
        .name
        .clone()
        .filter(|name| email_domain(name).is_some() && Some(name) != from.as_ref());
    email.sender = sender;
    email.from = from;
    email.to.retain(|address| email_domain(address).is_some());
    if !email.is_usable() {
        return false;
    }
    if email.from.is_some() && email.from == record.text("MailboxOwnerUPN") {
        record.used(&["MailboxOwnerUPN"]);
    }
    event.classify(EmailActivity::Send);
    email.write(event);
    true
}

/// Maps a permission on a folder that was granted or revoked.
fn permission<'a>(record: &Record<'a>, event: &mut Event<'a>) -> bool {
    let Some(folder) = record
        .get("Item")
        .and_then(|item| item.get("ParentFolder"))
        .or_else(|| record.get("Folder"))
    else {
        return false;
    };
    let Some(member) = text_of(folder, "MemberUpn").or_else(|| text_of(folder, "MemberSid")) else {
        return false;
    };
    let rights = match folder.get("MemberRights").and_then(Value::str) {
        Some(rights) if !rights.trim().is_empty() => rights,
        _ => return false,
    };
    let revoked = record.op.starts_with("remove") || rights.trim().eq_ignore_ascii_case("none");
    event.classify(if revoked {
        UserAccess::RevokePrivileges
    } else {
        UserAccess::AssignPrivileges
    });
    event.raise(severity::MAILBOX.rate(&record.op, |_, test| test(&member)));
    let user = User::person(member);
    let resource = Resource {
        owner: owner(record),
        ..Resource::target(
            "Mailbox Folder",
            text_of(folder, "Path"),
            text_of(folder, "Id"),
        )
    };
    let w = &mut event.body;
    w.object("user", |w| user.write(w));
    w.array("privileges", |w| {
        rights
            .split(',')
            .map(str::trim)
            .filter(|right| !right.is_empty())
            .for_each(|right| w.element_text(right));
    });
    w.array("resources", |w| {
        w.element_object(|w| resource.write(w, |_| ()));
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(OPERATIONS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
