//! Detections of Defender for Office 365, Defender for Cloud Apps and Entra ID Protection.

use crate::json::Value;
use crate::ocsf::class::DetectionFinding;
use crate::ocsf::endpoint::{self, Source};
use crate::ocsf::file::File;
use crate::ocsf::finding::{self, ControlAction, Disposition};
use crate::ocsf::{Event, ObservableType, StatusId};
use crate::record::{Actor, Record, RecordType, User, meaningful, text_of, time};
use crate::severity;
use std::borrow::Cow;

/// Evidences in one finding. Investigations list a few dozen entities; all of them stay in `unmapped`.
pub(super) const EVIDENCES_MAX: usize = 64;

pub(super) fn start(event: &mut Event<'_>, activity: DetectionFinding, status: StatusId) {
    event.classify(activity);
    finding::open(event, status);
}

/// Maps a click on a link that Safe Links has rewritten (record type 41).
pub(crate) fn link_clicked<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    start(event, DetectionFinding::Create, StatusId::New);
    let url = record.take("Url").or_else(|| record.take("URL"));
    let source = endpoint::take_address(record);
    event.body.object("finding_info", |w| {
        w.text_opt("uid", record.id.clone());
        w.text("title", "Safe Links: URL clicked");
        w.array("types", |w| w.element_text("Malicious URL click"));
        w.text_opt("src_url", record.take("EventDeepLink"));
    });
    event.raise(severity::FINDINGS.rate("link click", |field, test| {
        record.text(field).is_some_and(|value| test(&value))
    }));
    let verdict = match record.int("URLClickAction") {
        Some(2) => Some((Disposition::Blocked, ControlAction::Denied)),
        Some(3) => Some((Disposition::Delayed, ControlAction::Denied)),
        // The user went on past the warning.
        Some(4 | 5) => Some((Disposition::Allowed, ControlAction::Allowed)),
        _ => None,
    };
    if let Some((disposition, action)) = verdict {
        disposition.write(event);
        action.write(event);
    }
    event.body.array("evidences", |w| {
        w.element_object(|w| {
            w.object("actor", |w| actor.write_attributes(w));
            w.object("src_endpoint", |w| {
                endpoint::write_source(record, source.as_ref(), w);
            });
            w.object("url", |w| w.text_opt("url_string", url.as_ref()));
        });
    });
    actor.claim(record);
    finding::observe_actor(event, actor, source.as_ref());
    if let Some(url) = url {
        event.observe("evidences.url.url_string", ObservableType::Url, url);
    }
    if let Some(moment) = record
        .text("TimeOfClick")
        .and_then(|text| time::parse(&text))
    {
        event.body.int("start_time", moment.epoch_ms);
    }
}

/// Maps a malicious file found in SharePoint, OneDrive or Teams (record type 47).
pub(crate) fn file_detected<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    start(event, DetectionFinding::Create, StatusId::New);
    event.raise(severity::FINDINGS.rate_alone("malicious file"));
    let data = record.get("FileData");
    let text = |key: &str| data.and_then(|data| text_of(data, key));
    let path = text("FilePath");
    let file = File {
        name: text("FileName")
            .or_else(|| text("DocumentId"))
            .unwrap_or(Cow::Borrowed("unknown")),
        path,
        uid: text("DocumentId"),
        size_bytes: data.and_then(|data| data.get("FileSize")?.int()),
        sha256: text("SHA256"),
        ..File::default()
    };
    let modifier = record.take("LastModifiedBy").map(User::named);
    let modified = record
        .text("LastModifiedDate")
        .and_then(|text| time::parse(&text));
    if modified.is_some() {
        record.used(&["LastModifiedDate"]);
    }
    if let Some(data) = data {
        claim_file_data(data);
    }
    event.body.object("finding_info", |w| {
        w.text_opt("uid", record.id.clone());
        w.text("title", &format!("Malicious file detected: {}", file.name));
        w.array("types", |w| w.element_text("Malware"));
        w.text_opt("src_url", record.take("EventDeepLink"));
    });
    let source = endpoint::take_address(record);
    event.body.array("evidences", |w| {
        w.element_object(|w| {
            w.object("file", |w| {
                file.write(w);
                w.object("modifier", |w| {
                    modifier.iter().for_each(|user| user.write(w));
                });
                modified
                    .iter()
                    .for_each(|moment| w.int("modified_time", moment.epoch_ms));
            });
            w.object("actor", |w| actor.write_attributes(w));
            w.object("src_endpoint", |w| {
                endpoint::write_source(record, source.as_ref(), w);
            });
        });
    });
    if let Some(hash) = &file.sha256 {
        event.observe(
            "evidences.file.hashes.value",
            ObservableType::Hash,
            hash.clone(),
        );
    }
    actor.claim(record);
    finding::observe_actor(event, actor, source.as_ref());
    finding::write_malware(event, text("MalwareFamily").as_deref());
    Disposition::Detected.write(event);
}

