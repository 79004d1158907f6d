//! Which blob a record belongs to: the first that claims it, for good.
//!
//! # The protocol
//!
//! A tenant's records are kept in one log for each [`ClaimBucket`], mostly the hour of their CreationTime. A log is a partition
//! of the table, and its entries are numbered from 0. An entry names blobs and the [`RecordId`]s that each owns. To claim its
//! records, a blob does this for each log that they are kept in:
//!
//! 1. Read the entries that this process does not know yet, strongly consistently.
//! 2. A record that is in an entry belongs to that entry's blob. If all are, that is the answer.
//! 3. Otherwise append an entry with those that are in none, on the condition that its number, the one after the last known
//!    entry, is free. If it is, they are the blob's. If not, somebody was faster: from 1. again.
//!
//! An entry is never changed, and whoever appends one has read all before it. So a record is in one entry at most, the answer
//! is the same at every attempt, and it makes no difference where an attempt ended: an attempt after it finds what the former
//! appended, even when the answer to that was lost, and appends what is missing. Two workers at one blob get the same answer,
//! for they claim in the blob's name and not in their own. Records of which there are too many for one entry make several.
//!
//! Blobs of one process take turns at a log, and whoever has its turn appends for those that wait as well: an entry with several
//! blobs is the same as their entries one after the other.
//!
//! When nobody else had appended the last time that this process looked, it appends without reading first: the condition
//! refuses it when that has changed.
//!
//! # When entries go
//!
//! An entry expires [`CLAIM_KEPT`] after it was appended, and no earlier than the one before it. DynamoDB deletes expired
//! entries in no order, days later. That frees their records, and changes nothing about the others, for no record is in two
//! entries. But the numbers must not begin anew beside a process that remembers the old ones:
//!
//! * What a process remembers of a log counts only until the log's last known entry is about to expire.
//! * Nothing is appended after an entry that is about to expire, or has: first it is kept for as long again, on the condition
//!   that it is still there and unchanged. If it is not, the log is read anew.
//!
//! # What it costs
//!
//! A write unit for each 1 KB appended, which is 60 records, or those that a process claims at once in that hour; half a read unit for each 4 KB read,
//! and nothing where all records are known already, or where a process is alone. One record a write was 60 times as much.

pub(super) mod bucket;
mod cache;
mod entry;
mod group;
mod id;
mod log;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use tokio::sync::Semaphore;

pub use self::bucket::ClaimBucket;
use self::bucket::Place;
use self::cache::Cache;
use self::entry::{Entries, Entry, Part};
use self::group::Wish;
use self::id::OwnerId;
pub use self::id::RecordId;
use self::log::Log;
use super::key::Key;
use super::{CLAIM_KEPT, LedgerError};
use crate::backoff::Backoff;
use crate::clock::later;
use crate::content::ContentRef;
use crate::teeth::{Tooth, bites};

/// Most Ids in an entry: 400,000 bytes, where an item has 409,600 at most. The rest is for its key and the blobs, which
/// have 2,200.
pub const ENTRY_IDS_MAX: usize = 25_000;

/// Most Ids that a process remembers: two hours of a tenant with a million records an hour. In the hash tables an Id takes 24
/// to 48 bytes, so 2,000,000 are 50 to 100 MB.
pub const REMEMBERED_IDS_MAX: usize = 2_000_000;

/// Logs that one blob's records are claimed in at once. A blob's records are mostly of one to four hours.
const LOGS_AT_ONCE_MAX: usize = 8;

/// Logs that a process reads from their beginning at once, for all its blobs. Such a log may have 16 MB, each 1 MB takes 128
/// read units, and a partition gives 3,000 a second.
const COLD_READS_MAX: usize = 4;

/// Most answers to one reading of a log, of 1 MB each: 60 million Ids. Only a fault makes a log so long.
const PAGES_MAX: u32 = 1_000;

/// How often others may be faster at one log. With 50 processes that append all the time, one of them waits for 50 others if
/// it is unlucky; the back-off makes it fewer.
const LOST_RACES_MAX: u32 = 64;

