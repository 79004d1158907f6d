//! What all findings have: their status, the disposition, and the actor in their evidence.

use super::endpoint::Source;
use super::event::{Event, ObservableType};
use super::severity::Severity;
use super::status::{self, Status, StatusId};
use crate::json::Writer;
use crate::record::{Actor, Record};

/// `disposition_id`: what happened to the thing that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    Allowed = 1,
    Blocked = 2,
    Quarantined = 3,
    Deleted = 5,
    Exonerated = 10,
    Delayed = 14,
    Detected = 15,
}

impl Disposition {
    fn caption(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed",
            Self::Blocked => "Blocked",
            Self::Quarantined => "Quarantined",
            Self::Deleted => "Deleted",
            Self::Exonerated => "Exonerated",
            Self::Delayed => "Delayed",
            Self::Detected => "Detected",
        }
    }

    pub(crate) fn write(self, event: &mut Event<'_>) {
        event.body.int("disposition_id", self as i64);
        event.body.word("disposition", self.caption());
    }
}

/// `action_id`: what the security control did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControlAction {
    Allowed = 1,
    Denied = 2,
    Observed = 3,
}

impl ControlAction {
    fn caption(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed",
            Self::Denied => "Denied",
            Self::Observed => "Observed",
        }
    }

    pub(crate) fn write(self, event: &mut Event<'_>) {
        event.body.int("action_id", self as i64);
        event.body.word("action", self.caption());
    }
}

/// Sets the finding's status and marks the event as an alert.
pub(crate) fn open(event: &mut Event<'_>, status: StatusId) {
    event.profiles.security_control = true;
    event.status = Some(Status::of(status));
    event.body.bool("is_alert", true);
}

/// Writes `malware` if there is a name.
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

/// Adds observables for the actor and the address in the evidence.
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
        event.observe(
            "evidences.src_endpoint.ip",
            ObservableType::IpAddress,
            ip.clone(),
        );
    }
}

/// OCSF's severity for a word that a product uses.
pub(crate) fn severity(word: &str) -> Option<Severity> {
    match word {
        "Information" | "information" => Some(Severity::Informational),
        word => Severity::named(word),
    }
}

/// The severity in the first of these members that has one, or Low. Marks the member.
pub(crate) fn take_severity(record: &Record<'_>, keys: &[&'static str]) -> Severity {
    let named = keys
        .iter()
        .find_map(|key| Some((key, severity(&record.text(key)?)?)));
    named.map_or(Severity::Low, |(key, severity)| {
        record.used(&[key]);
        severity
    })
}

/// Marks a ResultStatus that only says that there is a finding.
pub(crate) fn take_result(record: &Record<'_>) {
    if record
        .text("ResultStatus")
        .is_none_or(|word| word == "New" || status::of_word(&word) == StatusId::Success)
    {
        record.take("ResultStatus");
    }
}

/// Writes an analytic of type Rule, or nothing without a name or an id.
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
