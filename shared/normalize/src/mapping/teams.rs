//! Microsoft Teams (record type 25): members, teams, apps, channels, chats, messages, meetings.

use super::verbs::{self, Verb};
use crate::json::Value;
use crate::ocsf::class::{ApplicationLifecycle, GroupManagement, WebResources};
use crate::ocsf::{Event, ObservableType};
use crate::record::{Record, RecordType, User, text_of};
use crate::severity;

pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    match &*record.op {
        "memberadded" => members(record, event, GroupManagement::AddUser),
        "memberremoved" => members(record, event, GroupManagement::RemoveUser),
        "memberrolechanged" => members(record, event, GroupManagement::AssignPrivileges),
        "teamcreated" => team(record, event, GroupManagement::Create),
        "teamdeleted" => team(record, event, GroupManagement::Delete),
        "teamrestored" | "teamsettingchanged" => team(record, event, GroupManagement::Other),
        "appinstalled"
        | "apppublishedtocatalog"
        | "botaddedtoteam"
        | "connectoradded"
        | "tabadded" => app(record, event, ApplicationLifecycle::Install),
        "appuninstalled"
        | "appdeletedfromcatalog"
        | "botremovedfromteam"
        | "connectorremoved"
        | "tabremoved" => {
            app(record, event, ApplicationLifecycle::Remove);
        }
        "appupgraded" | "appupdatedincatalog" | "connectorupdated" | "tabupdated" => {
            app(record, event, ApplicationLifecycle::Update);
        }
        _ => conversation(record, event),
    }
}

/// Writes the group: the team or the chat. Returns false when neither is named.
fn write_group<'a>(record: &Record<'a>, event: &mut Event<'a>) -> bool {
    let team_uid = record
        .text("TeamGuid")
        .or_else(|| record.text("AADGroupId"));
    let chat = record
        .text("ChatThreadId")
        .filter(|_| team_uid.is_none() && !record.has("TeamName"));
    let name = if chat.is_some() {
        record.text("ChatName")
    } else {
        record.take("TeamName")
    };
    let kind = if chat.is_some() {
        "Microsoft Teams Chat"
    } else {
        "Microsoft Teams Team"
    };
    let uid = team_uid.or(chat);
    if name.is_none() && uid.is_none() {
        return false;
    }
    event.body.object("group", |w| {
        w.text_opt("name", name);
        w.text_opt("uid", uid);
        w.text("type", kind);
    });
    true
}

/// Maps added or removed members. The first member is the event's user; all members stay in `unmapped` and are
/// observables. One record stays one event, because the event's id must be unique.
fn members<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: GroupManagement) {
    event.classify(activity);
    if !write_group(record, event) {
        return conversation(record, event);
    }
    observe_members(record, event);
    let Some(first) = record
        .get("Members")
        .and_then(|members| members.elements().next())
    else {
        return;
    };
    let name = text_of(first, "UPN").or_else(|| text_of(first, "DisplayName"));
    let Some(name) = name else { return };
    let user = User::person(name);
    let role = match first.get("Role").and_then(Value::int) {
        Some(0) => Some("Member"),
        Some(1) => Some("Owner"),
        Some(2) => Some("Guest"),
        _ => None,
    };
    event.body.object("user", |w| {
        user.write(w);
        w.text_opt("full_name", text_of(first, "DisplayName"));
    });
    event.body.array("privileges", |w| {
        role.iter().for_each(|role| w.element_text(role));
    });
}

fn observe_members<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let members = record
        .get("Members")
        .into_iter()
        .flat_map(|members| members.elements());
    for upn in members.filter_map(|member| text_of(member, "UPN")) {
        event.observe("unmapped", ObservableType::UserName, upn);
    }
}

fn team<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: GroupManagement) {
    event.classify(activity);
    if !write_group(record, event) {
        return conversation(record, event);
    }
    observe_members(record, event);
}

fn app<'a>(record: &Record<'a>, event: &mut Event<'a>, activity: ApplicationLifecycle) {
    let name = record
        .text("AddOnName")
        .or_else(|| record.text("TabType"))
        .or_else(|| record.text("Name"));
    let uid = record.text("AddOnGuid");
    if name.is_none() && uid.is_none() {
        return conversation(record, event);
    }
    event.classify(activity);
    // Tabs come from Microsoft. The record does not say who made an add-on.
    let vendor =
        if record.record_type == Some(RecordType::MicrosoftTeams) && record.op.starts_with("tab") {
            "Microsoft"
        } else {
            "Unknown"
        };
    event.body.object("app", |w| {
        w.text_opt("name", name);
        w.text_opt("uid", uid);
        w.text("vendor_name", vendor);
    });
}

fn conversation<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = &*record.op;
    event.classify(verbs::of(op).map_or(WebResources::Other, Verb::web));
    let kind = if op.starts_with("message") {
        "Chat Message"
    } else if op.starts_with("channel") {
        "Channel"
    } else if op.starts_with("chat") {
        "Chat"
    } else if op.starts_with("meeting") {
        "Meeting"
    } else {
        "Microsoft Teams"
    };
    let first = |keys: &[&str]| keys.iter().find_map(|key| record.text(key));
    let name = first(&["ChannelName", "ChatName", "ItemName", "TeamName", "Name"]);
    let uid = first(&[
        "MessageId",
        "ChatThreadId",
        "ChannelGuid",
        "MeetingDetailId",
        "TeamGuid",
    ]);
    let name = name.or_else(|| {
        if uid.is_none() {
            record.operation.clone()
        } else {
            None
        }
    });
    event.body.array("web_resources", |w| {
        w.element_object(|w| {
            w.text_opt("name", name);
            w.text_opt("uid", uid);
            w.text("type", kind);
        });
    });
    event.raise(severity::APPLICATIONS.rate(op, |field, test| {
        let participants = record.get("ParticipantInfo");
        participants
            .and_then(|info| info.get(field)?.scalar())
            .is_some_and(|value| test(&value))
    }));
    let urls = record
        .get("MessageURLs")
        .into_iter()
        .flat_map(|urls| urls.elements());
    for url in urls.filter_map(|url| url.str().or_else(|| text_of(url, "Url"))) {
        event.observe("unmapped", ObservableType::Url, url);
    }
    observe_members(record, event);
}
