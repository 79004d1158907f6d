//! Sharing in SharePoint and OneDrive: links, invitations, grants, membership of a site's groups (record type 14).

use crate::class::Class;
use crate::event::{Event, Kind, Severity};
use crate::file::File;
use crate::identity::{User, email_domain};
use crate::record::Record;
use crate::resource::Resource;
use crate::{sharepoint, verbs};
use std::borrow::Cow;

/// Operations with their activity in class File Hosting Activity. Sorted.
#[rustfmt::skip]
const OPERATIONS: &[(&str, u8)] = &[
    ("accessrequestaccepted", 12), ("accessrequestapproved", 12), ("accessrequestcreated", 17), ("accessrequestdenied", 17),
    ("accessrequestrejected", 17), ("accessrequestupdated", 17), ("addedtosecurelink", 12), ("anonymouslinkcreated", 12),
    ("anonymouslinkremoved", 13), ("anonymouslinkupdated", 12), ("anonymouslinkused", 14), ("companylinkcreated", 12),
    ("companylinkremoved", 13), ("companylinkused", 14), ("permissionlevelsinheritancebroken", 3),
    ("removedfromsecurelink", 13), ("securelinkcreated", 12), ("securelinkdeleted", 13), ("securelinkupdated", 12),
    ("securelinkused", 14), ("sharedlinkcreated", 12), ("sharedlinkdisabled", 13), ("sharinginheritancebroken", 3),
    ("sharinginheritancereset", 3), ("sharinginvitationaccepted", 99), ("sharinginvitationblocked", 12),
    ("sharinginvitationcreated", 12), ("sharinginvitationrevoked", 13), ("sharinginvitationupdated", 12),
    ("sharinglinkcreated", 12), ("sharinglinkdeleted", 13), ("sharinglinkupdated", 12), ("sharinglinkused", 14),
    ("sharingrevoked", 13), ("sharingset", 12),
];

/// The operation is one of sharing.
pub(crate) fn is_operation(op: &str) -> bool {
    activity(op).is_some() || matches!(op, "addedtogroup" | "removedfromgroup")
}

fn activity(op: &str) -> Option<u8> {
    let at = OPERATIONS
        .binary_search_by_key(&op, |(name, _)| name)
        .ok()?;
    Some(OPERATIONS[at].1)
}

/// The content of an element in SharePoint's EventData, which is XML without a root and with blanks in its names.
pub(crate) fn tag<'t>(data: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = data;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(content) = rest
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('>'))
        {
            let text = content.split('<').next()?.trim();
            return (!text.is_empty()).then_some(text);
        }
    }
    None
}

/// Maps an operation of sharing.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = &*record.op;
    let guest = record
        .text("TargetUserOrGroupType")
        .is_some_and(|kind| matches!(&*kind, "Guest" | "Partner"));
    if guest {
        event.raise(Severity::Low);
    }
    match op {
        "addedtogroup" | "useraddedtogroup" => return membership(record, event, 3),
        "removedfromgroup" | "userremovedfromgroup" => return membership(record, event, 4),
        _ => {}
    }
    let Some(activity) = activity(op) else {
        return sharepoint::site(record, event);
    };
    let anonymous = matches!(op, "anonymouslinkcreated" | "anonymouslinkupdated");
    if anonymous {
        event.raise(Severity::Medium);
    }
    let is_file = record
        .text("ItemType")
        .is_none_or(|kind| matches!(&*kind, "File" | "Folder"));
    if !is_file {
        let activity = match activity {
            12 => 8,
            14 | 17 => 2,
            // The class has no activity for the end of sharing.
            3 | 13 => 3,
            _ => sharepoint::activity(verbs::of(op)),
        };
        let activity = if matches!(op, "accessrequestapproved") {
            3
        } else {
            activity
        };
        // What is shared is the list as part of its web: the web's id names it.
        let uid = ["ListItemUniqueId", "WebId", "Site"]
            .iter()
            .find_map(|key| record.text(key));
        return sharepoint::web_with(record, event, activity, uid);
    }
    event.is(Class::FileHosting, activity);
    let file = File {
        is_public: anonymous,
        ..File::of(record)
    };
    sharepoint::write_file(record, event, &file);
    let data = record.text("EventData").unwrap_or_default();
    let granted = tag(&data, "Type").or_else(|| tag(&data, "Permissions granted"));
    event.body.array("access_list", |w| {
        granted.iter().for_each(|granted| w.element_text(granted));
    });
    observe_target(record, event);
}

/// The class has no attribute for whom a file is shared with: the name stays in `unmapped`, and is indexed there.
fn observe_target<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    if let Some(name) = record.text("TargetUserOrGroupName") {
        let kind = if email_domain(&name).is_some() {
            Kind::EmailAddress
        } else {
            Kind::UserName
        };
        event.observe("unmapped", kind, name);
    }
}

fn membership<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: u8) {
    let data = record.text("EventData").unwrap_or_default();
    let Some(group) = tag(&data, "Group") else {
        return sharepoint::web(record, event, 3);
    };
    let is_group = record
        .text("TargetUserOrGroupType")
        .is_some_and(|kind| kind.contains("Group"));
    event.is(
        Class::GroupManagement,
        if is_group { activity + 4 } else { activity },
    );
    let target = record.take("TargetUserOrGroupName");
    let site = Resource::target("Site", None, record.text("ObjectId"));
    let w = &mut event.body;
    w.object("group", |w| {
        w.text("name", group);
        w.text("type", "SharePoint Group");
    });
    if let Some(target) = target {
        if is_group {
            w.object("subgroup", |w| w.text("name", &target));
        } else {
            let user = User {
                kind: Some((1, Cow::Borrowed("User"))),
                ..User::named(target)
            };
            w.object("user", |w| user.write(w));
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

    #[test]
    fn reads_elements_of_event_data() {
        let check = |data: &str, name: &str, expect: Option<&str>| {
            assert_eq!(tag(data, name), expect, "{data}");
        };
        check("<Type>Edit</Type>", "Type", Some("Edit"));
        check(
            "<A>1</A><Permissions granted>Contribute</Permissions granted>",
            "Permissions granted",
            Some("Contribute"),
        );
        check("<TypeX>Edit</TypeX>", "Type", None);
        check("<Type></Type>", "Type", None);
        check("<Type>", "Type", None);
        check("no markup", "Type", None);
    }
}
