//! Sharing in SharePoint and OneDrive: links, invitations, grants, membership of a site's groups (record type 14).

use super::{files, verbs};
use crate::ocsf::class::{FileHosting, GroupManagement, WebResources};
use crate::ocsf::file::File;
use crate::ocsf::resource::Resource;
use crate::ocsf::{Event, ObservableType};
use crate::record::event_data::tag;
use crate::record::{Record, User, email_domain};
use crate::severity;

/// Operations, with their activity in class File Hosting Activity. Sorted.
#[rustfmt::skip]
const OPERATIONS: &[(&str, FileHosting)] = &[
    ("accessrequestaccepted", FileHosting::Share), ("accessrequestapproved", FileHosting::Share),
    ("accessrequestcreated", FileHosting::AccessCheck), ("accessrequestdenied", FileHosting::AccessCheck),
    ("accessrequestrejected", FileHosting::AccessCheck), ("accessrequestupdated", FileHosting::AccessCheck),
    ("addedtosecurelink", FileHosting::Share), ("anonymouslinkcreated", FileHosting::Share),
    ("anonymouslinkremoved", FileHosting::Unshare), ("anonymouslinkupdated", FileHosting::Share),
    ("anonymouslinkused", FileHosting::Open), ("companylinkcreated", FileHosting::Share),
    ("companylinkremoved", FileHosting::Unshare), ("companylinkused", FileHosting::Open),
    ("permissionlevelsinheritancebroken", FileHosting::Update), ("removedfromsecurelink", FileHosting::Unshare),
    ("securelinkcreated", FileHosting::Share), ("securelinkdeleted", FileHosting::Unshare),
    ("securelinkupdated", FileHosting::Share), ("securelinkused", FileHosting::Open),
    ("sharedlinkcreated", FileHosting::Share), ("sharedlinkdisabled", FileHosting::Unshare),
    ("sharinginheritancebroken", FileHosting::Update), ("sharinginheritancereset", FileHosting::Update),
    ("sharinginvitationaccepted", FileHosting::Other), ("sharinginvitationblocked", FileHosting::Share),
    ("sharinginvitationcreated", FileHosting::Share), ("sharinginvitationrevoked", FileHosting::Unshare),
    ("sharinginvitationupdated", FileHosting::Share), ("sharinglinkcreated", FileHosting::Share),
    ("sharinglinkdeleted", FileHosting::Unshare), ("sharinglinkupdated", FileHosting::Share),
    ("sharinglinkused", FileHosting::Open), ("sharingrevoked", FileHosting::Unshare),
    ("sharingset", FileHosting::Share),
];

/// Whether the operation is about sharing.
pub(crate) fn is_operation(op: &str) -> bool {
    activity(op).is_some() || matches!(op, "addedtogroup" | "removedfromgroup")
}

fn activity(op: &str) -> Option<FileHosting> {
    let at = OPERATIONS
        .binary_search_by_key(&op, |(name, _)| name)
        .ok()?;
    Some(OPERATIONS[at].1)
}

pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = &*record.op;
    event.raise(severity::FILES_AND_SHARING.rate("sharing", |field, test| {
        record.text(field).is_some_and(|value| test(&value))
    }));
    event.raise(severity::FILES_AND_SHARING.rate_alone(op));
    match op {
        "addedtogroup" | "useraddedtogroup" => return membership(record, event, Change::Added),
        "removedfromgroup" | "userremovedfromgroup" => {
            return membership(record, event, Change::Removed);
        }
        _ => {}
    }
    let Some(activity) = activity(op) else {
        return files::site(record, event);
    };
    let anonymous = matches!(op, "anonymouslinkcreated" | "anonymouslinkupdated");
    let is_file = record
        .text("ItemType")
        .is_none_or(|kind| matches!(&*kind, "File" | "Folder"));
    if !is_file {
        let activity = match activity {
            _ if op == "accessrequestapproved" => WebResources::Update,
            FileHosting::Share => WebResources::Share,
            FileHosting::Open | FileHosting::AccessCheck => WebResources::Read,
            // Class Web Resources Activity has no activity for the end of sharing.
            FileHosting::Update | FileHosting::Unshare => WebResources::Update,
            _ => files::web_activity(verbs::of(op)),
        };
        // A list is shared as part of its web, so the id of its web comes before that of its site.
        let uid = ["ListItemUniqueId", "WebId", "Site"]
            .iter()
            .find_map(|key| record.text(key));
        return files::web_with(record, event, activity, uid);
    }
    event.classify(activity);
    let file = File {
        is_public: anonymous,
        ..File::of(record)
    };
    files::write_file(record, event, &file);
    let data = record.text("EventData").unwrap_or_default();
    let granted = tag(&data, "Type").or_else(|| tag(&data, "Permissions granted"));
    event.body.array("access_list", |w| {
        granted.iter().for_each(|granted| w.element_text(granted));
    });
    observe_target(record, event);
}

/// Adds an observable for the recipient of a share. The class has no attribute for it, so the name stays in `unmapped`.
fn observe_target<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    if let Some(name) = record
        .text("TargetUserOrGroupName")
        .and_then(|name| User::named(name).name)
    {
        let kind = if email_domain(&name).is_some() {
            ObservableType::EmailAddress
        } else {
            ObservableType::UserName
        };
        event.observe("unmapped", kind, name);
    }
}

/// How a group's membership changed.
#[derive(Debug, Clone, Copy)]
enum Change {
    Added,
    Removed,
}

fn membership<'a>(record: &Record<'a>, event: &mut Event<'a>, change: Change) {
    let data = record.text("EventData").unwrap_or_default();
    let Some(group) = tag(&data, "Group") else {
        return files::web(record, event, WebResources::Update);
    };
    let is_group = record
        .text("TargetUserOrGroupType")
        .is_some_and(|kind| kind.contains("Group"));
    event.classify(match (change, is_group) {
        (Change::Added, false) => GroupManagement::AddUser,
        (Change::Removed, false) => GroupManagement::RemoveUser,
        (Change::Added, true) => GroupManagement::AddSubgroup,
        (Change::Removed, true) => GroupManagement::RemoveSubgroup,
    });
    let target = record.text("TargetUserOrGroupName");
    let site = Resource::target("Site", None, record.text("ObjectId"));
    let w = &mut event.body;
    w.object("group", |w| {
        w.text("name", group);
        w.text("type", "SharePoint Group");
    });
    if let Some(target) = target {
        if is_group {
            w.object("subgroup", |w| w.text("name", &target));
            record.used(&["TargetUserOrGroupName"]);
        } else {
            let user = User::person(target.clone());
            w.object("user", |w| user.write(w));
            record.used(if user.name == Some(target) {
                &["TargetUserOrGroupName"]
            } else {
                &[]
            });
        }
    }
    w.object("resource", |w| site.write(w, |_| ()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(OPERATIONS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
