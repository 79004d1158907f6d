//! SharePoint and OneDrive: files, and the sites, lists and pages around them.

use crate::class::Class;
use crate::event::{Event, Kind, Severity};
use crate::file::{File, hostname};
use crate::identity::{Actor, email_domain, slice};
use crate::origin;
use crate::record::Record;
use crate::verbs::{self, Verb};
use crate::{findings, resource};
use std::borrow::Cow;

/// Operations on files with their activity in class File Hosting Activity. Sorted.
#[rustfmt::skip]
const FILE_OPERATIONS: &[(&str, u8)] = &[
    ("access", 14), ("aipfiledeleted", 4), ("compliancesettingchanged", 3), ("discover", 99),
    ("documentsensitivitymismatchdetected", 3), ("fileaccessed", 14), ("fileaccessedextended", 14), ("fileaccessfailure", 14),
    ("filecheckedin", 3), ("filecheckedout", 10), ("filecheckoutdiscarded", 11), ("filecopied", 6), ("filecreated", 1),
    ("filedeleted", 4), ("filedeletedfirststagerecyclebin", 4), ("filedeletedsecondstagerecyclebin", 4),
    ("filedownloaded", 2), ("filefetched", 14), ("filemodified", 3), ("filemodifiedextended", 3), ("filemoved", 7),
    ("filepreviewed", 9), ("filerecycled", 4), ("filerenamed", 5), ("filerestored", 8), ("filesensitivitylabelapplied", 3),
    ("filesensitivitylabelchanged", 3), ("filesensitivitylabelremoved", 3), ("fileshared", 12),
    ("filesyncdownloadedfull", 2), ("filesyncdownloadedpartial", 2), ("filesyncuploadedfull", 1),
    ("filesyncuploadedpartial", 1), ("filetranscriptdownloaded", 2), ("fileupdatedescription", 3), ("fileupdatename", 5),
    ("fileuploaded", 1), ("fileuploadedpartial", 1), ("fileversiondeleted", 4), ("fileversionrecycled", 4),
    ("fileversionsalldeleted", 4), ("fileversionsallminorsrecycled", 4), ("fileversionsallrecycled", 4), ("fileviewed", 14),
    ("filevisited", 14), ("foldercopied", 6), ("foldercreated", 99), ("folderdeleted", 4),
    ("folderdeletedfirststagerecyclebin", 4), ("folderdeletedsecondstagerecyclebin", 4), ("foldermodified", 3),
    ("foldermoved", 7), ("folderrecycled", 4), ("folderrenamed", 5), ("folderrestored", 8), ("lockrecord", 10),
    ("managedsyncclientallowed", 15), ("recorddelete", 4), ("sensitivitylabelapplied", 3), ("sensitivitylabelchanged", 3),
    ("sensitivitylabeledfileopened", 14), ("sensitivitylabeledfilerenamed", 5), ("sensitivitylabelremoved", 3),
    ("sensitivitylabelupdated", 3), ("unlockrecord", 11), ("unmanagedsyncclientblocked", 15),
];

/// The activity of an operation on a file.
pub(crate) fn file_operation(op: &str) -> Option<u8> {
    let at = FILE_OPERATIONS
        .binary_search_by_key(&op, |(name, _)| name)
        .ok()?;
    Some(FILE_OPERATIONS[at].1)
}

/// Maps an operation on a file or a folder.
pub(crate) fn file<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: u8) {
    event.is(Class::FileHosting, activity);
    write_file(record, event, &File::of(record));
}

/// Writes what class File Hosting Activity has of the file, of what became of it, and of the site.
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

/// Maps an operation on a site, a page, a list, an item, a column or a search; on a site's administrators or policies.
pub(crate) fn site<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = &*record.op;
    match op {
        "sitecollectionadminadded" | "siteadminchangerequest" => {
            return administrator(record, event, 1);
        }
        "sitecollectionadminremoved" => return administrator(record, event, 2),
        "groupadded" => return group(record, event, 6),
        "groupremoved" => return group(record, event, 5),
        "groupupdated" => return group(record, event, 99),
        _ => {}
    }
    if op.ends_with("policychanged") {
        return policy(record, event);
    }
    let activity = verbs::of(op).map_or(99, |verb| verb as u8);
    web(record, event, activity);
}