/// Between attempts to append, from the second race lost in a row: an append takes about 10 ms.
const LOST_RACE_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(10),
    longest: Duration::from_millis(500),
};

/// How much a claim log remembers and writes at once. The default is right but for tests, which want less.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// [`ENTRY_IDS_MAX`]
    pub entry_ids: usize,
    /// [`REMEMBERED_IDS_MAX`]. Logs used the longest ago are forgotten first. A single log with more is not remembered: each
    /// claim in it reads it whole.
    pub remembered_ids: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entry_ids: ENTRY_IDS_MAX,
            remembered_ids: REMEMBERED_IDS_MAX,
        }
    }
}

/// The claim logs of all tenants, and what this process remembers of them. Clones share that.
#[derive(Clone, Debug)]
pub struct ClaimLog {
    entries: Entries,
    limits: Limits,
    cache: Arc<Cache>,
    cold_reads: Arc<Semaphore>,
}

impl ClaimLog {
    /// The logs in a table. Of one process there should be one: what two remember is kept twice, and they race.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self::with_limits(client, table, Limits::default())
    }

    /// The same as [`Self::new`], with other limits.
    #[must_use]
    pub fn with_limits(client: Client, table: String, limits: Limits) -> Self {
        Self {
            entries: Entries::new(client, table),
            limits,
            cache: Arc::default(),
            cold_reads: Arc::new(Semaphore::new(COLD_READS_MAX)),
        }
    }

    /// Claims records for a blob, and says for each, in order, whether the blob owns it. The answer is the same at every
    /// attempt at the blob. Of records with the same Id among them, only the first can be the blob's.
    ///
    /// Takes one or two round trips, if nobody else claims in the same logs: they are asked side by side.
    ///
    /// # Errors
    /// [`LedgerError`]. What was claimed so far stands, and is found by the next attempt.
    pub async fn claim(
        &self,
        blob: &ContentRef,
        records: &[(ClaimBucket, RecordId)],
        now: Timestamp,
    ) -> Result<Vec<bool>, LedgerError> {
        let owner = OwnerId::of(&owner_name(blob));
        let mut owned = first_occurrences(records.iter().map(|(_, id)| *id));
        let mut buckets = BTreeMap::<ClaimBucket, Vec<usize>>::new();
        for (at, (bucket, _)) in records.iter().enumerate() {
            let bucket = if bites(Tooth::ClaimedByBlobHour) {
                let hours = blob.content_created.as_second() / 3_600;
                &ClaimBucket::Hour(u32::try_from(hours).unwrap_or_default())
            } else {
                bucket
            };
            if owned[at] {
                buckets.entry(*bucket).or_default().push(at);
            }
        }
        let mut answers = stream::iter(buckets)
            .map(|(bucket, places)| {
                let ids: Vec<_> = places.iter().map(|at| records[*at].1).collect();
                let claim = self.claim_in((blob.tenant_id, bucket), Wish { owner, ids }, now);
                async { claim.await.map(|answer| (places, answer)) }
            })
            .buffer_unordered(LOGS_AT_ONCE_MAX);
        while let Some((places, answer)) = answers.try_next().await? {
            for (at, is_owned) in places.into_iter().zip(answer) {
                owned[at] = is_owned;
            }
        }
        Ok(owned)
    }

    /// Claims records of one log.
    async fn claim_in(
        &self,
        place: Place,
        wish: Wish,
        now: Timestamp,
    ) -> Result<Vec<bool>, LedgerError> {
        let wish = Arc::new(wish);
        let shared = self.cache.get(place);
        shared.waiting.join(&wish);
        let mut log = shared.log.lock().await;
        if log.is_outdated(now) {
            *log = Log::default();
        }
        let known_before = |id: &RecordId| log.has_all(&[*id]);
        let passed_over: HashSet<RecordId> = if bites(Tooth::OwnEntryNotFound) {
            wish.ids.iter().copied().filter(known_before).collect()
        } else {
            HashSet::new()
        };
        let group = shared.waiting.take(&wish);
        let ended = self.append_missing(&mut log, place, &group, now).await;
        let ids = wish.ids.iter();
        let owned = ids.map(|id| log.is_owner(wish.owner, id) && !passed_over.contains(id));
        let owned = owned.collect();
        let weight = log.weight();
        self.cache
            .weigh(place, &shared, weight, self.limits.remembered_ids);
        ended.map(|()| owned)
    }

    /// Ends when all Ids of the first wish are in the log. What the entries for them have room for is claimed for the others.
    async fn append_missing(
        &self,
        log: &mut Log,
        place: Place,
        wishes: &[Arc<Wish>],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let own = wishes.first().map_or(&[][..], |wish| &wish.ids);
        let mut is_read = log.is_quiet;
        let mut lost_races = 0;
        loop {
            if log.has_all(own) {
                return Ok(());
            }
            if bites(Tooth::StaleLog) && lost_races > 0 && !is_read {
                log.pass_over();
                is_read = true;
            }
            if !is_read {
                self.read(log, place, wishes, now).await?;
                is_read = true;
                continue;
            }
            let missing = log.missing(wishes, self.limits.entry_ids);
            if self.append(log, place, missing, now).await? {
                continue;
            }
            lost_races += 1;
            if lost_races > LOST_RACES_MAX {
                return Err(LedgerError::Contended {
                    pk: Key::Claims(place.0, place.1, 0).pk(),
                    times: lost_races,
                });
            }
            if lost_races > 1 {
                tokio::time::sleep(LOST_RACE_BACKOFF.delay(lost_races - 1)).await;
            }
            is_read = false;
        }
    }

    /// Reads what is new in a log.
    async fn read(
        &self,
        log: &mut Log,
        place: Place,
        wanted: &[Arc<Wish>],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        // The semaphore is never closed.
        let _permit = match log.next() {
            0 => self.cold_reads.acquire().await.ok(),
            _ => None,
        };
        let before = log.next();
        for _ in 0..PAGES_MAX {
            let (entries, is_cut) = self.entries.page(place, log.next()).await?;
            for entry in &entries {
                log.add(entry);
            }
            log.bound(self.limits.remembered_ids, wanted);
            if !is_cut {
                log.ends_at(now);
                log.is_quiet = log.next() == before;
                return Ok(());
            }
        }
        Err(LedgerError::Endless {
            pk: Key::Claims(place.0, place.1, 0).pk(),
            pages_max: PAGES_MAX,
        })
    }

    /// Appends an entry to a log of which all is known, it seems; false if it is not so.
    async fn append(
        &self,
        log: &mut Log,
        place: Place,
        parts: Vec<Part>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let expires_at = later(now, CLAIM_KEPT);
        if let Some(tail) = log.expiring_tail(now) {
            let extended = self
                .entries
                .extend(place, tail.number, tail.expires_at, expires_at)
                .await?;
            if !extended {
                *log = Log::default();
                return Ok(false);
            }
            log.extend_tail(expires_at);
        }
        let entry = Entry {
            number: log.next(),
            parts,
            expires_at: log
                .tail()
                .map_or(expires_at, |tail| tail.expires_at.max(expires_at)),
        };
        if bites(Tooth::FailedAppendKept) {
            log.add(&entry);
        }
        let appended = self.entries.append(place, &entry).await?;
        if appended {
            log.add(&entry);
        } else {
            log.is_quiet = false;
        }
        Ok(appended)
    }
}

/// The name that stands for the blob in an entry, hashed. Microsoft's Id of it alone could name two blobs: of two content types, or listed with another
/// contentCreated, which the ledger and the lake keep apart.
fn owner_name(blob: &ContentRef) -> String {
    let created = blob.content_created.strftime("%Y-%m-%dT%H");
    format!("{}#{created}#{}", blob.content_type, blob.content_id)
}

/// For each Id, in order, whether it comes for the first time.
pub fn first_occurrences(ids: impl ExactSizeIterator<Item = RecordId>) -> Vec<bool> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.map(|id| seen.insert(id)).collect()
}
