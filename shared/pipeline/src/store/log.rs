//! Logs: what any number of processes have said, each thing once, in an order that all see alike.
//!
//! # The protocol
//!
//! A log is a partition of a table, and its entries are numbered from 0. Whoever wants something to be in it does this:
//!
//! 1. Read the entries that this process does not know yet, strongly consistently.
//! 2. If they have all that is wanted, that is the end.
//! 3. Otherwise append an entry with what they do not have, on the condition that its number, the one after the last known
//!    entry, is free. If it is not, somebody was faster: from 1. again.
//!
//! An entry is never changed, and whoever appends one has read all before it. So nothing is in two entries, and it makes no
//! difference where an attempt ended: an attempt after it finds what the former appended, even when the answer to that was lost,
//! and appends what is missing. What is too much for one entry makes several.
//!
//! Those of one process take turns at a log, and whoever has its turn appends for those that wait as well: an entry for several
//! is the same as their entries one after the other.
//!
//! When nobody else had appended the last time that this process looked, it appends without reading first: the condition
//! refuses it when that has changed.
//!
//! # When entries go
//!
//! An entry expires some time after it was appended ([`Place::kept`]), and no earlier than the one before it. DynamoDB deletes
//! expired entries in no order, days later. That changes nothing about the others, for nothing is in two entries. But the numbers
//! must not begin anew beside a process that remembers the old ones:
//!
//! * What a process remembers of a log counts only until the log's last known entry is about to expire.
//! * Nothing is appended after an entry that is about to expire, or has: first it is kept for as long again, on the condition
//!   that it is still there and unchanged. If it is not, the log is read anew.
//!
//! # What it costs
//!
//! A write unit for each 1 KB appended, half a read unit for each 4 KB read, and nothing where all is known already, or where a
//! process is alone.

mod cache;
mod entry;
mod known;
mod waiting;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use tokio::sync::{MutexGuard, Semaphore};

use self::cache::{Cache, SharedLog};
use self::entry::{Entries, Entry};
use self::known::Known;
use crate::backoff::Backoff;
use crate::clock::later;
use crate::store::ledger::LedgerError;
use crate::store::ledger::attribute::Item;
use crate::teeth::{Tooth, bites};

/// Logs that a process reads from their beginning at once, for all that it does. Such a log may have 16 MB, each 1 MB takes 128
/// read units, and a partition gives 3,000 a second.
const COLD_READS_MAX: usize = 4;

/// Most answers to one reading of a log, of 1 MB each. Only a fault makes a log so long.
const PAGES_MAX: u32 = 1_000;

/// How often others may be faster at one log. With 50 processes that append all the time, one of them waits for 50 others if
/// it is unlucky; the back-off makes it fewer.
const LOST_RACES_MAX: u32 = 64;

/// Between attempts to append, from the second race lost in a row: an append takes about 10 ms.
const LOST_RACE_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(10),
    longest: Duration::from_millis(500),
};

/// What the entries of a kind of log hold, and what a process remembers of one log's.
pub(in crate::store) trait Memory: Debug + Default + Send {
    /// What somebody wants a log to have.
    type Wish: Debug + Send + Sync;

    /// What an entry holds.
    type Content: Send + Sync;

    /// An entry's content as attributes of its item.
    ///
    /// # Errors
    /// It could not be compressed.
    fn write(content: &Self::Content) -> io::Result<Vec<(&'static str, Vec<u8>)>>;

    /// The content of an item.
    ///
    /// # Errors
    /// The attribute that is not as [`Self::write`] makes it.
    fn read(item: &mut Item) -> Result<Self::Content, &'static str>;

    /// Takes in what the entry that follows has.
    fn add(&mut self, content: &Self::Content);

    /// Whether the log has all of a wish.
    fn has(&self, wish: &Self::Wish) -> bool;

    /// What the next entry has: of what is wished for, in order, what the log does not have, but no more than `entry_max`.
    fn missing(&self, wishes: &[Arc<Self::Wish>], entry_max: usize) -> Self::Content;

    /// From here on keeps only what is wanted, if all weighs more than `weight_max`.
    fn bound(&mut self, weight_max: usize, wanted: &[Arc<Self::Wish>]);

    /// Whether it keeps only what was wanted.
    fn is_bounded(&self) -> bool;

    /// What it weighs in a cache.
    fn weight(&self) -> usize;
}

/// Which log.
#[derive(Clone, Debug)]
pub(in crate::store) struct Place {
    /// Its partition key.
    pub(in crate::store) pk: String,
    /// How long its entries are kept. Far more than the two days before its end in which a log counts as unknown.
    pub(in crate::store) kept: Duration,
}

/// How much is remembered and written at once, in the units of the kind of log.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Limits {
    /// Of one entry.
    pub(in crate::store) entry: usize,
    /// Of all logs together. Those used the longest ago are forgotten first. A single log with more is not remembered: it is read
    /// whole each time.
    pub(in crate::store) remembered: usize,
}

/// The logs of one kind in a table, and what this process remembers of them.
#[derive(Debug)]
pub(in crate::store) struct Logs<M: Memory> {
    entries: Entries,
    limits: Limits,
    cache: Cache<M>,
    cold_reads: Semaphore,
}

impl<M: Memory> Logs<M> {
    /// The logs in a table. Of one process there should be one: what two remember is kept twice, and they race.
    pub(in crate::store) fn new(client: Client, table: String, limits: Limits) -> Self {
        Self {
            entries: Entries::new(client, table),
            limits,
            cache: Cache::default(),
            cold_reads: Semaphore::new(COLD_READS_MAX),
        }
    }

