//! Mail that Defender for Office 365 found to be phish, malware or spam (record type 28): class Email Activity, Scan.

use crate::ocsf::class::EmailActivity;
use crate::ocsf::email::Email;
use crate::ocsf::endpoint::{self, Source};
use crate::ocsf::file::File;
use crate::ocsf::finding::{self, ControlAction, Disposition};
use crate::ocsf::{Event, ObservableType, Severity};
use crate::record::name_values::entry_name;
use crate::record::{Record, email_domain, meaningful, text_of};
use crate::severity;
use std::borrow::Cow;

/// Attachments listed in one event. Exchange allows 250.
const ATTACHMENTS_MAX: usize = 256;

/// Maps a detection. Returns false when the record has no usable address, which the class requires.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) -> bool {
    let address = |text: &Cow<'_, str>| email_domain(text).is_some();
    let recipients = record
        .get("Recipients")
        .into_iter()
        .flat_map(|list| list.elements());
    let email = Email {
        from: said(record, "P2Sender").filter(address),
        return_path: said(record, "P1Sender").filter(address),
        to: recipients.filter_map(meaningful).filter(address).collect(),
        subject: record.text("Subject"),
        message_uid: said(record, "InternetMessageId"),
        ..Email::default()
    };
    if !email.is_usable() {
        return false;
    }
    event.classify(EmailActivity::Scan);
    event.profiles.security_control = true;
    event.raise(rate(record));
    event.body.bool("is_alert", true);
    write_email(record, event, &email);
    write_verdict(record, event);
    let sender_ip = said(record, "SenderIp").and_then(endpoint::source);
    if let Some((Source::Ip(ip), _)) = &sender_ip {
        event.body.object("src_endpoint", |w| w.text("ip", ip));
        event.observe("src_endpoint.ip", ObservableType::IpAddress, ip.clone());
        record.used(&["SenderIp"]);
    }
    true
}

fn write_email<'a>(record: &Record<'a>, event: &mut Event<'a>, email: &Email<'a>) {
    let files: Vec<_> = record
        .get("AttachmentData")
        .into_iter()
        .flat_map(|list| list.elements())
        .take(ATTACHMENTS_MAX)
        .collect();
    let (direction_id, direction) = match said(record, "Directionality")
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "inbound" => (1, "Inbound"),
        "outbound" => (2, "Outbound"),
        "intra-org" | "intraorg" => (3, "Internal"),
        _ => (0, "Unknown"),
    };
    let w = &mut event.body;
    w.text_opt("from", email.from.as_ref());
    w.texts("to", &email.to);
    w.int("direction_id", direction_id);
    w.text("direction", direction);
    w.text_opt("message_trace_uid", said(record, "NetworkMessageId"));
    w.object("email", |w| {
        email.write_attributes(w);
        w.array("files", |w| {
            for file in &files {
                let Some(name) = text_of(*file, "FileName") else {
                    continue;
                };
                let file = File {
                    name,
                    sha256: text_of(*file, "SHA256"),
                    ..File::default()
                };
                w.element_object(|w| file.write(w));
            }
        });
    });
    if let Some(details) = record.get("AuthDetails") {
        // "None" is a verdict here: the message had no such signature.
        let verdict = |name: &str| {
            let entries = details.children();
            let mut named = entries.filter(|entry| {
                entry_name(*entry).is_some_and(|own| own.eq_ignore_ascii_case(name))
            });
            let verdict = named.find_map(|entry| entry.get("Value")?.scalar());
            verdict.filter(|verdict| !verdict.trim().is_empty())
        };
        w.object("email_auth", |w| {
            w.text_opt("spf", verdict("SPF"));
            w.text_opt("dkim", verdict("DKIM"));
            w.text_opt("dmarc", verdict("DMARC"));
        });
    }
    if let Some(uid) = &email.message_uid {
        event.observe("email.message_uid", ObservableType::MessageUid, uid.clone());
    }
    for file in files {
        if let Some(hash) = text_of(file, "SHA256") {
            event.observe("email.files.hashes.value", ObservableType::Hash, hash);
        }
    }
}

/// Microsoft's PolicyAction. Some records have the number, some the name.
#[rustfmt::skip]
const POLICY_ACTIONS: &[(&str, &str)] = &[
    ("0", "MoveToJMF"), ("1", "AddXHeader"), ("2", "ModifySubject"), ("3", "Redirect"), ("4", "Delete"), ("5", "Quarantine"),
    ("6", "NoAction"), ("7", "BccMessage"), ("8", "ReplaceAttachment"),
];

