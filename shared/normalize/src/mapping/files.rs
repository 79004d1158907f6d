//! SharePoint and OneDrive: files, and the sites, lists and pages around them.

use super::verbs::{self, Verb};
use crate::ocsf::class::{
    DetectionFinding, EntityManagement, FileHosting, GroupManagement, UserAccess, WebResources,
};
use crate::ocsf::file::{File, hostname};
use crate::ocsf::finding::{self, ControlAction, Disposition};
use crate::ocsf::resource::Resource;
use crate::ocsf::{Event, ObservableType, StatusId, endpoint};
use crate::record::{Actor, Record, RecordType, User, UserKind, event_data, name_values, text_of};
use crate::severity;
use std::borrow::Cow;

/// Operations on files, with their activity in class File Hosting Activity. Sorted.
#[rustfmt::skip]
const FILE_OPERATIONS: &[(&str, FileHosting)] = &[
    ("access", FileHosting::Open), ("aipfiledeleted", FileHosting::Delete),
    ("compliancesettingchanged", FileHosting::Update), ("discover", FileHosting::Other),
    ("documentsensitivitymismatchdetected", FileHosting::Update), ("fileaccessed", FileHosting::Open),
    ("fileaccessedextended", FileHosting::Open), ("fileaccessfailure", FileHosting::Open),
    ("filecheckedin", FileHosting::Update), ("filecheckedout", FileHosting::Lock),
    ("filecheckoutdiscarded", FileHosting::Unlock), ("filecopied", FileHosting::Copy),
    ("filecreated", FileHosting::Upload), ("filedeleted", FileHosting::Delete),
    ("filedeletedfirststagerecyclebin", FileHosting::Delete),
    ("filedeletedsecondstagerecyclebin", FileHosting::Delete), ("filedownloaded", FileHosting::Download),
    ("filefetched", FileHosting::Open), ("filemodified", FileHosting::Update),
    ("filemodifiedextended", FileHosting::Update), ("filemoved", FileHosting::Move),
    ("filepreviewed", FileHosting::Preview), ("filerecycled", FileHosting::Delete),
    ("filerenamed", FileHosting::Rename), ("filerestored", FileHosting::Restore),
    ("filesensitivitylabelapplied", FileHosting::Update), ("filesensitivitylabelchanged", FileHosting::Update),
    ("filesensitivitylabelremoved", FileHosting::Update), ("fileshared", FileHosting::Share),
    ("filesyncdownloadedfull", FileHosting::Download), ("filesyncdownloadedpartial", FileHosting::Download),
    ("filesyncuploadedfull", FileHosting::Upload), ("filesyncuploadedpartial", FileHosting::Upload),
    ("filetranscriptdownloaded", FileHosting::Download), ("fileupdatedescription", FileHosting::Update),
    ("fileupdatename", FileHosting::Rename), ("fileuploaded", FileHosting::Upload),
    ("fileuploadedpartial", FileHosting::Upload), ("fileversiondeleted", FileHosting::Delete),
    ("fileversionrecycled", FileHosting::Delete), ("fileversionsalldeleted", FileHosting::Delete),
    ("fileversionsallminorsrecycled", FileHosting::Delete), ("fileversionsallrecycled", FileHosting::Delete),
    ("fileviewed", FileHosting::Open), ("filevisited", FileHosting::Open), ("foldercopied", FileHosting::Copy),
    ("foldercreated", FileHosting::Other), ("folderdeleted", FileHosting::Delete),
    ("folderdeletedfirststagerecyclebin", FileHosting::Delete),
    ("folderdeletedsecondstagerecyclebin", FileHosting::Delete), ("foldermodified", FileHosting::Update),
    ("foldermoved", FileHosting::Move), ("folderrecycled", FileHosting::Delete),
    ("folderrenamed", FileHosting::Rename), ("folderrestored", FileHosting::Restore),
    ("lockrecord", FileHosting::Lock), ("managedsyncclientallowed", FileHosting::Sync),
    ("recorddelete", FileHosting::Delete), ("sensitivitylabelapplied", FileHosting::Update),
    ("sensitivitylabelchanged", FileHosting::Update), ("sensitivitylabeledfileopened", FileHosting::Open),
    ("sensitivitylabeledfilerenamed", FileHosting::Rename), ("sensitivitylabelremoved", FileHosting::Update),
    ("sensitivitylabelupdated", FileHosting::Update), ("unlockrecord", FileHosting::Unlock),
    ("unmanagedsyncclientblocked", FileHosting::Sync),
];

