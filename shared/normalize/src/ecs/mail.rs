//! `email`: mail that was sent, matched a rule, or was found to be malicious. Elastic's integration leaves these fields
//! empty.

use super::related::Related;
use crate::json::{Value, Writer};
use crate::record::{Record, RecordType, meaningful, text_of};
use std::borrow::Cow;

/// Addresses and attachments listed for one message. Exchange allows 1,000 and 250; all of them are in `o365.audit`.
const LISTED_MAX: usize = 256;

#[derive(Debug, Default)]
struct Mail<'a> {
    from: Option<Cow<'a, str>>,
    sender: Option<Cow<'a, str>>,
    to: Vec<Cow<'a, str>>,
    cc: Vec<Cow<'a, str>>,
    bcc: Vec<Cow<'a, str>>,
    subject: Option<Cow<'a, str>>,
    message_id: Option<Cow<'a, str>>,
    local_id: Option<Cow<'a, str>>,
    direction: Option<&'static str>,
    attachments: Vec<Value<'a>>,
}

pub(super) fn write<'a>(record: &Record<'a>, related: &mut Related<'a>, w: &mut Writer) {
    let mail = match record.record_type {
        Some(RecordType::ExchangeItem | RecordType::ExchangeItemGroup) => of_mailbox(record),
        Some(RecordType::ThreatIntelligence) => of_detection(record),
        Some(RecordType::MIPLabel | RecordType::MipAutoLabelExchangeItem) => Mail {
            from: record.text("Sender"),
            ..Mail::default()
        },
        _ => match record.get("ExchangeMetaData") {
            Some(meta) => of_match(meta),
            None => return,
        },
    };
    let address = |w: &mut Writer, key: &str, list: &[Cow<'a, str>]| {
        w.object(key, |w| w.texts("address", list));
    };
    w.object("email", |w| {
        address(w, "from", mail.from.as_slice());
        w.object("sender", |w| w.text_opt("address", mail.sender.as_ref()));
        address(w, "to", &mail.to);
        address(w, "cc", &mail.cc);
        address(w, "bcc", &mail.bcc);
        w.text_opt("subject", mail.subject.as_ref());
        w.text_opt("message_id", mail.message_id.as_ref());
        w.text_opt("local_id", mail.local_id.as_ref());
        w.text_opt("direction", mail.direction);
        w.array("attachments", |w| {
            for file in &mail.attachments {
                w.element_object(|w| w.object("file", |w| write_attachment(*file, w)));
            }
        });
    });
    let people = [&mail.to, &mail.cc, &mail.bcc].into_iter().flatten();
    for person in mail.from.iter().chain(&mail.sender).chain(people) {
        related.user(Some(person));
    }
    for file in &mail.attachments {
        related.hash(text_of(*file, "SHA256").as_ref());
    }
}

fn write_attachment(file: Value<'_>, w: &mut Writer) {
    w.text_opt("name", text_of(file, "FileName"));
    w.object("hash", |w| w.text_opt("sha256", text_of(file, "SHA256")));
}

fn list<'a>(value: Option<Value<'a>>) -> Vec<Cow<'a, str>> {
    let elements = value.into_iter().flat_map(|list| list.elements());
    elements.filter_map(meaningful).take(LISTED_MAX).collect()
}

/// The mail that was sent, or the single item that a record of mailbox audit is about.
fn of_mailbox<'a>(record: &Record<'a>) -> Mail<'a> {
    let item = record.get("Item");
    let datum = |key: &str| item.and_then(|item| text_of(item, key));
    let mut mail = Mail {
        subject: datum("Subject"),
        message_id: datum("InternetMessageId"),
        ..Mail::default()
    };
    if matches!(&*record.op, "send" | "sendas" | "sendonbehalf") {
        let from = [
            "SendAsUserSmtp",
            "SendOnBehalfOfUserSmtp",
            "MailboxOwnerUPN",
        ];
        mail.from = from.iter().find_map(|key| record.text(key));
        mail.sender = record
            .text("UserId")
            .filter(|user| mail.from.as_ref() != Some(user));
        let recipients = record
            .get("recipientList")
            .into_iter()
            .flat_map(|list| list.elements());
        mail.to = recipients
            .filter_map(|recipient| text_of(recipient, "Address"))
            .take(LISTED_MAX)
            .collect();
    }
    mail
}

fn of_detection<'a>(record: &Record<'a>) -> Mail<'a> {
    let direction = record.text("Directionality").unwrap_or_default();
    Mail {
        from: record.text("P2Sender"),
        sender: record.text("P1Sender"),
        to: list(record.get("Recipients")),
        subject: record.text("Subject"),
        message_id: record.text("InternetMessageId"),
        local_id: record.text("NetworkMessageId"),
        direction: match direction.to_ascii_lowercase().as_str() {
            "inbound" => Some("inbound"),
            "outbound" => Some("outbound"),
            "intra-org" | "intraorg" => Some("internal"),
            _ => None,
        },
        attachments: record
            .get("AttachmentData")
            .into_iter()
            .flat_map(|files| files.elements())
            .take(LISTED_MAX)
            .collect(),
        ..Mail::default()
    }
}

/// The message in which data loss prevention found a match.
fn of_match<'a>(meta: Value<'a>) -> Mail<'a> {
    Mail {
        from: text_of(meta, "From"),
        to: list(meta.get("To")),
        cc: list(meta.get("CC")),
        bcc: list(meta.get("BCC")),
        subject: text_of(meta, "Subject"),
        message_id: text_of(meta, "MessageID"),
        ..Mail::default()
    }
}
