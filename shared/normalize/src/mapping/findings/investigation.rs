//! Automated investigations of Defender for Office 365.

use crate::json::{Value, Writer, parse};
use crate::ocsf::class::DetectionFinding;
use crate::ocsf::file::File;
use crate::ocsf::{Event, ObservableType, Status, StatusId};
use crate::record::{Record, User, address, email_domain, meaningful, text_of, time};
use crate::severity;
use std::borrow::Cow;

use super::defender::{EVIDENCES_MAX, start};

/// Maps an automated investigation (record types 64, 86, 89).
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let status = record.take("Status");
    let word = status.as_deref().unwrap_or_default().to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|known| word.contains(known));
    let (activity, status_id) = if word.is_empty() || says(&["started", "queued", "new"]) {
        (DetectionFinding::Create, StatusId::New)
    } else if says(&["running", "pending", "waiting", "progress"]) {
        (DetectionFinding::Update, StatusId::InProgress)
    } else {
        (DetectionFinding::Close, StatusId::Resolved)
    };
    start(event, activity, status_id);
    event.status = Some(Status {
        id: status_id,
        detail: status,
        ..Status::default()
    });
    event.raise(severity::FINDINGS.rate_alone("investigation"));
    event.body.object("finding_info", |w| {
        w.text_opt(
            "uid",
            record.take("InvestigationId").or_else(|| record.id.clone()),
        );
        w.text_opt("title", record.take("InvestigationName"));
        w.array("types", |w| {
            record
                .take("InvestigationType")
                .iter()
                .for_each(|kind| w.element_text(kind));
        });
        w.text_opt(
            "src_url",
            record
                .take("DeepLinkUrl")
                .or_else(|| record.take("EventDeepLink")),
        );
    });
    for (key, attribute) in [("StartTimeUtc", "start_time"), ("EndTimeUtc", "end_time")] {
        if let Some(moment) = record.text(key).and_then(|text| time::parse(&text)) {
            event.body.int(attribute, moment.epoch_ms);
        }
    }
    let data = record.get("Data").and_then(meaningful);
    let Some(doc) = data.as_deref().and_then(|data| parse(data.as_bytes()).ok()) else {
        return;
    };
    let Some(entities) = doc.root().get("Entities") else {
        return;
    };
    event.body.array("evidences", |w| {
        entities
            .children()
            .take(EVIDENCES_MAX)
            .for_each(|entity| w.element_object(|w| write_entity(w, entity)));
    });
    let listed = entities.children().take(EVIDENCES_MAX);
    listed.for_each(|entity| observe_entity(event, entity));
}

fn entity_kind(entity: Value<'_>) -> String {
    let kind = text_of(entity, "Type").or_else(|| text_of(entity, "$type"));
    kind.unwrap_or_default().to_ascii_lowercase()
}

fn entity_user(entity: Value<'_>) -> Option<User<'_>> {
    let names = ["MailboxPrimaryAddress", "UserPrincipalName", "Name"];
    let name = names.iter().find_map(|key| text_of(entity, key));
    name.map(User::named)
}

fn entity_ip(entity: Value<'_>) -> Option<String> {
    let address = text_of(entity, "Address")?;
    address::ip(&address).map(Cow::into_owned)
}

/// Adds the observables of an entity's evidence. The entities were parsed from a string of the record and live shorter
/// than the event.
fn observe_entity(event: &mut Event<'_>, entity: Value<'_>) {
    let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    match entity_kind(entity).as_str() {
        "url" => {
            if let Some(url) = text_of(entity, "Url") {
                event.observe("evidences.url.url_string", ObservableType::Url, owned(url));
            }
        }
        "ip" => {
            if let Some(ip) = entity_ip(entity) {
                event.observe(
                    "evidences.src_endpoint.ip",
                    ObservableType::IpAddress,
                    Cow::Owned(ip),
                );
            }
        }
        "mailbox" | "account" => {
            if let Some(name) = entity_user(entity).and_then(|user| user.name) {
                event.observe("evidences.user.name", ObservableType::UserName, owned(name));
            }
        }
        _ => {}
    }
}

/// Writes an entity of an investigation, by its kind.
fn write_entity(w: &mut Writer, entity: Value<'_>) {
    let text = |key: &str| text_of(entity, key);
    let address = |key: &str| text(key).filter(|address| email_domain(address).is_some());
    match entity_kind(entity).as_str() {
        "mailmessage" | "mail-message" => {
            let (from, to) = (
                address("Sender").or_else(|| address("P2Sender")),
                address("Recipient"),
            );
            if from.is_some() || to.is_some() {
                w.object("email", |w| {
                    w.text_opt("from", from);
                    w.array("to", |w| to.iter().for_each(|to| w.element_text(to)));
                    w.text_opt("subject", text("Subject"));
                    w.text_opt(
                        "message_uid",
                        text("InternetMessageId").or_else(|| text("NetworkMessageId")),
                    );
                });
            }
        }
        "url" => w.object("url", |w| w.text_opt("url_string", text("Url"))),
        "ip" => {
            w.object("src_endpoint", |w| w.text_opt("ip", entity_ip(entity)));
        }
        "mailbox" | "account" => {
            let user = entity_user(entity);
            w.object("user", |w| user.iter().for_each(|user| user.write(w)));
        }
        "file" => {
            let name = text("Name");
            w.object("file", |w| {
                name.iter().for_each(|name| {
                    File {
                        name: name.clone(),
                        ..File::default()
                    }
                    .write(w);
                });
            });
        }
        _ => {}
    }
    w.value("data", entity);
}
