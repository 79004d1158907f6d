//! `rule` and `threat`: which rule made a finding, and what it found.

use super::related::Related;
use crate::json::{Value, Writer, parse};
use crate::ocsf::{StatusId, endpoint};
use crate::record::{Record, RecordType, email_domain, meaningful, text_of};
use std::borrow::Cow;

/// The JSON in an alert's `Data`, with Microsoft's short keys.
#[derive(Debug, Default)]
struct Data {
    description: Option<String>,
    link: Option<String>,
    malware: Option<String>,
    sender_ip: Option<String>,
    users: Vec<String>,
}

impl Data {
    fn of(record: &Record<'_>) -> Self {
        let text = record.get("Data").and_then(meaningful).unwrap_or_default();
        let Ok(doc) = parse(text.as_bytes()) else {
            return Self::default();
        };
        let datum = |key: &str| text_of(doc.root(), key).map(Cow::into_owned);
        let people = ["f3u", "suid", "tsd", "trc"];
        Self {
            description: datum("ad"),
            link: datum("ail"),
            malware: datum("thn"),
            sender_ip: datum("sip"),
            users: people.iter().filter_map(|key| datum(key)).collect(),
        }
    }
}

pub(super) fn write<'a>(record: &Record<'a>, related: &mut Related<'a>, w: &mut Writer) {
    match record.record_type {
        Some(RecordType::SecurityComplianceAlerts) => alert(record, related, w),
        Some(known) if known.is_data_loss_prevention() => data_loss(record, w),
        Some(RecordType::ThreatIntelligenceAtpContent) => malware(
            record
                .get("FileData")
                .and_then(|data| text_of(data, "MalwareFamily")),
            w,
        ),
        Some(RecordType::SharePointFileOperation) => malware(record.text("VirusInfo"), w),
        _ => {}
    }
}

fn malware(name: Option<Cow<'_, str>>, w: &mut Writer) {
    w.object("threat", |w| {
        w.object("software", |w| w.text_opt("name", name));
    });
}

fn alert<'a>(record: &Record<'a>, related: &mut Related<'a>, w: &mut Writer) {
    let data = Data::of(record);
    let links = record
        .get("AlertLinks")
        .into_iter()
        .flat_map(|links| links.elements());
    let link = links
        .filter_map(|link| text_of(link, "AlertLinkHref"))
        .next();
    let kind = record.text("EntityType");
    w.object("rule", |w| {
        w.text_opt("category", record.text("Category"));
        w.text_opt("description", data.description);
        w.text_opt("id", record.text("PolicyId"));
        w.text_opt("name", record.text("Name"));
        w.text_opt("reference", link.or(data.link.map(Cow::Owned)));
        w.text_opt("ruleset", kind.clone());
    });
    if kind.is_some_and(|kind| kind == "MalwareFamily") {
        malware(
            record
                .text("AlertEntityId")
                .or(data.malware.map(Cow::Owned)),
            w,
        );
    }
    let addresses = data
        .users
        .iter()
        .flat_map(|list| list.split([';', ',']))
        .map(str::trim);
    for address in addresses.filter(|text| email_domain(text).is_some()) {
        related.user(Some(&Cow::Owned(address.to_owned())));
    }
    if let Some((endpoint::Source::Ip(ip), _)) = data
        .sender_ip
        .and_then(|address| endpoint::source(Cow::Owned(address)))
    {
        related.ip(Some(&Cow::Owned(ip.into_owned())));
    }
}

/// All rules of all policies.
fn rules<'a>(record: &Record<'a>) -> impl Iterator<Item = Value<'a>> {
    let policies = record
        .get("PolicyDetails")
        .into_iter()
        .flat_map(|list| list.elements());
    policies
        .filter_map(|policy| policy.get("Rules"))
        .flat_map(|rules| rules.elements())
}

/// ECS has room for one rule: the first one is written. All rules are in `o365.audit.PolicyDetails`.
fn data_loss(record: &Record<'_>, w: &mut Writer) {
    let policy = record
        .get("PolicyDetails")
        .and_then(|list| list.elements().next());
    let rule = rules(record).next();
    let of = |from: Option<Value<'_>>, key: &str| {
        from.and_then(|from| text_of(from, key))
            .map(Cow::into_owned)
    };
    let id = of(rule, "RuleId").or_else(|| of(policy, "PolicyId"));
    let name = of(rule, "RuleName").or_else(|| of(policy, "PolicyName"));
    w.object("rule", |w| {
        w.text_opt("id", id);
        w.text_opt("name", name);
        w.text_opt("ruleset", of(policy, "PolicyName"));
    });
}

/// Whether the action on the data went through: a failure when a rule blocked it and nobody made an exception.
pub(super) fn data_outcome(record: &Record<'_>) -> StatusId {
    let blocks = |rule: Value<'_>| {
        let actions = rule.get("Actions");
        actions.is_some_and(|list| list.elements().any(|action| action.is_text("BlockAccess")))
    };
    match &*record.op {
        "dlpruleundo" => StatusId::Success,
        "dlpinfo" => StatusId::Unknown,
        _ if record.has("ExceptionInfo") => StatusId::Success,
        _ if rules(record).any(blocks) => StatusId::Failure,
        _ if record.has("PolicyDetails") => StatusId::Success,
        _ => StatusId::Unknown,
    }
}
