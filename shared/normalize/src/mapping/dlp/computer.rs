//! What was done on a computer (record types 63, 108, 153): activity on files and pages, which is no match of a policy.
//!
//! Microsoft has no table of these records' members. The names are those of the records themselves, of the columns of
//! Activity explorer, and of `endpointMetaDataInfo` in Microsoft Graph.

use super::super::verbs::{self, Verb};
use super::super::{files, last_rule};
use crate::json::Value;
use crate::ocsf::class::{ApiActivity, FileHosting, WebResources};
use crate::ocsf::file::{File, hostname, last_segment};
use crate::ocsf::{Event, ObservableType};
use crate::record::{Record, meaningful, slice};
use std::borrow::Cow;

/// Operations of the agent on a computer, with their activity in class File Hosting Activity. Sorted. Those that it
/// shares with SharePoint are in the table of files.
#[rustfmt::skip]
const OPERATIONS: &[(&str, FileHosting)] = &[
    ("archivecreated", FileHosting::Upload), ("downloadfile", FileHosting::Download),
    ("downloadtext", FileHosting::Download), ("fileaccessedbyunallowedapp", FileHosting::Open),
    ("filearchived", FileHosting::Copy), ("filecopiedtoclipboard", FileHosting::Copy),
    ("filecopiedtocloud", FileHosting::Upload), ("filecopiedtonetworkshare", FileHosting::Copy),
    ("filecopiedtoremotedesktopsession", FileHosting::Copy), ("filecopiedtoremovablemedia", FileHosting::Copy),
    ("filecreatedonnetworkshare", FileHosting::Upload), ("filecreatedonremovablemedia", FileHosting::Upload),
    ("filedownloadedfrombrowser", FileHosting::Download), ("fileread", FileHosting::Open),
    ("filetransferredbybluetooth", FileHosting::Copy), ("fileuploadedtocloud", FileHosting::Upload),
    ("pastedtobrowser", FileHosting::Copy), ("screencapture", FileHosting::Copy), ("uploadfile", FileHosting::Upload),
    ("uploadtext", FileHosting::Upload),
];

/// Members that say that a policy or a rule matched, or that something sensitive was found.
const MATCH_MEMBERS: [&str; 8] = [
    "PolicyMatchInfo",
    "MatchedPolicies",
    "PolicyMatchDetails",
    "SensitiveInfoTypeData",
    "SensitiveInformation",
    "PolicyName",
    "RuleName",
    "IncidentId",
];

/// Whether the record is a match of a policy. Without one, it is just what somebody did on a computer.
pub(super) fn is_match(record: &Record<'_>) -> bool {
    let says = |key: &str| record.of_endpoint(key).is_some_and(says_something);
    record.op.starts_with("dlp")
        || record.has("PolicyDetails")
        || MATCH_MEMBERS.iter().any(|key| says(key))
        // Somebody was stopped or warned, for whatever reason.
        || matches!(mode(record), Some(Mode::Warn | Mode::Bypass | Mode::Block))
}

/// Whether a value holds a meaningful text, at any depth.
fn says_something(value: Value<'_>) -> bool {
    match value.scalar() {
        Some(_) => meaningful(value).is_some(),
        None => value.children().any(says_something),
    }
}

/// `EnforcementMode`: what the agent did. 0 is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Audit,
    /// The user was warned and went no further.
    Warn,
    /// The user was warned and went on.
    Bypass,
    Block,
    Allow,
}

pub(super) fn mode(record: &Record<'_>) -> Option<Mode> {
    let mode = record.of_endpoint("EnforcementMode")?;
    if let Some(number) = mode.int() {
        return Some(match number {
            1 => Mode::Audit,
            2 => Mode::Warn,
            3 => Mode::Bypass,
            4 => Mode::Block,
            5 => Mode::Allow,
            _ => return None,
        });
    }
    // Microsoft Graph has the names.
    let name = mode.str()?;
    let names = [
        ("audit", Mode::Audit),
        ("warn", Mode::Warn),
        ("warnAndBypass", Mode::Bypass),
        ("block", Mode::Block),
        ("allow", Mode::Allow),
    ];
    names
        .iter()
        .find_map(|(known, mode)| name.eq_ignore_ascii_case(known).then_some(*mode))
}

/// Whether the user was warned and went on: the mode says so, or the user gave a reason.
pub(super) fn is_bypassed(record: &Record<'_>) -> bool {
    let justification = || record.of_endpoint("Justification").and_then(meaningful);
    match mode(record) {
        Some(Mode::Bypass) => true,
        Some(Mode::Warn) => justification().is_some(),
        _ => false,
    }
}

