//! Alerts and detections of Microsoft's security services: class Detection Finding.

mod alert;
mod defender;
mod investigation;

pub(crate) use alert::map as alert;
pub(crate) use defender::{cloud_app, file_detected, link_clicked, risk};
pub(crate) use investigation::map as investigation;

use crate::event::{Event, Kind, Severity, Status};
use crate::identity::Actor;
use crate::json::Writer;
use crate::origin::Source;
use crate::record::Record;
use crate::status;

/// disposition_id and caption.
pub(crate) const BLOCKED: (i64, &str) = (2, "Blocked");
/// disposition_id and caption.
pub(crate) const DELAYED: (i64, &str) = (14, "Delayed");
/// disposition_id and caption.
pub(crate) const ALLOWED_DISPOSITION: (i64, &str) = (1, "Allowed");
/// disposition_id and caption.
pub(crate) const EXONERATED: (i64, &str) = (10, "Exonerated");
/// disposition_id and caption.
pub(crate) const DETECTED: (i64, &str) = (15, "Detected");
/// action_id and caption.
pub(crate) const ALLOWED: (i64, &str) = (1, "Allowed");
/// action_id and caption.
pub(crate) const DENIED: (i64, &str) = (2, "Denied");
/// action_id and caption.
pub(crate) const OBSERVED: (i64, &str) = (3, "Observed");

/// Sets the finding's status (1 new, 2 in progress, 3 suppressed, 4 resolved) and says that it is an alert.
pub(crate) fn open(event: &mut Event<'_>, status_id: u8) {
    event.profiles.security_control = true;
    event.status = Some(Status {
        id: status_id,
        ..Status::default()
    });
    event.body.bool("is_alert", true);
}

pub(crate) fn dispose(event: &mut Event<'_>, disposition: (i64, &str)) {
    event.body.int("disposition_id", disposition.0);
    event.body.text("disposition", disposition.1);
}

pub(crate) fn act(event: &mut Event<'_>, action: (i64, &str)) {
    event.body.int("action_id", action.0);
    event.body.text("action", action.1);
}

/// Writes `malware`, when there is a name.
pub(crate) fn write_malware(event: &mut Event<'_>, name: Option<&str>) {
    let Some(name) = name else { return };
    event.body.array("malware", |w| {
        w.element_object(|w| {
            w.text("name", name);
            w.array("classification_ids", |w| w.element_int(0));
            w.array("classifications", |w| w.element_text("Unknown"));
        });
    });
}

/// Indexes the actor and the address of the evidence.
pub(crate) fn observe_actor<'a>(
    event: &mut Event<'a>,
    actor: &Actor<'a>,
    source: Option<&(Source<'a>, Option<u16>)>,
) {
    actor.user.observe(
        event,
        "evidences.actor.user.name",
        "evidences.actor.user.email_addr",
    );
    if let Some((Source::Ip(ip), _)) = source {
        event.observe("evidences.src_endpoint.ip", Kind::IpAddress, ip.clone());
    }
}

/// OCSF's severity for a product's word.
pub(crate) fn severity(word: &str) -> Option<Severity> {
    Some(match word.to_ascii_lowercase().as_str() {
        "informational" | "information" => Severity::Informational,
        "low" => Severity::Low,
        "medium" => Severity::Medium,
        "high" => Severity::High,
        "critical" => Severity::Critical,
        _ => return None,
    })
}

/// The severity that the first of these members names; Low when none does. The member is marked.
pub(crate) fn take_severity(record: &Record<'_>, keys: &[&'static str]) -> Severity {
    let named = keys
        .iter()
        .find_map(|key| Some((key, severity(&record.text(key)?)?)));
    named.map_or(Severity::Low, |(key, severity)| {
        record.used(&[key]);
        severity
    })
}

/// Marks a ResultStatus that says no more than that there is a finding.
pub(crate) fn take_result(record: &Record<'_>) {
    if record
        .text("ResultStatus")
        .is_none_or(|word| word == "New" || status::of_word(&word) == 1)
    {
        record.take("ResultStatus");
    }
}

/// Writes an analytic of type Rule; nothing without a name or an id.
pub(crate) fn write_rule(
    w: &mut Writer,
    name: Option<&str>,
    uid: Option<&str>,
    category: Option<&str>,
) {
    if name.is_none() && uid.is_none() {
        return;
    }
    w.text_opt("name", name);
    w.text_opt("uid", uid);
    w.int("type_id", 1);
    w.text("type", "Rule");
    w.text_opt("category", category);
}
