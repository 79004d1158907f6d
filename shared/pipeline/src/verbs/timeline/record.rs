//! One event, and the record that it was made of.

use std::io::Write as _;

use flate2::write::MultiGzDecoder;
use office365::TenantId;
use records::{BlobLimits, RecordSplitter};
use serde::Serialize;
use serde_json::value::RawValue;

use super::place::EventId;
use super::read::{Stopped, each_numbered};
use super::{Stores, TimelineError};
use crate::content::event::Row;
use crate::store::lake::object::OBJECT_BYTES_MAX;
use crate::store::lake::{Lake, LakeError, key};
use crate::store::ledger::blob::Indexed;

/// Longest event that is shown, in bytes: Lambda's answer has 6 MB. Longer ones are in the lake.
pub const EVENT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Longest record that is shown, in bytes.
pub const RAW_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Text of a raw copy that is looked through for a record: two seconds of one processor, and more than nearly every blob has.
const RAW_TEXT_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Bytes that are decompressed at once: they become 17 MB at most, since deflate makes 1,032 of one.
const DECODED_AT_ONCE: usize = 16 * 1024;

/// Limits of the raw copy: it was taken apart before, when it came.
const LIMITS: BlobLimits = BlobLimits {
    body_bytes_max: RAW_TEXT_BYTES_MAX,
    record_bytes_max: 8 * 1024 * 1024,
    records_max: 2_000_000,
};

/// An event with its record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = EventDetail)]
pub struct Found {
    /// As it is in the lake. Null when it is longer than [`EVENT_BYTES_MAX`].
    #[schema(value_type = Option<serde_json::Value>)]
    pub event: Option<Box<RawValue>>,
    /// As Microsoft sent it, but for its secrets.
    #[schema(value_type = Option<serde_json::Value>)]
    pub raw: Option<Box<RawValue>>,
    /// Why there is no record.
    pub raw_missing: Option<Missing>,
    /// The key of the event's object.
    pub object: String,
}

/// Why a record is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RawMissing)]
pub enum Missing {
    /// The raw copy is not in the lake (any more), or damaged.
    NotKept,
    /// The record has no Id to find it by.
    WithoutId,
    /// It, or the copy before it, is too long to be looked through here.
    TooLong,
    /// It is not in the copy as a record that can be read.
    NotFound,
}

/// Reads an event; `None` when there is none of that id.
///
/// # Errors
/// [`TimelineError`]
pub async fn event(
    stores: Stores<'_>,
    tenant: TenantId,
    id: &EventId,
) -> Result<Option<Found>, TimelineError> {
    let Some(blob) = stores.ledger.indexed_blob(&id.key(tenant)).await? else {
        return Ok(None);
    };
    let (Some(index), Some(choice)) = (&blob.index, &blob.choice) else {
        return Ok(None);
    };
    let path = key::events(&blob.blob, index.schema(), choice.codec, id.part);
    let stored = stores.lake.read_if_there(&path, OBJECT_BYTES_MAX).await?;
    let Some(stored) = stored else {
        return Ok(None);
    };
    let mut line = None;
    let wanted = id.line;
    let read = each_numbered(&stored.content, path.as_ref(), |number, text| {
        if number < wanted {
            return Ok(());
        }
        line = Some(text.to_vec());
        Err(Stopped::Enough)
    });
    if let Err(error @ (Stopped::Lines(_) | Stopped::TooLong)) = read {
        tracing::warn!(%path, %error, "event not found: its object cannot be read");
    }
    let Some(line) = line else {
        return Ok(None);
    };
    let uid = Row::read(&line).uid;
    if !id.is_of(uid.as_deref()) {
        return Ok(None);
    }
    let record = match &uid {
        Some(uid) => raw(stores.lake, &blob, uid).await?,
        None => Err(Missing::WithoutId),
    };
    Ok(Some(Found {
        event: (line.len() <= EVENT_BYTES_MAX)
            .then(|| json(&line))
            .flatten(),
        raw_missing: record.as_ref().err().copied(),
        raw: record.ok(),
        object: path.into(),
    }))
}

/// The record with this Id, from the raw copy.
async fn raw(
    lake: &Lake,
    blob: &Indexed,
    uid: &str,
) -> Result<Result<Box<RawValue>, Missing>, LakeError> {
    let Some(choice) = &blob.choice else {
        return Ok(Err(Missing::NotKept));
    };
    let path = key::raw(&blob.blob, &choice.raw_sha256);
    let mut stored = match lake.open_object(&path).await {
        Ok(stored) => stored,
        Err(error) if error.is_missing_or_damaged() => return Ok(Err(Missing::NotKept)),
        Err(error) => return Err(error),
    };
    let mut gzip = MultiGzDecoder::new(Vec::new());
    let mut splitter = RecordSplitter::new(LIMITS);
    let mut found = None;
    while let Some(chunk) = stored.chunk().await? {
        for part in chunk.chunks(DECODED_AT_ONCE) {
            if gzip.write_all(part).is_err() {
                return Ok(Err(Missing::NotKept));
            }
            let text = std::mem::take(gzip.get_mut());
            let split = splitter.push(&text.into(), |element| {
                if found.is_none() && is_of(&element, uid) {
                    found = Some(element);
                }
            });
            // The first one is the event's: later ones of its Id are duplicates.
            if let Some(record) = found {
                return Ok(shown(&record));
            }
            if split.is_err() {
                return Ok(Err(Missing::TooLong));
            }
        }
        tokio::task::yield_now().await;
    }
    // What the decoder holds back until its end.
    if gzip.try_finish().is_ok() {
        let text = std::mem::take(gzip.get_mut());
        _ = splitter.push(&text.into(), |element| {
            if found.is_none() && is_of(&element, uid) {
                found = Some(element);
            }
        });
    }
    Ok(found.map_or(Err(Missing::NotFound), |record| shown(&record)))
}

fn is_of(element: &[u8], uid: &str) -> bool {
    let identity = normalize::identify(element).ok();
    identity.is_some_and(|identity| identity.id.as_deref().map(str::trim) == Some(uid))
}

/// A record without its secrets, whatever the deployment redacts: who may read events need not know them.
fn shown(record: &[u8]) -> Result<Box<RawValue>, Missing> {
    if record.len() > RAW_BYTES_MAX {
        return Err(Missing::TooLong);
    }
    let clean = normalize::redact_element(record);
    json(clean.as_deref().unwrap_or(record)).ok_or(Missing::NotFound)
}

fn json(text: &[u8]) -> Option<Box<RawValue>> {
    serde_json::from_slice(text).ok()
}
