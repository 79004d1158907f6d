//! Where a page ended, as an opaque text.

use std::fmt::{self, Display};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use office365::ContentType;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Filter;
use crate::content::ContentRef;

/// Longest text of a cursor or an event's id: a content id has at most 512 characters.
pub(super) const TEXT_BYTES_MAX: usize = 1_024;

/// The place of an object in a search: newest first, by when its blob became available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectPlace {
    /// Negative milliseconds of contentCreated.
    before: i64,
    content_type: u8,
    /// Of the content id: which of two blobs of one moment comes first does not matter, as long as it is always the same one.
    id: u64,
    part: u32,
}

impl ObjectPlace {
    pub(super) fn of(blob: &ContentRef, part: usize) -> Self {
        let hash = Sha256::digest(blob.content_id.as_str());
        let first: [u8; 8] = hash.first_chunk().copied().unwrap_or_default();
        Self {
            before: -blob.content_created.as_millisecond(),
            content_type: type_number(blob.content_type),
            id: u64::from_be_bytes(first),
            part: u32::try_from(part).unwrap_or(u32::MAX),
        }
    }

    /// The place of what became available at `created`, before all that became available then.
    pub(super) fn from(created: Timestamp) -> Self {
        Self {
            before: -created.as_millisecond(),
            content_type: 0,
            id: 0,
            part: 0,
        }
    }

    /// When the blob became available.
    pub(super) fn created(&self) -> Timestamp {
        Timestamp::from_millisecond(self.before.saturating_neg()).unwrap_or(Timestamp::MIN)
    }
}

/// The place of an event in its slice: newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventPlace {
    /// Negative milliseconds of when it counts as having happened.
    before: i64,
    object: ObjectPlace,
    line: u32,
}

impl EventPlace {
    pub(super) fn new(at: i64, object: ObjectPlace, line: usize) -> Self {
        Self {
            before: at.saturating_neg(),
            object,
            line: u32::try_from(line).unwrap_or(u32::MAX),
        }
    }

    /// When it counts as having happened, in milliseconds since 1970.
    pub(super) fn at(&self) -> i64 {
        self.before.saturating_neg()
    }
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the search began, in milliseconds: what came into the lake after it is not seen.
    pub(super) as_of: i64,
    /// Of what is searched for: a cursor goes on with its own search alone.
    filter: u32,
    /// The first object of the next slice, or of the one that the page ended in.
    pub(super) next: ObjectPlace,
    /// That slice's last object, and the last of its events that was shown.
    pub(super) within: Option<(ObjectPlace, EventPlace)>,
    /// Whether something could not be read on a page before.
    pub(super) flawed: bool,
}

/// The text is no cursor, or that of another search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no cursor of this search")]
pub struct InvalidCursor;

impl Cursor {
    pub(super) fn new(
        as_of: Timestamp,
        filter: &Filter,
        next: ObjectPlace,
        within: Option<(ObjectPlace, EventPlace)>,
        flawed: bool,
    ) -> Self {
        Self {
            as_of: as_of.as_millisecond(),
            filter: fingerprint(filter),
            next,
            within,
            flawed,
        }
    }

    /// Reads the cursor of a search for `filter`.
    ///
    /// # Errors
    /// [`InvalidCursor`]
    pub fn read(text: &str, filter: &Filter) -> Result<Self, InvalidCursor> {
        let cursor: Self = text.parse()?;
        if cursor.filter == fingerprint(filter) {
            Ok(cursor)
        } else {
            Err(InvalidCursor)
        }
    }

    /// When the search began.
    pub(super) fn as_of(&self) -> Timestamp {
        Timestamp::from_millisecond(self.as_of).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&Compact::of(self)).map_err(|_| fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(InvalidCursor);
        }
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let compact: Compact = serde_json::from_slice(&json).map_err(|_| InvalidCursor)?;
        Ok(compact.into())
    }
}

type Place = (i64, u8, u64, u32);

/// A cursor as a list of lists: without names it is half as long.
#[derive(Serialize, Deserialize)]
struct Compact(i64, u32, Place, Option<(Place, (i64, Place, u32))>, bool);

impl Compact {
    fn of(cursor: &Cursor) -> Self {
        let place = |of: ObjectPlace| (of.before, of.content_type, of.id, of.part);
        let within = cursor.within.map(|(last, event)| {
            let shown = (event.before, place(event.object), event.line);
            (place(last), shown)
        });
        Self(
            cursor.as_of,
            cursor.filter,
            place(cursor.next),
            within,
            cursor.flawed,
        )
    }
}

impl From<Compact> for Cursor {
    fn from(Compact(as_of, filter, next, within, flawed): Compact) -> Self {
        let place = |(before, content_type, id, part): Place| ObjectPlace {
            before,
            content_type,
            id,
            part,
        };
        Self {
            as_of,
            filter,
            next: place(next),
            within: within.map(|(last, (before, object, line))| {
                let object = place(object);
                let shown = EventPlace {
                    before,
                    object,
                    line,
                };
                (place(last), shown)
            }),
            flawed,
        }
    }
}

/// A number of what is searched for.
fn fingerprint(filter: &Filter) -> u32 {
    let hash = Sha256::digest(format!("{filter:?}"));
    u32::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

/// The number of a content type in cursors and events' ids.
pub(super) fn type_number(of: ContentType) -> u8 {
    let place = ContentType::ALL.iter().position(|known| *known == of);
    place
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::event::Wanted;

    fn filter(text: Option<&str>) -> Filter {
        Filter {
            tenant: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            from: None,
            to: None,
            wanted: Wanted {
                text: text.map(str::to_owned),
                ..Wanted::default()
            },
        }
    }

    fn place(created: &str, part: usize) -> ObjectPlace {
        let blob = ContentRef {
            tenant_id: filter(None).tenant,
            content_type: ContentType::DlpAll,
            content_id: "a$b".parse().unwrap(),
            content_created: created.parse().unwrap(),
            content_expiration: Timestamp::MAX,
        };
        ObjectPlace::of(&blob, part)
    }

    #[test]
    fn places_stand_newest_first() {
        let newest = place("2026-03-02T10:00:00Z", 0);
        assert!(newest < place("2026-03-02T10:00:00Z", 1));
        assert!(place("2026-03-02T10:00:00Z", 9) < place("2026-03-01T10:00:00Z", 0));
        assert_eq!(newest.created().to_string(), "2026-03-02T10:00:00Z");
        assert!(EventPlace::new(5, newest, 9) < EventPlace::new(4, newest, 0));
        assert!(EventPlace::new(5, newest, 1) < EventPlace::new(5, newest, 2));
    }

    #[test]
    fn a_cursor_goes_on_with_its_own_search_alone() {
        let (object, of) = (place("2026-03-02T10:00:00Z", 3), filter(Some("x")));
        let within = Some((object, EventPlace::new(5, object, 7)));
        let now = "2026-03-02T11:00:00Z".parse().unwrap();
        let cursor = Cursor::new(now, &of, object, within, true);
        let text = cursor.to_string();
        assert!(text.len() < 250, "{text}");
        assert_eq!(Cursor::read(&text, &of), Ok(cursor));
        assert_eq!(Cursor::read(&text, &filter(None)), Err(InvalidCursor));
        for bad in ["", "x", "e30", "x".repeat(2_000).as_str()] {
            assert_eq!(Cursor::read(bad, &of), Err(InvalidCursor), "{bad}");
        }
    }
}
