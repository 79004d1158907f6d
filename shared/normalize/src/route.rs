//! Which rule a record goes to. The first that fits wins; an operation's name counts for more than a record's type.
//!
//! Nothing is routed on types above 360: Microsoft renumbered 370 to 387 in its documentation in September 2025, and
//! Graph's metadata differs from it.

use crate::event::{Event, Severity};
use crate::identity::{self, Actor};
use crate::record::Record;
use crate::{
    api, apps, cmdlet, copilot, directory, dlp, findings, mail_threat, mailbox, origin, quarantine,
    sharepoint, sharing, signin, status, teams,
};
use std::borrow::Cow;

/// Who acted, as far as the rules found out.
#[derive(Debug, Default)]
pub(crate) struct Origin<'a> {
    /// Where a rule knows better than the record's own members.
    pub(crate) named: Option<Cow<'a, str>>,
    pub(crate) actor: Actor<'a>,
    pub(crate) told: Told,
}

/// What told what an operation is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Told {
    /// A rule for the operation, or for all that is of its record type.
    #[default]
    Rule,
    /// The last rule, by the verb in the operation's name: all that there is for services without rules of their own.
    ByName,
    /// Nothing: the last rule found no verb.
    Nothing,
}

impl Origin<'_> {
    /// The name that messages show.
    pub(crate) fn shown(&self, record: &Record<'_>) -> Cow<'_, str> {
        if record.nameless {
            let user = record.text("UserId");
            return Cow::Owned(identity::shown(user.as_ref()).to_owned());
        }
        let name = self.named.as_ref().or(self.actor.user.name.as_ref());
        Cow::Borrowed(identity::shown(name))
    }
}

/// Writes the attributes of the record's class, and says who acted.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) -> Origin<'a> {
    if record.nameless {
        return Origin::default();
    }
    let actor = identity::actor(record);
    let named = by_operation(record, event, &actor).or_else(|| by_type(record, event, &actor));
    let (named, told) = match named {
        Some(named) => (named, Told::Rule),
        None => (None, api::map(record, event)),
    };
    if event.status.is_none() {
        let status = status::general(record);
        if status.id == 2 && !actor.is_system() {
            event.raise(Severity::Low);
        }
        event.status = Some(status);
    }
    origin::write_origin(record, event, &actor);
    Origin { named, actor, told }
}

/// Who acted, where a rule knows better than the record's own members.
type Who<'a> = Option<Cow<'a, str>>;

/// Rules by the operation's name, or by a type that is all one kind of operation.
fn by_operation<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    actor: &Actor<'a>,
) -> Option<Who<'a>> {
    let op = &*record.op;
    let number = record.record_type.unwrap_or(-1);
    if is_sign_in(op, number) {
        signin::map(record, event, actor);
    } else if number == 8 {
        directory::map(record, event);
    } else if matches!(number, 1 | 10 | 18 | 23 | 57)
        || (op.contains('-') && record.get("Parameters").is_some())
    {
        cmdlet::map(record, event, actor);
    } else if number == 65 || op.starts_with("quarantine") {
        quarantine::map(record, event);
    } else if is_mailbox(record, number) {
        mailbox::map(record, event, actor);
    } else if op == "filemalwaredetected" {
        sharepoint::malware(record, event, actor);
    } else if number == 14 || sharing::is_operation(op) {
        sharing::map(record, event);
    } else if let Some(activity) = file_activity(record, number) {
        sharepoint::file(record, event, activity);
    } else if matches!(number, 11 | 13 | 33 | 63 | 99 | 100 | 107)
        || matches!(op, "dlprulematch" | "dlpruleundo" | "dlpinfo")
    {
        return Some(dlp::map(record, event));
    } else {
        return None;
    }
    Some(None)
}

fn is_sign_in(op: &str, number: i64) -> bool {
    let named = matches!(
        op,
        "mailboxlogin"
            | "signinevent"
            | "teamssessionstarted"
            | "userloggedin"
            | "userloggedoff"
            | "userloginfailed"
    );
    named || matches!(number, 9 | 15 | 275)
}

/// Mailbox auditing; labels on mail (43, 75) are not part of it though they share an operation.
fn is_mailbox(record: &Record<'_>, number: i64) -> bool {
    let by_name = record.workload_is("Exchange")
        && !matches!(number, 43 | 75)
        && mailbox::is_operation(&record.op);
    matches!(number, 2 | 3 | 19 | 50) || by_name
}

/// The activity of an operation on a file, in the record types and workloads that have files.
fn file_activity(record: &Record<'_>, number: i64) -> Option<u8> {
    let has_files = matches!(number, 4 | 6 | 7 | 22 | 70 | 71 | 82..=84 | 93..=96)
        || ["SharePoint", "OneDrive", "Yammer"]
            .iter()
            .any(|name| record.workload_is(name));
    match sharepoint::file_operation(&record.op) {
        Some(activity) if has_files => Some(activity),
        // Protection put on a file or taken from it.
        None if number == 95 => Some(3),
        None if matches!(number, 6 | 82..=84 | 93 | 94 | 96) => Some(99),
        _ => None,
    }
}

/// Rules by the record's type.
fn by_type<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) -> Option<Who<'a>> {
    let op = &*record.op;
    match record.record_type.unwrap_or(-1) {
        4 | 7 | 36 | 37 | 54..=56 | 102 | 336 => sharepoint::site(record, event),
        25 => teams::map(record, event),
        40 => findings::alert(record, event),
        28 => {
            if !mail_threat::map(record, event) {
                api::map(record, event);
            }
        }
        41 => findings::link_clicked(record, event, actor),
        47 => findings::file_detected(record, event, actor),
        64 | 86 | 89 => findings::investigation(record, event),
        294 => findings::risk(record, event, actor),
        51 | 61 | 78 | 98 | 113 | 307 => findings::cloud_app(record, event, actor),
        43 | 75 => {
            if !(record.has("Sender") && apps::labelled_mail(record, event)) {
                api::map(record, event);
            }
        }
        261 | 284 | 328 | 334 => copilot::map(record, event),
        _ if record.has("CopilotEventData") => copilot::map(record, event),
        22 => apps::engage(record, event),
        79 | 187 if op.contains("polic") || op.contains("dlp") => {
            apps::administration(record, event);
        }
        20
        | 21
        | 24
        | 30..=32
        | 35
        | 45
        | 46
        | 66
        | 79
        | 186..=193
        | 195..=198
        | 202
        | 216
        | 295
        | 357 => apps::web(record, event),
        194 | 251..=253 | 256 | 288 | 296..=298 | 304 | 310..=325 | 332 | 360 => {
            apps::administration(record, event);
        }
        _ => return None,
    }
    Some(None)
}
