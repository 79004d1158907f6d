//! Back through the ledger, hour by hour, to the objects that can match.

use std::collections::VecDeque;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::path::Path;
use office365::{ContentType, TenantId};

use super::cursor::ObjectPlace;
use super::{Searched, Stores};
use crate::clock::{Hour, earlier, later};
use crate::content::ContentRef;
use crate::content::event::Matcher;
use crate::store::lake::key;
use crate::store::ledger::LedgerError;
use crate::store::ledger::blob::Indexed;
use crate::store::ledger::key::BlobHour;

/// Hours whose items are read together: few at first, because a busy tenant's first page wants the newest alone; a day, the hour
/// ahead and the one that it ends in make the first slice of a quiet one.
const WINDOWS: [usize; 3] = [2, 6, 18];

/// The same after that.
const WINDOW: usize = 24;

/// Queries at once. Each takes some milliseconds.
const QUERIES_AT_ONCE: usize = 32;

/// How far Microsoft's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(3600);

/// An object that can have what is searched for.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) place: ObjectPlace,
    pub(super) blob: ContentRef,
    pub(super) part: usize,
    pub(super) path: Path,
    /// When its oldest and its newest event count as having happened, at the earliest and at the latest.
    pub(super) oldest: i64,
    pub(super) newest: i64,
    /// How many events it has, about.
    pub(super) events: u64,
}

/// The way back.
pub(super) struct Walk<'a> {
    stores: Stores<'a>,
    tenant: TenantId,
    matcher: &'a Matcher,
    as_of: Timestamp,
    /// What stands before it was searched already.
    start: ObjectPlace,
    /// The hour that is read next, and the last one.
    hour: Hour,
    last: Hour,
    windows: usize,
    /// What was found, in its order, and is not searched yet.
    pub(super) pending: VecDeque<Candidate>,
}

impl<'a> Walk<'a> {
    /// From `start`, or from the newest hour, to the hour of `from`.
    pub(super) fn new(
        stores: Stores<'a>,
        tenant: TenantId,
        matcher: &'a Matcher,
        as_of: Timestamp,
        start: Option<ObjectPlace>,
        from: Timestamp,
    ) -> Self {
        let start = start.unwrap_or_else(|| ObjectPlace::from(later(as_of, AHEAD)));
        Self {
            stores,
            tenant,
            matcher,
            as_of,
            hour: Hour::of(start.created()),
            start,
            // No event happened after its publication, so none of the period is in an hour before.
            last: Hour::of(from),
            windows: 0,
            pending: VecDeque::new(),
        }
    }

    /// Whether all hours were read.
    pub(super) fn is_over(&self) -> bool {
        self.hour < self.last
    }

    /// Everything that became available at or after this moment was read.
    pub(super) fn read_to(&self) -> Timestamp {
        self.hour.end()
    }

    /// The place of what is searched next.
    pub(super) fn next(&self) -> ObjectPlace {
        let front = self.pending.front().map(|front| front.place);
        let before = earlier(self.read_to(), Duration::from_millis(1));
        front.unwrap_or_else(|| ObjectPlace::from(before).max(self.start))
    }

    /// Reads some more hours.
    pub(super) async fn read_on(&mut self, searched: &mut Searched) -> Result<(), LedgerError> {
        let window = WINDOWS.get(self.windows).copied().unwrap_or(WINDOW);
        self.windows += 1;
        let mut hours = Vec::new();
        while hours.len() < window && !self.is_over() {
            hours.push(self.hour);
            self.hour = Hour::of(earlier(self.hour.start(), Duration::from_secs(1)));
        }
        let (ledger, tenant) = (self.stores.ledger, self.tenant);
        let partitions = hours.into_iter().flat_map(|hour| {
            ContentType::ALL.map(|content_type| BlobHour {
                tenant,
                content_type,
                hour,
            })
        });
        let partitions: Vec<BlobHour> = partitions.collect();
        let asked = partitions.iter().map(|of| ledger.indexed(of));
        let asked: Vec<_> = asked.collect();
        let blobs: Vec<Vec<Indexed>> = stream::iter(asked)
            .buffer_unordered(QUERIES_AT_ONCE)
            .try_collect()
            .await?;
        let mut found = Vec::new();
        for blob in blobs.into_iter().flatten() {
            self.look_at(blob, &mut found, searched);
        }
        found.sort_unstable_by_key(|candidate| candidate.place);
        self.pending.extend(found);
        Ok(())
    }

    fn look_at(&self, of: Indexed, found: &mut Vec<Candidate>, searched: &mut Searched) {
        let is_new = of.done_at > self.as_of;
        if is_new || of.events == 0 || ObjectPlace::of(&of.blob, usize::MAX) < self.start {
            return;
        }
        searched.blobs += 1;
        let Some((index, choice)) = of.index.zip(of.choice) else {
            tracing::warn!(content.id = %of.blob.content_id, "blob not searched: it has no index that can be read");
            searched.unreadable += 1;
            return;
        };
        if !self.matcher.may_be_in(&index) {
            return;
        }
        let objects = index.objects();
        for part in 0..objects {
            let place = ObjectPlace::of(&of.blob, part);
            if place >= self.start {
                found.push(Candidate {
                    place,
                    part,
                    path: key::events(&of.blob, index.schema(), choice.codec, part),
                    oldest: index.span().0,
                    newest: index.span().1,
                    events: of.events / objects as u64,
                    blob: of.blob.clone(),
                });
            }
        }
    }
}
