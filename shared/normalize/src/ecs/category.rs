//! `event.kind`, `category`, `type`, `action` and `outcome`.
//!
//! Elastic's integration gives every event the category `web` and the type `info`, and its rules ask for them. So both
//! are always written, together with the categories and types that fit better.

use super::finding;
use crate::ocsf::class::{
    AccountChange, ApiActivity, ApplicationLifecycle, Authentication, EntityManagement,
    FileHosting, GroupManagement,
};
use crate::ocsf::{Class, Event, Status, StatusId, status};
use crate::record::{Record, RecordType};
use std::borrow::Cow;

type Words = &'static [&'static str];

/// `event.kind`: findings are alerts, and so is mail that was found to be malicious.
pub(super) fn kind(event: &Event<'_>) -> &'static str {
    if event.class.is_finding() || event.profiles.security_control {
        "alert"
    } else {
        "event"
    }
}

/// `event.category` and `event.type`. ECS expects each of the types for at least one of the categories.
pub(super) fn of(record: &Record<'_>, event: &Event<'_>) -> (Words, Words) {
    match event.class {
        Class::Base => (&["web"], &["info"]),
        Class::Authentication(Authentication::Logoff) => {
            (&["web", "authentication"], &["info", "end"])
        }
        Class::Authentication(_) => (&["web", "authentication"], &["info", "start", "access"]),
        Class::AccountChange(activity) => (&["web", "iam"], account(activity)),
        Class::UserAccess(_) => (&["web", "iam"], &["info", "user", "change"]),
        Class::GroupManagement(activity) => (&["web", "iam"], membership(activity)),
        Class::EntityManagement(activity) => (&["web", "configuration"], entity(activity)),
        Class::EmailActivity(_) => (&["web", "email"], &["info"]),
        Class::WebResources(_) => (&["web"], &["info", "access"]),
        Class::ApplicationLifecycle(activity) => (&["web", "configuration"], lifecycle(activity)),
        Class::ApiActivity(activity) => (interface(record), call(activity)),
        Class::FileHosting(_) if &*record.op == "compliancesettingchanged" => {
            (&["web", "file", "configuration"], &["info", "change"])
        }
        Class::FileHosting(activity) => (&["web", "file"], file(record, activity)),
        Class::DataSecurityFinding(_) if record.has("ExchangeMetaData") => {
            (&["web", "email"], &["info", "access"])
        }
        Class::DataSecurityFinding(_) => (&["web", "file"], &["info", "access"]),
        Class::DetectionFinding(_) => (detection(record), &["info"]),
    }
}

fn account(activity: AccountChange) -> Words {
    match activity {
        AccountChange::Create => &["info", "user", "creation"],
        AccountChange::Delete => &["info", "user", "deletion"],
        _ => &["info", "user", "change"],
    }
}

fn membership(activity: GroupManagement) -> Words {
    match activity {
        GroupManagement::Create => &["info", "group", "creation"],
        GroupManagement::Delete => &["info", "group", "deletion"],
        _ => &["info", "group", "change"],
    }
}

fn entity(activity: EntityManagement) -> Words {
    match activity {
        EntityManagement::Create => &["info", "creation"],
        EntityManagement::Read => &["info", "access"],
        EntityManagement::Delete => &["info", "deletion"],
        EntityManagement::Other => &["info"],
        _ => &["info", "change"],
    }
}

fn call(activity: ApiActivity) -> Words {
    match activity {
        ApiActivity::Create => &["info", "creation"],
        ApiActivity::Read => &["info", "access"],
        ApiActivity::Update => &["info", "change"],
        ApiActivity::Delete => &["info", "deletion"],
        ApiActivity::Other => &["info"],
    }
}

fn lifecycle(activity: ApplicationLifecycle) -> Words {
    match activity {
        ApplicationLifecycle::Install => &["info", "creation"],
        ApplicationLifecycle::Remove => &["info", "deletion"],
        _ => &["info", "change"],
    }
}

fn file(record: &Record<'_>, activity: FileHosting) -> Words {
    match activity {
        FileHosting::Upload | FileHosting::Copy => &["info", "creation"],
        FileHosting::Delete => &["info", "deletion"],
        FileHosting::Update
        | FileHosting::Rename
        | FileHosting::Move
        | FileHosting::Restore
        | FileHosting::Lock
        | FileHosting::Unlock
        | FileHosting::Share
        | FileHosting::Unshare => &["info", "change"],
        FileHosting::Download
        | FileHosting::Preview
        | FileHosting::Open
        | FileHosting::Sync
        | FileHosting::AccessCheck => &["info", "access"],
        _ if &*record.op == "foldercreated" => &["info", "creation"],
        _ => &["info"],
    }
}

/// The categories of calls: cmdlets are configuration, mailbox audit is email.
fn interface(record: &Record<'_>) -> Words {
    match record.record_type {
        Some(known) if known.is_cmdlet() => &["web", "configuration"],
        Some(known) if known.is_mailbox_audit() => &["web", "email", "api"],
        _ => &["web", "api"],
    }
}

/// The categories of a detection: alerts of Security & Compliance by their category, as in Elastic's integration,
/// others by what they detect.
fn detection(record: &Record<'_>) -> Words {
    let category = record.text("Category").unwrap_or_default();
    match (record.record_type, &*category) {
        (Some(RecordType::SecurityComplianceAlerts), "AccessGovernance") => {
            &["web", "authentication"]
        }
        (Some(RecordType::SecurityComplianceAlerts), "DataGovernance" | "DataLossPrevention") => {
            &["web", "file"]
        }
        (Some(RecordType::SecurityComplianceAlerts), "ThreatManagement")
        | (Some(RecordType::ThreatIntelligenceAtpContent), _) => &["web", "malware"],
        (Some(RecordType::SecurityComplianceAlerts | RecordType::ThreatIntelligenceUrl), _) => {
            &["web"]
        }
        (Some(RecordType::SharePointFileOperation), _) => &["web", "file", "malware"],
        _ => &["web", "intrusion_detection"],
    }
}

/// `event.action`: the operation. Five operations have a name of Elastic's, which its rules ask for; Microsoft's name
/// is in `o365.audit.Operation`.
pub(super) fn action<'a>(record: &Record<'a>) -> Option<Cow<'a, str>> {
    let known = match (record.record_type, &*record.op) {
        (Some(RecordType::AzureActiveDirectory), "add user") => "added-user-account",
        (Some(RecordType::AzureActiveDirectory), "update user") => "modified-user-account",
        (Some(RecordType::AzureActiveDirectory | RecordType::MicrosoftTeams), "delete user") => {
            "deleted-user-account"
        }
        (Some(RecordType::MicrosoftTeams), "teamcreated") => "added-group-account-to",
        (Some(RecordType::MicrosoftTeams), "memberadded") => "added-users-to-group",
        _ => return record.operation.clone(),
    };
    Some(Cow::Borrowed(known))
}

/// `event.outcome`: `success`, `failure` or `unknown`, by the status that the rules found. A finding's status is of
/// another kind: a finding is a success when the service says so, and for data loss prevention the outcome says whether
/// the data went out.
pub(super) fn outcome(record: &Record<'_>, event: &Event<'_>, status: &Status<'_>) -> &'static str {
    let id = match event.class {
        Class::DataSecurityFinding(_) => finding::data_outcome(record),
        Class::DetectionFinding(_) => record
            .text("ResultStatus")
            .map_or(StatusId::Unknown, |word| status::of_word(&word)),
        _ => status.id,
    };
    match id {
        StatusId::Success => "success",
        StatusId::Failure => "failure",
        _ => "unknown",
    }
}
