//! Alerts of Security & Compliance (record type 40). The details are in `Data`: JSON in a string, with short keys.

use crate::json::{Tree, Writer, parse};
use crate::ocsf::class::DetectionFinding;
use crate::ocsf::endpoint::{self, Source};
use crate::ocsf::{Event, ObservableType, StatusId, finding};
use crate::record::{Record, User, email_domain, meaningful, text_of};
use std::borrow::Cow;

/// Maps an alert: a new alert, an entity added to one, or an update.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let data = record.get("Data").and_then(meaningful);
    let doc = data
        .as_deref()
        .and_then(|data| parse(data.as_bytes()).ok())
        .filter(|doc| doc.root().is_object());
    let known = record.text("Status").and_then(|word| {
        Some(match &*word {
            "Active" => StatusId::New,
            "Investigating" => StatusId::InProgress,
            "Dismissed" => StatusId::Suppressed,
            "Resolved" => StatusId::Resolved,
            _ => return None,
        })
    });
    record.used(if known.is_some() { &["Status"] } else { &[] });
    let done = matches!(known, Some(StatusId::Suppressed | StatusId::Resolved));
    let activity = match &*record.op {
        "alerttriggered" => DetectionFinding::Create,
        _ if done => DetectionFinding::Close,
        _ => DetectionFinding::Update,
    };
    event.classify(activity);
    event.raise(finding::take_severity(record, &["Severity"]));
    finding::take_result(record);
    finding::open(event, known.unwrap_or(StatusId::New));
    write_info(record, event, doc.as_ref());
    event.body.text_opt("comment", record.take("Comments"));
    write_evidence(record, event, doc.as_ref());
}

fn write_info<'a>(record: &Record<'a>, event: &mut Event<'a>, data: Option<&Tree<'_>>) {
    let datum = |key: &str| {
        data.and_then(|doc| text_of(doc.root(), key))
            .map(|text| text.into_owned())
    };
    let links = record
        .get("AlertLinks")
        .into_iter()
        .flat_map(|links| links.elements());
    let link = links
        .filter_map(|link| text_of(link, "AlertLinkHref"))
        .next();
    let name = record.take("Name").or_else(|| datum("an").map(Cow::Owned));
    event.body.object("finding_info", |w| {
        w.text_opt("uid", record.take("AlertId").or_else(|| record.id.clone()));
        w.text_opt("title", name.as_ref());
        w.text_opt("desc", datum("ad"));
        w.array("types", |w| {
            record
                .take("Category")
                .iter()
                .for_each(|category| w.element_text(category));
        });
        w.text_opt("src_url", link.or_else(|| datum("ail").map(Cow::Owned)));
        w.object("analytic", |w| {
            let (uid, category) = (record.take("PolicyId"), record.text("AlertType"));
            finding::write_rule(w, name.as_deref(), uid.as_deref(), category.as_deref());
        });
    });
}

fn write_evidence<'a>(record: &Record<'a>, event: &mut Event<'a>, data: Option<&Tree<'_>>) {
    let datum = |key: &str| {
        data.and_then(|doc| text_of(doc.root(), key))
            .map(|text| text.into_owned())
    };
    let entity = |kinds: &[&str]| {
        let kind = record.text("EntityType")?;
        if kinds.contains(&&*kind) {
            record.text("AlertEntityId")
        } else {
            None
        }
    };
    let user = datum("f3u")
        .or_else(|| datum("suid"))
        .map(Cow::Owned)
        .or_else(|| entity(&["User", "Recipients", "Sender"]));
    let source = datum("sip").and_then(|address| endpoint::source(Cow::Owned(address)));
    let user = user.map(User::named);
    let user = user.map(|user| User {
        uid_alt: None,
        ..user
    });
    event.body.array("evidences", |w| {
        w.element_object(|w| {
            w.object("user", |w| user.iter().for_each(|user| user.write(w)));
            write_email(w, &datum);
            w.object("src_endpoint", |w| match &source {
                Some((Source::Ip(ip), _)) => w.text("ip", ip),
                Some((Source::Name(name), _)) => w.text("hostname", name),
                None => {}
            });
            if let Some(doc) = data {
                w.value("data", doc.root());
            }
        });
    });
    if let Some(name) = user.and_then(|user| user.name) {
        event.observe("evidences.user.name", ObservableType::UserName, name);
    }
    if let Some((Source::Ip(ip), _)) = source {
        event.observe("evidences.src_endpoint.ip", ObservableType::IpAddress, ip);
    }
    let malware = datum("thn").filter(|_| {
        record
            .text("EntityType")
            .is_some_and(|kind| kind == "MalwareFamily")
    });
    finding::write_malware(event, malware.as_deref());
}

/// Writes the message of a mail alert: tsd and mfrm name the sender, trc the recipients, ms the subject.
fn write_email(w: &mut Writer, datum: &impl Fn(&str) -> Option<String>) {
    let address = |text: &String| email_domain(text).is_some();
    let from = datum("tsd")
        .filter(address)
        .or_else(|| datum("mfrm").filter(address));
    let to: Vec<String> = datum("trc")
        .or_else(|| datum("to"))
        .map(|list| {
            list.split([';', ','])
                .map(|text| text.trim().to_owned())
                .filter(address)
                .collect()
        })
        .unwrap_or_default();
    if from.is_none() && to.is_empty() {
        return;
    }
    w.object("email", |w| {
        w.text_opt("from", from);
        w.texts("to", &to);
        w.text_opt("subject", datum("ms"));
        w.text_opt("message_uid", datum("imsgid"));
    });
}
