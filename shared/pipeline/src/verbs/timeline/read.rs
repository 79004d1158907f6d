//! An object of events, and those in it that are searched for.

use std::sync::Arc;

use bytes::Bytes;
use columnar::{LinesError, each_line};
use office365::ContentType;

use super::cursor::EventPlace;
use super::place::EventId;
use super::walk::Candidate;
use crate::content::event::{Matcher, Row};
use crate::store::lake::object::OBJECT_BYTES_MAX;
use crate::store::lake::{Codec, Lake, LakeError};

/// Longest text of an object of events: 16 MiB and the longest line ([`columnar::LINE_BYTES_MAX`]), and the end of a
/// decompression bomb.
pub(super) const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An event that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    pub(super) place: EventPlace,
    /// Where it is.
    pub id: EventId,
    /// Under which subscription it came.
    pub content_type: ContentType,
    /// What is shown of it.
    pub row: Row,
}

/// What was found in an object.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The newest, in their order.
    pub(super) hits: Vec<Hit>,
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// It is gone or damaged.
    pub(super) is_unreadable: bool,
}

/// Why an object's lines were not read to their end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("its text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// What was wanted is there.
    #[error("enough")]
    Enough,
}

/// Reads an object for the newest `most` events after `after`.
pub(super) async fn look(
    lake: &Lake,
    candidate: Candidate,
    matcher: &Arc<Matcher>,
    after: Option<EventPlace>,
    most: usize,
) -> Result<Look, LakeError> {
    let path = candidate.path.clone();
    let Some(content) = stored(lake, &candidate).await? else {
        return Ok(Look {
            is_unreadable: true,
            ..Look::default()
        });
    };
    let matcher = Arc::clone(matcher);
    let looked =
        tokio::task::spawn_blocking(move || look_at(&content, &candidate, &matcher, after, most));
    Ok(looked.await?.unwrap_or_else(|error| {
        tracing::warn!(%path, %error, "object not searched");
        Look {
            is_unreadable: true,
            ..Look::default()
        }
    }))
}

/// The object's bytes; none when it is gone, or larger than one that was ever written.
async fn stored(lake: &Lake, candidate: &Candidate) -> Result<Option<Bytes>, LakeError> {
    match lake.read_if_there(&candidate.path, OBJECT_BYTES_MAX).await {
        Ok(Some(stored)) => Ok(Some(stored.content)),
        Ok(None) => {
            tracing::warn!(path = %candidate.path, "object not searched: it is gone");
            Ok(None)
        }
        Err(error @ LakeError::TooLarge { .. }) => {
            tracing::warn!(%error, "object not searched");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn look_at(
    content: &Bytes,
    candidate: &Candidate,
    matcher: &Matcher,
    after: Option<EventPlace>,
    most: usize,
) -> Result<Look, Stopped> {
    let mut look = Look {
        bytes: content.len() as u64,
        ..Look::default()
    };
    each_numbered(content, candidate.path.as_ref(), |line, text| {
        look.events += 1;
        let Some(at) = matcher.matches(text, candidate.blob.content_created) else {
            return Ok(());
        };
        let place = EventPlace::new(at, candidate.place, line);
        if after.is_some_and(|after| place <= after) {
            return Ok(());
        }
        // Rows of what will not be shown are not made.
        if look.hits.len() >= most && look.hits.last().is_some_and(|last| place > last.place) {
            return Ok(());
        }
        let row = Row::read(text);
        let hit = Hit {
            place,
            id: EventId::new(&candidate.blob, candidate.part, line, row.uid.as_deref()),
            content_type: candidate.blob.content_type,
            row,
        };
        let before = look.hits.partition_point(|other| other.place < place);
        look.hits.insert(before, hit);
        look.hits.truncate(most);
        Ok(())
    })?;
    Ok(look)
}

/// Calls `line` with each line of an object and its number, until it fails.
pub(super) fn each_numbered(
    content: &[u8],
    path: &str,
    mut line: impl FnMut(usize, &[u8]) -> Result<(), Stopped>,
) -> Result<(), Stopped> {
    let reader = Codec::of(path).reader(content).map_err(LinesError::Read)?;
    let (mut number, mut bytes) = (0, 0);
    each_line(reader, |text| {
        bytes += text.len();
        if bytes > TEXT_BYTES_MAX {
            return Err(Stopped::TooLong);
        }
        line(number, text)?;
        number += 1;
        Ok(())
    })
}
