//! A finding's item.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use office365::TenantId;
use uuid::Uuid;

use super::state;
use super::{FINDING_KEPT, FindingRecord, FindingSummary, ListedFinding, Recorded, place, texts};
use crate::clock::later;
use crate::store::detections::schema::{AT, OPEN};
use crate::store::ledger::LedgerError;
use crate::store::ledger::attribute::{
    Item, expiry, get_millis, get_number, get_text, millis, number, text,
};
use crate::store::ledger::key::{PK, SK, shard};

/// What partition keys of findings begin with; the tenant follows.
const PREFIX: &str = "findings#";

/// Set once the finding was announced.
pub(super) const ANNOUNCED_AT: &str = "announced_at";

pub(super) fn pk(tenant: TenantId) -> String {
    format!("{PREFIX}{tenant}")
}

/// The partition of the index of open findings that the tenant's are in.
pub(super) fn open(tenant: TenantId) -> String {
    open_of(shard(tenant))
}

pub(super) fn open_of(shard: char) -> String {
    format!("open#{shard}")
}

/// The place of a finding in lists: by the time of its last record, and of those of one time by uid, so that each has its own.
/// Findings of before 1970 count as of then.
pub(super) fn at(last: Timestamp, uid: &str) -> String {
    format!("{:013}.{uid}", last.as_millisecond().max(0))
}

pub(super) fn item(finding: &FindingRecord, now: Timestamp) -> Item {
    let of = &finding.summary;
    let uid = of.uid.to_string();
    let mut item = place(&pk(of.tenant), &uid);
    let optional = |value: &Option<String>| value.as_ref().map(text);
    let attributes = [
        (AT, Some(text(at(of.last, &uid)))),
        (OPEN, Some(text(open(of.tenant)))),
        ("rule_id", Some(text(&of.rule_id))),
        ("title", Some(text(&of.title))),
        ("level", Some(text(&of.level))),
        ("severity_id", Some(number(of.severity_id))),
        ("first_at", Some(millis(of.first))),
        ("last_at", Some(millis(of.last))),
        ("record_count", Some(number(of.count))),
        ("user_name", optional(&of.user)),
        ("address", optional(&of.address)),
        ("application", optional(&of.application)),
        ("operation", optional(&of.operation)),
        ("records", Some(texts(&finding.records))),
        ("rule_text", Some(text(&finding.rule))),
        ("event", Some(text(&finding.event))),
        ("found_at", Some(millis(now))),
        ("expires_at", Some(expiry(later(now, FINDING_KEPT)))),
    ];
    let set = attributes
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    item.extend(set);
    item
}

/// What makes an item unreadable is named with its key.
pub(super) fn damaged(item: &Item, attribute: &'static str) -> LedgerError {
    let part = |name| get_text(item, name).unwrap_or_default();
    LedgerError::Damaged {
        key: format!("{} {}", part(PK), part(SK)),
        attribute,
    }
}

pub(super) fn read(item: &Item) -> Result<Recorded, LedgerError> {
    let words = |name| {
        let text = get_text(item, name).map(str::to_owned);
        text.ok_or_else(|| damaged(item, name))
    };
    let ListedFinding {
        summary,
        handling,
        found_at,
    } = read_listed(item)?;
    Ok(Recorded {
        record: FindingRecord {
            summary,
            records: records(item),
            rule: words("rule_text")?,
            event: words("event")?,
        },
        handling,
        found_at,
        is_new: false,
        is_announced: item.contains_key(ANNOUNCED_AT),
    })
}

/// What the indexes have of it is enough.
pub(super) fn read_listed(item: &Item) -> Result<ListedFinding, LedgerError> {
    let words = |name| get_text(item, name).map(str::to_owned);
    let needed = |name| words(name).ok_or_else(|| damaged(item, name));
    let time = |name| get_millis(item, name).ok_or_else(|| damaged(item, name));
    let (tenant, uid) = place_of(item)?;
    Ok(ListedFinding {
        summary: FindingSummary {
            tenant,
            uid,
            rule_id: needed("rule_id")?,
            title: needed("title")?,
            level: needed("level")?,
            severity_id: get_number(item, "severity_id")
                .ok_or_else(|| damaged(item, "severity_id"))?,
            first: time("first_at")?,
            last: time("last_at")?,
            count: get_number(item, "record_count").ok_or_else(|| damaged(item, "record_count"))?,
            user: words("user_name"),
            address: words("address"),
            application: words("application"),
            operation: words("operation"),
        },
        handling: state::read(item),
        found_at: time("found_at")?,
    })
}

pub(super) fn place_of(item: &Item) -> Result<(TenantId, Uuid), LedgerError> {
    let tenant = get_text(item, PK).and_then(|pk| pk.strip_prefix(PREFIX)?.parse().ok());
    let uid = get_text(item, SK).and_then(|sk| sk.parse().ok());
    Ok((
        tenant.ok_or_else(|| damaged(item, PK))?,
        uid.ok_or_else(|| damaged(item, SK))?,
    ))
}

/// The ids of the records that made it.
pub(super) fn records(item: &Item) -> Vec<String> {
    let list = item.get("records").and_then(|list| list.as_l().ok());
    let texts = list.into_iter().flatten().map(AttributeValue::as_s);
    texts.filter_map(|text| text.ok().cloned()).collect()
}
