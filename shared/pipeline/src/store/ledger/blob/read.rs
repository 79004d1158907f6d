//! A blob's item as what it says.

use jiff::Timestamp;
use office365::ContentId;

use super::{Choice, Counts, Evidence, Repeated, damaged};
use crate::content::ContentRef;
use crate::store::ledger::LedgerError;
use crate::store::ledger::attribute::{
    Item, get_millis, get_number, get_parsed, get_text, millis, number, text,
};
use crate::store::ledger::key::{BlobHour, Key, PK, SK, UnknownKey};

/// Attributes of [`Choice`].
pub(super) const RAW_SHA256: &str = "raw_sha256";
pub(super) const CODEC: &str = "events_codec";

/// What its events are about ([`crate::content::event::Index`]).
pub(super) const INDEX: &str = "index";

/// Attributes of [`Evidence`]: count and first time of each kind, and the hash of the bytes that repeat.
const UNREADABLE: (&str, &str) = ("unreadable_count", "unreadable_since");
const SAME_BYTES: (&str, &str) = ("same_bytes_count", "same_bytes_since");
const SAME_SHA256: &str = "same_bytes_sha256";
const GONE: (&str, &str) = ("gone_count", "gone_since");

/// Attributes of [`Counts`], in its order.
pub(super) const COUNTS: [&str; 7] = [
    "records_in",
    "records_written",
    "records_routed",
    "records_dropped",
    "records_duplicate",
    "records_foreign",
    "records_malformed",
];

pub(super) fn read_key(item: &Item) -> Result<(BlobHour, ContentId), LedgerError> {
    let pk = get_text(item, PK).unwrap_or_default();
    let sk = get_text(item, SK).unwrap_or_default();
    match Key::parse(pk, sk)? {
        Key::Blob(hour, content) => Ok((hour, content)),
        _ => Err(UnknownKey.into()),
    }
}

/// The blob as its item says, which is as it was first announced.
pub(super) fn read_blob(item: &Item) -> Result<ContentRef, LedgerError> {
    let (hour, content_id) = read_key(item)?;
    let key = Key::Blob(hour, content_id.clone());
    Ok(ContentRef {
        tenant_id: hour.tenant,
        content_id,
        content_type: hour.content_type,
        content_created: get_millis(item, "content_created")
            .ok_or_else(|| damaged(&key, "content_created"))?,
        content_expiration: get_millis(item, "content_expiration")
            .ok_or_else(|| damaged(&key, "content_expiration"))?,
    })
}

pub(super) fn read_choice(item: &Item) -> Option<Choice> {
    Some(Choice {
        raw_sha256: get_text(item, RAW_SHA256)?.to_owned(),
        codec: get_parsed(item, CODEC).unwrap_or_default(),
    })
}

pub(super) fn read_counts(item: &Item) -> Option<Counts> {
    let [
        records,
        written,
        routed,
        dropped,
        duplicate,
        foreign,
        malformed,
    ] = COUNTS.map(|name| get_number(item, name));
    Some(Counts {
        records: records?,
        written: written?,
        routed: routed?,
        dropped: dropped?,
        duplicate: duplicate?,
        foreign: foreign?,
        malformed: malformed?,
    })
}

pub(super) fn read_evidence(item: &Item) -> Evidence {
    let repeated = |(count, since): (&str, &str)| {
        Some(Repeated {
            count: get_number(item, count)?,
            since: get_millis(item, since)?,
        })
    };
    Evidence {
        unreadable: repeated(UNREADABLE),
        same_bytes: get_text(item, SAME_SHA256)
            .map(str::to_owned)
            .zip(repeated(SAME_BYTES)),
        gone: repeated(GONE),
    }
}

/// The attributes that evidence has.
pub(super) fn evidence_attributes(evidence: &Evidence) -> Item {
    let mut item = Item::new();
    let mut set = |(count, since): (&str, &str), repeated: Repeated| {
        item.insert(count.to_owned(), number(repeated.count));
        item.insert(since.to_owned(), millis(repeated.since));
    };
    if let Some(repeated) = evidence.unreadable {
        set(UNREADABLE, repeated);
    }
    if let Some(repeated) = evidence.gone {
        set(GONE, repeated);
    }
    if let Some((sha256, repeated)) = &evidence.same_bytes {
        set(SAME_BYTES, *repeated);
        item.insert(SAME_SHA256.to_owned(), text(sha256));
    }
    item
}

/// Names of all attributes of evidence.
pub(super) const EVIDENCE: [&str; 7] = [
    UNREADABLE.0,
    UNREADABLE.1,
    SAME_BYTES.0,
    SAME_BYTES.1,
    SAME_SHA256,
    GONE.0,
    GONE.1,
];

/// What was read of one item. One that cannot be read must not hide the others: it is logged and passed over.
pub(super) fn readable<T>(read: Result<T, LedgerError>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(%error, "ledger item passed over"))
        .ok()
}

/// When an attempt may begin at the earliest: what a planned attempt waits for.
pub(super) fn read_not_before(item: &Item) -> Option<Timestamp> {
    get_millis(item, "not_before")
}