/// Writes the part of a site as a web resource.
pub(crate) fn web<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: u8) {
    let uids = ["ListItemUniqueId", "ListId", "Site", "WebId"];
    let search = record.op.starts_with("search");
    let uid = uids
        .iter()
        .find_map(|key| record.text(key))
        .filter(|_| !search);
    web_with(record, event, activity, uid);
    record.used(&["ItemType"]);
}

/// [`web`] with the resource's id.
pub(crate) fn web_with<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    activity: u8,
    uid: Option<Cow<'a, str>>,
) {
    event.is(Class::WebResources, activity);
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
        event.observe("web_resources.url_string", Kind::Url, url);
    }
}

fn administrator<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: u8) {
    event.is(Class::UserAccess, activity);
    event.raise(Severity::Medium);
    let name = record.text("TargetUserOrGroupName").or_else(|| {
        let list = record.get("ModifiedProperties")?;
        let entry = list.children().find(|entry| {
            crate::name_values::entry_name(*entry).is_some_and(|name| name.starts_with("SiteAdmin"))
        })?;
        resource::text_of(entry, "NewValue").or_else(|| resource::text_of(entry, "OldValue"))
    });
    let name = name.map(without_claim);
    let group = record
        .text("TargetUserOrGroupType")
        .filter(|kind| kind.contains("Group"));
    let user = crate::identity::User {
        kind: Some(group.map_or((1, Cow::Borrowed("User")), |kind| (99, kind))),
        ..crate::identity::User::named(name.unwrap_or(Cow::Borrowed("unknown")))
    };
    let site = resource::Resource::target("Site", None, record.take("ObjectId"));
    let w = &mut event.body;
    w.object("user", |w| user.write(w));
    w.array("privileges", |w| {
        w.element_text("Site Collection Administrator");
    });
    w.array("resources", |w| w.element_object(|w| site.write(w, |_| ())));
}

/// The address in SharePoint's name of a login, `i:0#.f|membership|bob@contoso.example`; any other name as it is.
fn without_claim(name: Cow<'_, str>) -> Cow<'_, str> {
    let Some((claim, address)) = name.rsplit_once('|') else {
        return name;
    };
    if claim.starts_with("i:0") && email_domain(address).is_some() {
        slice(&name, claim.len() + 1, name.len())
    } else {
        name
    }
}

fn group<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: u8) {
    event.is(Class::GroupManagement, activity);
    let data = record.text("EventData").unwrap_or_default();
    let name = crate::sharing::tag(&data, "Group").map(|name| Cow::Owned(name.to_owned()));
    let name = name
        .or_else(|| record.text("TargetUserOrGroupName"))
        .or_else(|| record.operation.clone());
    let site = resource::Resource::target("Site", None, record.take("ObjectId"));
    let w = &mut event.body;
    w.object("group", |w| {
        w.text_opt("name", name);
        w.text("type", "SharePoint Group");
    });
    w.object("resource", |w| site.write(w, |_| ()));
}

fn policy<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    event.is(Class::EntityManagement, 3);
    event.raise(Severity::Medium);
    let name = record.operation.clone().unwrap_or_default();
    event.body.object("entity", |w| {
        w.text("name", &name);
        w.int("type_id", 5);
        w.text("type", "Policy");
        w.object("policy", |w| w.text("name", &name));
    });
}

/// Maps a virus found in a file: a finding, with the file as evidence.
pub(crate) fn malware<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    let file = File::of(record);
    let vendor = record.take("VirusVendor");
    let virus = record.take("VirusInfo");
    let source = origin::take_address(record);
    event.is(Class::DetectionFinding, 1);
    event.raise(Severity::High);
    findings::open(event, 1);
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
                origin::write_source(record, source.as_ref(), w);
            });
        });
    });
    file.observe(event, true);
    actor.claim(record);
    findings::observe_actor(event, actor, source.as_ref());
    findings::write_malware(event, virus.as_deref());
    findings::dispose(event, findings::DETECTED);
    findings::act(event, findings::OBSERVED);
}

/// A verb for operations on lists and the like that have none in the tables.
pub(crate) fn activity(verb: Option<Verb>) -> u8 {
    verb.map_or(99, |verb| verb as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FILE_OPERATIONS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