/// Microsoft's Policy, by number.
#[rustfmt::skip]
const POLICIES: &[(&str, &str)] = &[
    ("1", "Anti-spam, HSPM"), ("2", "Anti-spam, SPM"), ("3", "Anti-spam, Bulk"), ("4", "Anti-spam, PHSH"),
    ("5", "Anti-phish, DIMP"), ("6", "Anti-phish, UIMP"), ("7", "Anti-phish, SPOOF"), ("8", "Anti-phish, GIMP"),
    ("9", "Anti-malware, AMP"), ("10", "Safe attachment, SAP"), ("11", "Exchange transport rule, ETR"),
    ("12", "Anti-malware, ZAPM"), ("13", "Anti-phish, ZAPP"), ("14", "Anti-phish, ZAPS"), ("15", "Anti-spam, HPHISH"),
    ("17", "Anti-spam, OSPM"),
];

fn named(table: &[(&str, &'static str)], number: &str) -> Option<&'static str> {
    let entry = table.iter().find(|(known, _)| *known == number)?;
    Some(entry.1)
}

fn write_verdict<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let action = said(record, "PolicyAction").unwrap_or_default();
    let words = [
        named(POLICY_ACTIONS, &action).unwrap_or(&action),
        &said(record, "DeliveryAction").unwrap_or_default(),
        &said(record, "LatestDeliveryLocation").unwrap_or_default(),
    ];
    let says = |needles: &[&str]| {
        let lower = words.iter().map(|word| word.to_ascii_lowercase());
        lower
            .into_iter()
            .any(|word| needles.iter().any(|needle| word.contains(needle)))
    };
    let (disposition, action) = if says(&["quarantine"]) {
        (Disposition::Quarantined, ControlAction::Denied)
    } else if says(&["delete", "dropped"]) {
        (Disposition::Deleted, ControlAction::Denied)
    } else if says(&["blocked", "failed"]) {
        (Disposition::Blocked, ControlAction::Denied)
    } else if says(&["delivered", "inbox", "noaction"]) {
        (Disposition::Allowed, ControlAction::Allowed)
    } else {
        (Disposition::Detected, ControlAction::Observed)
    };
    disposition.write(event);
    action.write(event);
    event.body.object("policy", |w| {
        let policy = record.text("Policy");
        let name = policy
            .as_deref()
            .map(|policy| named(POLICIES, policy).unwrap_or(policy));
        w.text_opt("name", name);
    });
    let families = record
        .get("AttachmentData")
        .into_iter()
        .flat_map(|list| list.elements());
    let family = families
        .filter_map(|file| text_of(file, "MalwareFamily"))
        .next();
    finding::write_malware(event, family.as_deref());
}

fn rate(record: &Record<'_>) -> Severity {
    let text = |key: &str| said(record, key).unwrap_or_default();
    let verdict = text("Verdict").to_ascii_lowercase();
    let is_phish = verdict.contains("phish");
    severity::FINDINGS.rate("mail threat", |field, test| match field {
        // "High confidence phish" says it in the verdict.
        "phish confidence" => {
            is_phish
                && (test(&text("PhishConfidenceLevel")) || verdict.contains("high") && test("high"))
        }
        _ => test(&text(field)),
    })
}

/// The text of a member, in any spelling: Microsoft's page writes `Phish Confidence Level` and `Delivery Action`, the
/// records also `PhishConfidenceLevel` and `DeliveryAction`.
fn said<'a>(record: &Record<'a>, key: &str) -> Option<Cow<'a, str>> {
    record.text(key).or_else(|| {
        let members = record.root().children();
        let spelled = members.filter(|member| is_spelling(member.key().cow().as_ref(), key));
        spelled.filter_map(meaningful).next()
    })
}

/// Whether both are the same letters, whatever the case, blanks, dashes and underscores between them.
fn is_spelling(name: &str, key: &str) -> bool {
    name.len() >= key.len() && letters(name).eq(letters(key))
}

fn letters(text: &str) -> impl Iterator<Item = u8> {
    let letters = text
        .bytes()
        .filter(|byte| !matches!(byte, b' ' | b'_' | b'-'));
    letters.map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_with_and_without_blanks() {
        for name in [
            "Phish Confidence Level",
            "PhishConfidenceLevel",
            "phish_confidence_level",
            "phishConfidenceLevel",
        ] {
            assert!(is_spelling(name, "PhishConfidenceLevel"), "{name}");
        }
        assert!(!is_spelling("ConfidenceLevel", "PhishConfidenceLevel"));
    }
}