/// Maps activity without a match: on a file, on a page, or any other.
pub(super) fn activity<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    if let Some(file) = file(record) {
        return on_file(record, event, file);
    }
    let page = record
        .text("ObjectId")
        .or_else(|| record.text("TargetUrl"))
        .filter(|text| hostname(text).is_some());
    match page {
        Some(url) => on_page(record, event, url),
        None => {
            last_rule::map(record, event);
            // Of a disk. "amount" ends like it, so it is no verb of other services.
            if record.op.ends_with("mount") {
                event.classify(ApiActivity::Update);
            }
        }
    }
    record.used(&["Application"]);
}

fn on_file<'a>(record: &Record<'a>, event: &mut Event<'a>, file: File<'a>) {
    let op = &*record.op;
    let known = OPERATIONS.binary_search_by_key(&op, |(name, _)| name);
    let activity = known
        .ok()
        .map(|at| OPERATIONS[at].1)
        .or_else(|| files::activity(op))
        .or_else(|| verbs::of(op).map(Verb::file));
    event.classify(activity.unwrap_or(FileHosting::Other));
    let (before, after) = match previous(record, &file) {
        Some(before) => (before, Some(file)),
        None => (file, record.text("TargetFilePath").map(at_path)),
    };
    event.body.object("file", |w| before.write(w));
    before.observe(event, false);
    if let Some(after) = after {
        event.body.object("file_result", |w| after.write(w));
        event.observe("file_result.name", ObservableType::FileName, after.name);
    }
    let target = record.text("TargetDomain");
    event
        .body
        .object("dst_endpoint", |w| w.text_opt("hostname", target));
    observe_url(record, event);
    record.used(&["Application"]);
}

/// The file before it was renamed.
fn previous<'a>(record: &Record<'a>, now: &File<'a>) -> Option<File<'a>> {
    let before = record.text("PreviousFileName")?;
    if before.contains(['/', '\\']) {
        return Some(at_path(before));
    }
    let path = now.parent_folder.as_ref().map(|folder| {
        let separator = if folder.contains('/') { '/' } else { '\\' };
        Cow::Owned(format!("{folder}{separator}{before}"))
    });
    Some(File {
        name: before,
        path,
        parent_folder: now.parent_folder.clone(),
        ..File::default()
    })
}

fn on_page<'a>(record: &Record<'a>, event: &mut Event<'a>, url: Cow<'a, str>) {
    event.classify(match &*record.op {
        "webpagesavedtolocal" => WebResources::Export,
        "pastedtobrowser" | "uploadtext" | "uploadfile" => WebResources::Update,
        _ => WebResources::Read,
    });
    event.body.array("web_resources", |w| {
        w.element_object(|w| {
            w.text("name", &url);
            w.text("url_string", &url);
            w.text("type", "Web Page");
        });
    });
    event.observe("web_resources.url_string", ObservableType::Url, url);
    observe_url(record, event);
}

/// Adds an observable for the address that something was sent to, which the classes have no attribute for.
pub(super) fn observe_url<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let url = record.of_endpoint("TargetUrl").and_then(meaningful);
    if let Some(url) = url.filter(|url| !event.has_observable(ObservableType::Url, url)) {
        event.observe("unmapped", ObservableType::Url, url);
    }
}

/// A file of which only the path is known.
pub(super) fn at_path(path: Cow<'_, str>) -> File<'_> {
    let folder = path.rfind(['/', '\\']).filter(|at| *at > 0);
    File {
        name: last_segment(&path),
        parent_folder: folder.map(|at| slice(&path, 0, at)),
        path: Some(path),
        ..File::default()
    }
}

/// The file on the computer; `None` for a page, or when the record names no file. Marks the members it reads.
pub(crate) fn file<'a>(record: &Record<'a>) -> Option<File<'a>> {
    let object = record
        .text("ObjectId")
        .filter(|object| hostname(object).is_none())?;
    let text = |key: &str| record.of_endpoint(key).and_then(meaningful);
    let size_bytes = record.of_endpoint("FileSize").and_then(Value::int);
    let file = File {
        ext: text("FileExtension"),
        size_bytes: size_bytes.filter(|size| *size >= 0),
        sha256: text("Sha256"),
        sha1: text("Sha1"),
        ..at_path(object)
    };
    if file.name.is_empty() {
        return None;
    }
    record.used(&["FileExtension", "ObjectId", "Sha1", "Sha256"]);
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(OPERATIONS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