pub(super) fn activity(op: &str) -> Option<FileHosting> {
    let at = FILE_OPERATIONS
        .binary_search_by_key(&op, |(name, _)| name)
        .ok()?;
    Some(FILE_OPERATIONS[at].1)
}

/// Whether the operation is a file operation, in services that have files.
pub(super) fn is_operation(op: &str) -> bool {
    activity(op).is_some()
}

/// Maps an operation on a file or a folder.
pub(super) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let activity = activity(&record.op).unwrap_or(match record.record_type {
        // A label's protection was added to or removed from a file.
        Some(RecordType::AipProtectionAction) => FileHosting::Update,
        _ => verbs::of(&record.op).map_or(FileHosting::Other, Verb::file),
    });
    event.classify(activity);
    write_file(record, event, &File::of(record));
}

/// Writes the attributes of class File Hosting Activity: the file, the resulting file, and the site.
pub(crate) fn write_file<'a>(record: &Record<'a>, event: &mut Event<'a>, file: &File<'a>) {
    event.body.object("file", |w| file.write(w));
    file.observe(event, false);
    if let Some(result) = File::result_of(record) {
        event.body.object("file_result", |w| result.write(w));
    }
    let site = record.text("SiteUrl");
    if let Some(host) = site.as_deref().and_then(hostname) {
        event.body.object("dst_endpoint", |w| {
            w.text("hostname", host);
            w.text_opt("svc_name", record.workload.as_ref());
        });
    }
}

/// Maps an operation on a site, page, list, item, column or search, or on a site's administrators or policies.
pub(crate) fn site<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = &*record.op;
    match op {
        "sitecollectionadminadded" | "siteadminchangerequest" => {
            return administrator(record, event, UserAccess::AssignPrivileges);
        }
        "sitecollectionadminremoved" => {
            return administrator(record, event, UserAccess::RevokePrivileges);
        }
        "groupadded" => return group(record, event, GroupManagement::Create),
        "groupremoved" => return group(record, event, GroupManagement::Delete),
        "groupupdated" => return group(record, event, GroupManagement::Other),
        _ => {}
    }
    if op.ends_with("policychanged") {
        return policy(record, event);
    }
    web(record, event, web_activity(verbs::of(op)));
}

/// Writes the object of a site operation as a web resource.
pub(crate) fn web<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: WebResources) {
    let uids = ["ListItemUniqueId", "ListId", "Site", "WebId"];
    let search = record.op.starts_with("search");
    let uid = uids
        .iter()
        .find_map(|key| record.text(key))
        .filter(|_| !search);
    web_with(record, event, activity, uid);
    record.used(&["ItemType"]);
}

/// The same as [`web`], with the resource's id.
pub(crate) fn web_with<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    activity: WebResources,
    uid: Option<Cow<'a, str>>,
) {
    event.classify(activity);
    let object = record
        .text("ObjectId")
        .filter(|object| hostname(object).is_some());
    let names = ["SearchQueryText", "SourceFileName", "ListTitle", "ListName"];
    let name = names.iter().find_map(|key| record.text(key));
    let name = name.or_else(|| {
        if uid.is_none() {
            record.operation.clone()
        } else {
            None
        }
    });
    let kind = record
        .text("ItemType")
        .unwrap_or(Cow::Borrowed("SharePoint"));
    event.body.array("web_resources", |w| {
        w.element_object(|w| {
            w.text_opt("name", name);
            w.text_opt("uid", uid);
            w.text_opt("url_string", object.as_ref());
            w.text("type", &kind);
        });
    });
    if let Some(url) = object {
        record.used(&["ObjectId"]);
        event.observe("web_resources.url_string", ObservableType::Url, url);
    }
}

