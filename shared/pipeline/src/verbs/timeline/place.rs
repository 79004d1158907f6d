//! An event's id in the API: where its line is.

use std::fmt::{self, Display};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use office365::{ContentId, ContentType, TenantId};
use sha2::{Digest as _, Sha256};

use super::cursor::{TEXT_BYTES_MAX, type_number};
use crate::clock::Hour;
use crate::content::ContentRef;
use crate::store::ledger::key::{BlobHour, Key};

/// Where an event's line is, within a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventId {
    content_type: ContentType,
    created: Timestamp,
    content_id: ContentId,
    pub(super) part: usize,
    pub(super) line: usize,
    /// Of the record's Id: once a replay has made the blob's events anew, another event may stand at this line.
    check: u32,
}

/// The text is no event's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no id of an event")]
pub struct InvalidEventId;

impl EventId {
    pub(super) fn new(blob: &ContentRef, part: usize, line: usize, uid: Option<&str>) -> Self {
        Self {
            content_type: blob.content_type,
            created: blob.content_created,
            content_id: blob.content_id.clone(),
            part,
            line,
            check: check(uid),
        }
    }

    /// The ledger's key of the blob.
    pub(super) fn key(&self, tenant: TenantId) -> Key {
        let hour = BlobHour {
            tenant,
            content_type: self.content_type,
            hour: Hour::of(self.created),
        };
        Key::Blob(hour, self.content_id.clone())
    }

    /// Whether this is the event of the record with that Id.
    pub(super) fn is_of(&self, uid: Option<&str>) -> bool {
        self.check == check(uid)
    }
}

fn check(uid: Option<&str>) -> u32 {
    let hash = Sha256::digest(uid.unwrap_or_default());
    u32::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

impl Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            created,
            part,
            line,
            check,
            content_id,
            ..
        } = self;
        let (of, created) = (type_number(self.content_type), created.as_millisecond());
        let text = format!("{of} {created:x} {part:x} {line:x} {check:x} {content_id}");
        f.write_str(&URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        read(text).ok_or(InvalidEventId)
    }
}

fn read(text: &str) -> Option<EventId> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut parts = text.splitn(6, ' ');
    let of: usize = parts.next()?.parse().ok()?;
    let created = i64::from_str_radix(parts.next()?, 16).ok()?;
    Some(EventId {
        content_type: *ContentType::ALL.get(of)?,
        created: Timestamp::from_millisecond(created).ok()?,
        part: usize::from_str_radix(parts.next()?, 16).ok()?,
        line: usize::from_str_radix(parts.next()?, 16).ok()?,
        check: u32::from_str_radix(parts.next()?, 16).ok()?,
        content_id: parts.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_read_as_it_was_written(part in 0_usize..500, line in 0_usize..1_000_000, id in "[A-Za-z0-9$!'()*+,;=:@~_-]{1,200}") {
            let blob = ContentRef {
                tenant_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
                content_type: ContentType::AuditGeneral,
                content_id: id.parse().unwrap(),
                content_created: Timestamp::from_millisecond(1_772_359_201_123).unwrap(),
                content_expiration: Timestamp::MAX,
            };
            let id = EventId::new(&blob, part, line, Some("uid"));
            prop_assert_eq!(id.to_string().parse(), Ok(id.clone()));
            prop_assert!(id.is_of(Some("uid")) && !id.is_of(None));
        }

        #[test]
        fn any_text_is_an_id_or_none(text in ".{0,100}") {
            _ = text.parse::<EventId>();
            _ = URL_SAFE_NO_PAD.encode(&text).parse::<EventId>();
        }
    }
}
