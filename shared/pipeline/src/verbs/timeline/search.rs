//! A page of events.

use std::sync::Arc;

use jiff::Timestamp;

use super::cursor::Cursor;
use super::read::Hit;
use super::walk::Walk;
use super::{
    Filter, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, PAGE_OBJECTS_MAX, PAGE_TIME_MAX, Searched, Stores,
    TimelineError, slice,
};
use crate::clock::{Clock, later};
use crate::content::event::Matcher;

/// A page of a search.
#[derive(Debug)]
pub struct Page {
    /// The events, newest first. There may be none although there is a next page.
    pub hits: Vec<Hit>,
    /// Where the next page begins; none when the search came to its end.
    pub next: Option<Cursor>,
    /// Events before this, and what was published before it, are on further pages.
    pub searched_back_to: Timestamp,
    /// What was looked at for this page.
    pub searched: Searched,
    /// Whether the search came to its end, and nothing on the way was unreadable.
    pub complete: bool,
    /// The period that was searched.
    pub period: (Timestamp, Timestamp),
}

/// Searches for the next `limit` events.
///
/// # Errors
/// [`TimelineError`]
pub async fn search(
    stores: Stores<'_>,
    filter: &Filter,
    limit: usize,
    cursor: Option<Cursor>,
    clock: Clock,
) -> Result<Page, TimelineError> {
    let begun = clock.now();
    let as_of = cursor.map_or(begun, |cursor| cursor.as_of());
    let period = filter.period(as_of);
    let matcher = Arc::new(Matcher::new(filter.wanted.clone(), period.0, period.1));
    let start = cursor.map(|cursor| cursor.next);
    let mut walk = Walk::new(stores, filter.tenant, &matcher, as_of, start, period.0);
    let mut searched = Searched::default();
    let is_late = || clock.now() > later(begun, PAGE_TIME_MAX);
    let mut within = cursor.and_then(|cursor| cursor.within);
    let mut hits: Vec<Hit> = Vec::new();
    // Where the slice goes on in which the page ends.
    let mut rest = None;
    loop {
        let (slice, after) = match within.take() {
            Some((last, after)) => {
                let slice = slice::again(&mut walk, last, after, &mut searched).await?;
                (slice, Some((last, after)))
            }
            None => match slice::next(&mut walk, &mut searched, is_late).await? {
                Some(slice) => (slice, None),
                None => break,
            },
        };
        let ends = match after {
            Some((last, _)) => start.map(|first| (first, last)),
            None => slice
                .first()
                .zip(slice.last())
                .map(|(first, last)| (first.place, last.place)),
        };
        let want = limit - hits.len();
        let after = after.map(|(_, after)| after);
        let newest =
            slice::newest(stores.lake, slice, &matcher, after, want, &mut searched).await?;
        let last = newest.hits.last().map(|hit| hit.place);
        hits.extend(newest.hits);
        if newest.more {
            rest = ends.zip(last);
            break;
        }
        if hits.len() >= limit || is_spent(&searched) || is_late() {
            break;
        }
    }
    let flawed = searched.unreadable > 0 || cursor.is_some_and(|cursor| cursor.flawed);
    let is_over = rest.is_none() && walk.is_over() && walk.pending.is_empty();
    let (next, within) = match rest {
        Some(((first, last), shown)) => (first, Some((last, shown))),
        None => (walk.next(), None),
    };
    hits.sort_by_key(|hit| hit.place);
    let reached = within.map(|(_, shown)| Timestamp::from_millisecond(shown.at()));
    let reached = reached
        .and_then(Result::ok)
        .unwrap_or_else(|| next.created());
    Ok(Page {
        hits,
        next: (!is_over).then(|| Cursor::new(as_of, filter, next, within, flawed)),
        searched_back_to: if is_over {
            period.0
        } else {
            reached.max(period.0)
        },
        searched,
        complete: is_over && !flawed,
        period,
    })
}

fn is_spent(searched: &Searched) -> bool {
    searched.objects >= PAGE_OBJECTS_MAX
        || searched.events >= PAGE_EVENTS_MAX
        || searched.bytes >= PAGE_BYTES_MAX
}