fn administrator<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: UserAccess) {
    event.classify(activity);
    event.raise(severity::FILES_AND_SHARING.rate_alone(&record.op));
    let name = record.text("TargetUserOrGroupName").or_else(|| {
        let list = record.get("ModifiedProperties")?;
        let entry = list.children().find(|entry| {
            name_values::entry_name(*entry).is_some_and(|name| name.starts_with("SiteAdmin"))
        })?;
        text_of(entry, "NewValue").or_else(|| text_of(entry, "OldValue"))
    });
    let group = record
        .text("TargetUserOrGroupType")
        .filter(|kind| kind.contains("Group"));
    let named = User::person(name.unwrap_or(Cow::Borrowed("unknown")));
    let user = User {
        kind: group.map(UserKind::Other).or(named.kind),
        ..named
    };
    let site = Resource::target("Site", None, record.take("ObjectId"));
    let w = &mut event.body;
    w.object("user", |w| user.write(w));
    w.array("privileges", |w| {
        w.element_text("Site Collection Administrator");
    });
    w.array("resources", |w| w.element_object(|w| site.write(w, |_| ())));
}

fn group<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: GroupManagement) {
    event.classify(activity);
    let data = record.text("EventData").unwrap_or_default();
    let name = event_data::tag(&data, "Group").map(|name| Cow::Owned(name.to_owned()));
    let name = name
        .or_else(|| record.text("TargetUserOrGroupName"))
        .or_else(|| record.operation.clone());
    let site = Resource::target("Site", None, record.take("ObjectId"));
    let w = &mut event.body;
    w.object("group", |w| {
        w.text_opt("name", name);
        w.text("type", "SharePoint Group");
    });
    w.object("resource", |w| site.write(w, |_| ()));
}

fn policy<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    event.classify(EntityManagement::Update);
    event.raise(severity::FILES_AND_SHARING.rate_alone(&record.op));
    let name = record.operation.clone().unwrap_or_default();
    event.body.object("entity", |w| {
        w.text("name", &name);
        w.int("type_id", 5);
        w.text("type", "Policy");
        w.object("policy", |w| w.text("name", &name));
    });
}

/// Maps malware found in a file to a finding, with the file as evidence.
pub(crate) fn malware<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    let file = File::of(record);
    let vendor = record.take("VirusVendor");
    let virus = record.take("VirusInfo");
    let source = endpoint::take_address(record);
    event.classify(DetectionFinding::Create);
    event.raise(severity::FILES_AND_SHARING.rate_alone(&record.op));
    finding::open(event, StatusId::New);
    event.body.object("finding_info", |w| {
        w.text_opt("uid", record.id.clone());
        w.text("title", &format!("Malware detected in file {}", file.name));
        w.array("types", |w| w.element_text("Malware"));
        if let Some(vendor) = &vendor {
            w.object("analytic", |w| {
                w.text("name", vendor);
                w.int("type_id", 0);
                w.text("type", "Unknown");
            });
        }
    });
    event.body.array("evidences", |w| {
        w.element_object(|w| {
            w.object("file", |w| file.write(w));
            w.object("actor", |w| actor.write_attributes(w));
            w.object("src_endpoint", |w| {
                endpoint::write_source(record, source.as_ref(), w);
            });
        });
    });
    file.observe(event, true);
    actor.claim(record);
    finding::observe_actor(event, actor, source.as_ref());
    finding::write_malware(event, virus.as_deref());
    Disposition::Detected.write(event);
    ControlAction::Observed.write(event);
}

/// The activity on a web resource for a verb.
pub(crate) fn web_activity(verb: Option<Verb>) -> WebResources {
    verb.map_or(WebResources::Other, Verb::web)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FILE_OPERATIONS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