/// Marks `FileData` if the event holds all of it. A verdict of 1 means "bad", which the finding itself says.
fn claim_file_data(data: Value<'_>) {
    let known = [
        "DocumentId",
        "FileName",
        "FilePath",
        "FileSize",
        "FileVerdict",
        "MalwareFamily",
        "SHA256",
    ];
    let plain = |member: Value<'_>| {
        member.scalar().is_some() && known.iter().any(|key| member.key().is(key))
    };
    let bad = data
        .get("FileVerdict")
        .is_none_or(|verdict| verdict.int() == Some(1));
    if bad && data.is_object() && data.children().all(plain) {
        data.mark_used();
    }
}

/// Maps an alert of Defender for Cloud Apps, a custom detection, a risk, or a change to a sender list, with one
/// evidence for each client address.
pub(crate) fn cloud_app<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    let title = ["AlertDisplayName", "AlertTitle", "Title", "Name", "Event"];
    let desc = ["AlertDescription", "Description", "Reason"];
    let uid = record.text("AlertId").or_else(|| {
        if record.record_type == Some(RecordType::MCASAlerts) {
            record.text("ObjectId")
        } else {
            None
        }
    });
    let info = Info {
        uid,
        title: record
            .take_first(&title)
            .or_else(|| record.operation.clone()),
        desc: record.take_first(&desc),
        category: record.take_first(&["AlertCategory", "Category"]),
        url: record.take_first(&["AlertUri", "EventDeepLink"]),
    };
    finding::take_result(record);
    start(event, DetectionFinding::Create, StatusId::New);
    event.raise(finding::take_severity(
        record,
        &["AlertSeverity", "Severity"],
    ));
    info.write(record, event);
    write_evidences(record, event, actor);
}

/// Maps a risk that Entra ID Protection has detected (record type 294).
pub(crate) fn risk<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    let info = Info {
        uid: record.text("RiskId"),
        title: record
            .take("RiskEventType")
            .or_else(|| record.operation.clone()),
        desc: record.text("RiskDetail"),
        ..Info::default()
    };
    start(event, DetectionFinding::Create, StatusId::New);
    event.raise(finding::take_severity(record, &["RiskLevel"]));
    info.write(record, event);
    write_evidences(record, event, actor);
}

/// The content of `finding_info`.
#[derive(Debug, Default)]
struct Info<'a> {
    uid: Option<Cow<'a, str>>,
    title: Option<Cow<'a, str>>,
    desc: Option<Cow<'a, str>>,
    category: Option<Cow<'a, str>>,
    url: Option<Cow<'a, str>>,
}

impl<'a> Info<'a> {
    fn write(&self, record: &Record<'a>, event: &mut Event<'a>) {
        event.body.object("finding_info", |w| {
            w.text_opt("uid", self.uid.as_ref().or(record.id.as_ref()));
            w.text_opt("title", self.title.as_ref());
            w.text_opt("desc", self.desc.as_ref());
            w.texts("types", self.category.as_slice());
            w.text_opt("src_url", self.url.as_ref());
        });
    }
}

fn write_evidences<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    let listed = record
        .get("ClientIPs")
        .into_iter()
        .flat_map(|list| list.children());
    let mut sources: Vec<Option<(Source<'a>, Option<u16>)>> = listed
        .filter_map(meaningful)
        .filter_map(endpoint::source)
        .map(Some)
        .take(EVIDENCES_MAX)
        .collect();
    if sources.is_empty() {
        sources.push(endpoint::take_address(record));
    }
    event.body.array("evidences", |w| {
        for source in &sources {
            w.element_object(|w| {
                w.object("actor", |w| actor.write_attributes(w));
                w.object("src_endpoint", |w| {
                    endpoint::write_source(record, source.as_ref(), w);
                });
            });
        }
    });
    for source in &sources {
        actor.claim(record);
        finding::observe_actor(event, actor, source.as_ref());
    }
}