    /// Ends when the log has all that is wished for, and gives what `answer` makes of what is known then, and of what `before`
    /// made of what was known when it began.
    ///
    /// # Errors
    /// [`LedgerError`]. What was appended so far stands, and is found by the next attempt.
    pub(in crate::store) async fn put<B, T>(
        &self,
        place: &Place,
        wish: &Arc<M::Wish>,
        now: Timestamp,
        before: impl FnOnce(&M, &M::Wish) -> B,
        answer: impl FnOnce(&M, &M::Wish, B) -> T,
    ) -> Result<T, LedgerError> {
        let shared = self.cache.get(&place.pk);
        shared.waiting.join(wish);
        let mut log = turn(&shared, place, now).await;
        let before = before(&log.memory, wish);
        let group = shared.waiting.take(wish);
        let ended = self.append_missing(&mut log, place, &group, now).await;
        let answer = answer(&log.memory, wish, before);
        self.weigh(place, &shared, &log);
        ended.map(|()| answer)
    }

    /// Reads what is new in a log, and gives what `answer` makes of what is known then. What is wished for is kept in mind.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub(in crate::store) async fn look<T>(
        &self,
        place: &Place,
        wish: &Arc<M::Wish>,
        now: Timestamp,
        answer: impl FnOnce(&M, &M::Wish) -> T,
    ) -> Result<T, LedgerError> {
        let shared = self.cache.get(&place.pk);
        let mut log = turn(&shared, place, now).await;
        let wanted = std::slice::from_ref(wish);
        let ended = self.read(&mut log, place, wanted, now).await;
        let answer = answer(&log.memory, wish);
        self.weigh(place, &shared, &log);
        ended.map(|()| answer)
    }

    fn weigh(&self, place: &Place, shared: &SharedLog<M>, log: &Known<M>) {
        let weight = log.memory.weight();
        self.cache
            .weigh(&place.pk, shared, weight, self.limits.remembered);
    }

    /// Keeps no more of a log than may be remembered.
    fn bound(&self, log: &mut Known<M>, place: &Place, wanted: &[Arc<M::Wish>]) {
        let was_bounded = log.memory.is_bounded();
        log.memory.bound(self.limits.remembered, wanted);
        if log.memory.is_bounded() && !was_bounded {
            tracing::warn!(
                log = place.pk,
                "a log is longer than a process remembers, it is read whole each time"
            );
        }
    }

    /// Ends when the log has all of the first wish. What the entries for it have room for is appended for the others.
    async fn append_missing(
        &self,
        log: &mut Known<M>,
        place: &Place,
        wishes: &[Arc<M::Wish>],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let has_own = |log: &Known<M>| wishes.first().is_none_or(|own| log.memory.has(own));
        let mut is_read = log.is_quiet;
        let mut lost_races = 0;
        loop {
            if has_own(log) {
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
            let missing = log.memory.missing(wishes, self.limits.entry);
            if self.append(log, place, missing, now).await? {
                self.bound(log, place, wishes);
                continue;
            }
            lost_races += 1;
            if lost_races > LOST_RACES_MAX {
                return Err(LedgerError::Contended {
                    pk: place.pk.clone(),
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
        log: &mut Known<M>,
        place: &Place,
        wanted: &[Arc<M::Wish>],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        // The semaphore is never closed.
        let _permit = match log.next() {
            0 => self.cold_reads.acquire().await.ok(),
            _ => None,
        };
        let before = log.next();
        for _ in 0..PAGES_MAX {
            let (entries, is_cut) = self.entries.page::<M>(&place.pk, log.next()).await?;
            for entry in &entries {
                log.add(entry);
            }
            self.bound(log, place, wanted);
            if !is_cut {
                log.ends_at(now);
                log.is_quiet = log.next() == before;
                return Ok(());
            }
        }
        Err(LedgerError::Endless {
            pk: place.pk.clone(),
            pages_max: PAGES_MAX,
        })
    }

    /// Appends an entry to a log of which all is known, it seems; false if it is not so.
    async fn append(
        &self,
        log: &mut Known<M>,
        place: &Place,
        content: M::Content,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let expires_at = later(now, place.kept);
        if let Some(tail) = log.expiring_tail(now) {
            let extended = self
                .entries
                .extend(&place.pk, tail.number, tail.expires_at, expires_at)
                .await?;
            if !extended {
                *log = Known::default();
                return Ok(false);
            }
            log.extend_tail(expires_at);
        }
        let entry = Entry {
            number: log.next(),
            content,
            expires_at: log
                .tail()
                .map_or(expires_at, |tail| tail.expires_at.max(expires_at)),
        };
        if bites(Tooth::FailedAppendKept) {
            log.add(&entry);
        }
        let appended = self.entries.append::<M>(&place.pk, &entry).await?;
        if appended {
            log.add(&entry);
        } else {
            log.is_quiet = false;
        }
        Ok(appended)
    }
}

/// Waits for the turn at a log, of which nothing is known when that cannot be relied on any more.
async fn turn<'l, M: Memory>(
    shared: &'l SharedLog<M>,
    place: &Place,
    now: Timestamp,
) -> MutexGuard<'l, Known<M>> {
    let mut log = shared.log.lock().await;
    if log.is_outdated(now, place.kept) {
        *log = Known::default();
    }
    log
}
