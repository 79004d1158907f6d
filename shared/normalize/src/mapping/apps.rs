//! Power BI, Power Platform, Forms, Planner, Project, eDiscovery, Viva Engage and other applications. Mapped by the
//! verb of the operation; their administration is mapped to entity changes.

use super::files;
use super::verbs::{self, Verb};
use crate::ocsf::class::{AccountChange, EmailActivity, EntityManagement, GroupManagement};
use crate::ocsf::email::Email;
use crate::ocsf::file::hostname;
use crate::ocsf::{Event, ObservableType, Severity};
use crate::record::{Record, RecordType, User, email_domain, meaningful, slice};
use crate::severity;
use std::borrow::Cow;

/// Members that name the object of an application's record, the most specific first.
const NAMES: &[&str] = &[
    "CaseName",
    "FormName",
    "ItemName",
    "ArtifactName",
    "ReportName",
    "DashboardName",
    "DatasetName",
    "AppName",
    "FlowConnectorNames",
    "PlanName",
    "Object1Name",
    "EntityName",
    "Name",
];

/// Members that hold its id, in the same order of preference.
const UIDS: &[&str] = &[
    "CaseId",
    "FormId",
    "ArtifactId",
    "ReportId",
    "DashboardId",
    "DatasetId",
    "FlowDetailsUrl",
    "PlanId",
    "EntityId",
    "ProjectId",
    "RoadmapId",
    "MessageId",
    "ObjectId",
];

/// Maps an application's record to a web resource.
pub(crate) fn web<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let verb = verb(record);
    event.classify(files::web_activity(verb));
    event.raise(rate(record, verb));
    let first = |keys: &[&str]| keys.iter().find_map(|key| record.text(key));
    let trimmed = |text: Cow<'a, str>| {
        let from = text.len() - text.trim_start().len();
        slice(&text, from, from + text.trim().len())
    };
    let name = first(NAMES).map(trimmed);
    let uid = first(UIDS);
    let name = name.or_else(|| {
        if uid.is_none() {
            record.operation.clone()
        } else {
            None
        }
    });
    let url = uid
        .clone()
        .filter(|uid| hostname(uid).is_some())
        .or_else(|| record.text("ItemUrl"));
    let kind = ["ArtifactKind", "Object1Type", "ItemType"]
        .iter()
        .find_map(|key| record.text(key));
    let kind = kind.unwrap_or_else(|| record.type_name());
    event.body.array("web_resources", |w| {
        w.element_object(|w| {
            w.text_opt("name", name);
            w.text_opt("uid", uid);
            w.text_opt("url_string", url.as_ref());
            w.text("type", &kind);
        });
    });
    if let Some(url) = url {
        event.observe("web_resources.url_string", ObservableType::Url, url);
    }
}

/// The verb. Some services write it after their own name.
fn verb(record: &Record<'_>) -> Option<Verb> {
    let op = &*record.op;
    let service = ["stream", "vfam", "extensibility", "goals", "admin"]
        .iter()
        .find_map(|service| op.strip_prefix(service));
    service.and_then(verbs::of).or_else(|| verbs::of(op))
}

fn rate(record: &Record<'_>, verb: Option<Verb>) -> Severity {
    let subject = match record.record_type {
        Some(RecordType::Discovery | RecordType::AeD) => "ediscovery",
        _ => "application",
    };
    severity::APPLICATIONS.rate(subject, |field, test| match field {
        "operation" => test(&record.op),
        "verb" => verb.is_some_and(|verb| test(verb.name())),
        _ => false,
    })
}

/// The severity of an operation that is rated by its name alone, whatever service it is of.
pub(super) fn rate_operation(op: &str) -> Severity {
    severity::APPLICATIONS.rate(op, |field, test| field == "operation" && test(op))
}

/// Maps a record of Viva Engage: groups, suspensions and files; anything else as a web resource.
pub(crate) fn engage<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = &*record.op;
    if files::is_operation(op) {
        return files::map(record, event);
    }
    let group = match op {
        "groupcreation" => Some(GroupManagement::Create),
        "groupdeletion" => Some(GroupManagement::Delete),
        _ => None,
    };
    if let Some(activity) = group
        && let Some(name) = record.take("GroupName")
    {
        event.classify(activity);
        event.body.object("group", |w| {
            w.text("name", &name);
            w.text("type", "Viva Engage community");
        });
        return;
    }
    let target = record
        .text("TargetUserId")
        .or_else(|| record.text("TargetObjectId"));
    if let ("usersuspension", Some(target)) = (op, target) {
        event.classify(AccountChange::Disable);
        let user = User::person(target);
        event.body.object("user", |w| user.write(w));
        return;
    }
    web(record, event);
}

/// Maps a change in an application's administration: policies, environments, settings, plugins.
pub(crate) fn administration<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = &*record.op;
    let activity = if op.starts_with("enable") || op.ends_with("enabled") {
        EntityManagement::Enable
    } else if op.starts_with("disable") || op.ends_with("disabled") {
        EntityManagement::Disable
    } else {
        verb(record).map_or(EntityManagement::Other, Verb::entity)
    };
    event.classify(activity);
    event.raise(severity::APPLICATIONS.rate_alone("administration"));
    event.raise(rate_operation(op));
    let is_policy = op.contains("polic")
        || op.contains("dlp")
        || record.record_type == Some(RecordType::CPSOperation);
    let name = record.take("Name").or_else(|| record.take("PolicyName"));
    let object = record.take("ObjectId");
    let (name, uid) = if name.is_some() {
        (name, object)
    } else {
        (object, None)
    };
    let name = name.or_else(|| record.operation.clone());
    let kind = if is_policy {
        Cow::Borrowed("Policy")
    } else {
        record.type_name()
    };
    event.body.object("entity", |w| {
        w.text_opt("name", name);
        w.int("type_id", if is_policy { 5 } else { 99 });
        w.text("type", &kind);
        w.text_opt("uid", uid);
    });
}

/// Maps a label put on a message (record types 43 and 75).
pub(crate) fn labelled_mail<'a>(record: &Record<'a>, event: &mut Event<'a>) -> bool {
    let address = |text: &Cow<'_, str>| email_domain(text).is_some();
    let receivers = record
        .get("Receivers")
        .into_iter()
        .flat_map(|list| list.elements());
    let to: Vec<_> = receivers.filter_map(meaningful).collect();
    let all = record
        .get("Receivers")
        .map_or(0, |list| list.elements().count());
    let whole = to.len() == all && to.iter().all(address);
    let email = Email {
        from: record.text("Sender").filter(address),
        to: to.into_iter().filter(address).collect(),
        subject: record.text("ItemName"),
        ..Email::default()
    };
    if !email.is_usable() {
        return false;
    }
    event.classify(EmailActivity::Other);
    let sender_stands = email.from.is_some() || record.text("Sender") == record.text("UserId");
    record.used(if sender_stands { &["Sender"] } else { &[] });
    record.used(if email.subject.is_some() {
        &["ItemName"]
    } else {
        &[]
    });
    record.used(if whole { &["Receivers"] } else { &[] });
    email.write(event);
    true
}
