//! A stretch of objects whose events are sorted together.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};

use super::cursor::{EventPlace, ObjectPlace};
use super::read::{Hit, look};
use super::walk::{Candidate, Walk};
use super::{PAGE_EVENTS_MAX, PAGE_OBJECTS_MAX, SLICE_EVENTS_MAX, SLICE_OBJECTS_MAX, Searched};
use crate::clock::earlier;
use crate::content::event::Matcher;
use crate::store::lake::{Lake, LakeError};
use crate::store::ledger::LedgerError;

/// Longest slice, by when blobs became available.
const SPAN: Duration = Duration::from_secs(24 * 3600);

/// Objects that are read at once.
const READS_AT_ONCE: usize = 16;

/// Reads as many hours as it takes to know the next slice, or until `is_late`; `None` when there is nothing left, or when
/// nothing was found before it got late.
pub(super) async fn next(
    walk: &mut Walk<'_>,
    searched: &mut Searched,
    is_late: impl Fn() -> bool,
) -> Result<Option<Vec<Candidate>>, LedgerError> {
    loop {
        let front = walk.pending.front().map(|front| front.place.created());
        let is_whole = match front {
            Some(newest) => {
                walk.pending.len() >= SLICE_OBJECTS_MAX
                    || walk.pending.iter().map(|one| one.events).sum::<u64>() >= SLICE_EVENTS_MAX
                    || walk.read_to() <= earlier(newest, SPAN)
            }
            None => is_late(),
        };
        if is_whole || walk.is_over() {
            break;
        }
        walk.read_on(searched).await?;
    }
    Ok(cut(walk, searched))
}

/// Takes the next slice, no longer than what is left for the page.
fn cut(walk: &mut Walk<'_>, searched: &Searched) -> Option<Vec<Candidate>> {
    let oldest = earlier(walk.pending.front()?.place.created(), SPAN);
    let left = |most: u64, done: u64| most.saturating_sub(done);
    let objects_max = SLICE_OBJECTS_MAX
        .min(usize::try_from(left(PAGE_OBJECTS_MAX, searched.objects)).unwrap_or(usize::MAX));
    let events_max = SLICE_EVENTS_MAX.min(left(PAGE_EVENTS_MAX, searched.events));
    let mut events = 0;
    let fits = walk.pending.iter().enumerate().take_while(|(number, one)| {
        events += one.events;
        // One object always fits, so that each page comes further.
        *number == 0
            || (*number < objects_max && events <= events_max && one.place.created() > oldest)
    });
    let count = fits.count();
    Some(walk.pending.drain(..count).collect())
}

/// The slice that a page before has ended in: up to its last object, without those whose events were all shown.
pub(super) async fn again(
    walk: &mut Walk<'_>,
    last: ObjectPlace,
    after: EventPlace,
    searched: &mut Searched,
) -> Result<Vec<Candidate>, LedgerError> {
    while !walk.is_over() && walk.read_to() > last.created() {
        walk.read_on(searched).await?;
    }
    let count = walk.pending.partition_point(|one| one.place <= last);
    let slice = walk.pending.drain(..count);
    Ok(slice.filter(|one| one.oldest <= after.at()).collect())
}

/// The newest events of a slice.
pub(super) struct Newest {
    /// In their order.
    pub(super) hits: Vec<Hit>,
    /// Whether the slice has more of them.
    pub(super) more: bool,
}

/// Reads the newest `want` events of a slice that come after `after`: only as many objects as can have one of them.
pub(super) async fn newest(
    lake: &Lake,
    mut slice: Vec<Candidate>,
    matcher: &Arc<Matcher>,
    after: Option<EventPlace>,
    want: usize,
    searched: &mut Searched,
) -> Result<Newest, LakeError> {
    slice.sort_unstable_by_key(|candidate| (std::cmp::Reverse(candidate.newest), candidate.place));
    let newest: Vec<i64> = slice.iter().map(|candidate| candidate.newest).collect();
    // One more tells whether there are more.
    let most = want + 1;
    let looks = slice
        .into_iter()
        .map(|candidate| look(lake, candidate, matcher, after, most));
    let looks: Vec<_> = looks.collect();
    let mut looks = stream::iter(looks).buffered(READS_AT_ONCE);
    let mut hits: Vec<Hit> = Vec::new();
    let mut read = 0;
    while let Some(look) = looks.next().await {
        let look = look?;
        read += 1;
        searched.objects += 1;
        searched.events += look.events;
        searched.bytes += look.bytes;
        searched.unreadable += u64::from(look.is_unreadable);
        hits.extend(look.hits);
        hits.sort_unstable_by_key(|hit| hit.place);
        hits.truncate(most);
        let last = hits.get(want).map(|hit| hit.place.at());
        if let (Some(last), Some(next)) = (last, newest.get(read))
            && last > *next
        {
            break;
        }
    }
    let more = hits.len() > want;
    hits.truncate(want);
    Ok(Newest { hits, more })
}
