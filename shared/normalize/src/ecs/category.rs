//! `event.kind`, `category`, `type`, `action` and `outcome`.
//!
//! Elastic's integration puts every event into category `web` and type `info`, and its rules ask for them: so do these,
//! beside what fits better.

use super::finding;
use crate::class::Class;
use crate::event::{Event, Status};
use crate::record::Record;
use crate::status;
use std::borrow::Cow;

type Words = &'static [&'static str];

/// Findings are alerts, and so is mail that was found to be malicious.
pub(super) fn kind(event: &Event<'_>) -> &'static str {
    if event.class.is_finding() || event.profiles.security_control {
        "alert"
    } else {
        "event"
    }
}

/// `event.category` and `event.type`. Each type is one that ECS expects of one of the categories.
pub(super) fn of(record: &Record<'_>, event: &Event<'_>) -> (Words, Words) {
    let activity = event.activity;
    match event.class {
        Class::Base => (&["web"], &["info"]),
        Class::Authentication if activity == 2 => (&["web", "authentication"], &["info", "end"]),
        Class::Authentication => (&["web", "authentication"], &["info", "start", "access"]),
        Class::AccountChange => (&["web", "iam"], account(activity)),
        Class::UserAccess => (&["web", "iam"], &["info", "user", "change"]),
        Class::GroupManagement => (&["web", "iam"], membership(activity)),
        Class::EntityManagement => (&["web", "configuration"], change(activity)),
        Class::EmailActivity => (&["web", "email"], &["info"]),
        Class::WebResources => (&["web"], &["info", "access"]),
        Class::ApplicationLifecycle => (&["web", "configuration"], lifecycle(activity)),
        Class::ApiActivity => (interface(record), change(activity)),
        Class::FileHosting if &*record.op == "compliancesettingchanged" => {
            (&["web", "file", "configuration"], &["info", "change"])
        }
        Class::FileHosting => (&["web", "file"], file(record, activity)),
        Class::DataSecurityFinding if record.has("ExchangeMetaData") => {
            (&["web", "email"], &["info", "access"])
        }
        Class::DataSecurityFinding => (&["web", "file"], &["info", "access"]),
        Class::DetectionFinding => (detection(record), &["info"]),
    }
}

fn account(activity: u8) -> Words {
    match activity {
        1 => &["info", "user", "creation"],
        6 => &["info", "user", "deletion"],
        _ => &["info", "user", "change"],
    }
}

fn membership(activity: u8) -> Words {
    match activity {
        6 => &["info", "group", "creation"],
        5 => &["info", "group", "deletion"],
        _ => &["info", "group", "change"],
    }
}

/// By the activities create, read, update, delete, and those that change something in other words.
fn change(activity: u8) -> Words {
    match activity {
        1 => &["info", "creation"],
        2 => &["info", "access"],
        3 | 5..=9 => &["info", "change"],
        4 => &["info", "deletion"],
        _ => &["info"],
    }
}

/// Applications are installed (1), removed (2) and updated.
fn lifecycle(activity: u8) -> Words {
    match activity {
        1 => &["info", "creation"],
        2 => &["info", "deletion"],
        _ => &["info", "change"],
    }
}

fn file(record: &Record<'_>, activity: u8) -> Words {
    match activity {
        1 | 6 => &["info", "creation"],
        4 => &["info", "deletion"],
        3 | 5 | 7 | 8 | 10..=13 => &["info", "change"],
        2 | 9 | 14 | 15 | 17 => &["info", "access"],
        _ if &*record.op == "foldercreated" => &["info", "creation"],
        _ => &["info"],
    }
}

/// Cmdlets configure; mailbox audit is about mail.
fn interface(record: &Record<'_>) -> Words {
    match record.record_type {
        Some(1 | 10 | 18 | 23 | 57) => &["web", "configuration"],
        Some(2 | 3 | 19 | 50) => &["web", "email", "api"],
        _ => &["web", "api"],
    }
}

/// Alerts of Security & Compliance by their category, as in Elastic's integration; others by what they detect.
fn detection(record: &Record<'_>) -> Words {
    let category = record.text("Category").unwrap_or_default();
    match (record.record_type, &*category) {
        (Some(40), "AccessGovernance") => &["web", "authentication"],
        (Some(40), "DataGovernance" | "DataLossPrevention") => &["web", "file"],
        (Some(40), "ThreatManagement") | (Some(47), _) => &["web", "malware"],
        (Some(40 | 41), _) => &["web"],
        (Some(6), _) => &["web", "file", "malware"],
        _ => &["web", "intrusion_detection"],
    }
}

/// The operation. Five have a name of Elastic's, which its rules ask for; what Microsoft calls them is in
/// `o365.audit.Operation`.
pub(super) fn action<'a>(record: &Record<'a>) -> Option<Cow<'a, str>> {
    let known = match (record.record_type, &*record.op) {
        (Some(8), "add user") => "added-user-account",
        (Some(8), "update user") => "modified-user-account",
        (Some(8 | 25), "delete user") => "deleted-user-account",
        (Some(25), "teamcreated") => "added-group-account-to",
        (Some(25), "memberadded") => "added-users-to-group",
        _ => return record.operation.clone(),
    };
    Some(Cow::Borrowed(known))
}

/// `success`, `failure` or `unknown`, by the status that the rules found. A finding has a status of another kind: it is in
/// order when the service says so, and a data loss prevention's is whether the data went out.
pub(super) fn outcome(record: &Record<'_>, event: &Event<'_>, status: &Status<'_>) -> &'static str {
    let id = match event.class {
        Class::DataSecurityFinding => finding::data_outcome(record),
        Class::DetectionFinding => record
            .text("ResultStatus")
            .map_or(0, |word| status::of_word(&word)),
        _ => status.id,
    };
    match id {
        1 => "success",
        2 => "failure",
        _ => "unknown",
    }
}
