//! Which blob a record belongs to: the first that claims it, for good.
//!
//! A tenant's records are kept in one log (`store/log.rs`) for each [`ClaimBucket`], mostly the hour of their CreationTime. An
//! entry names blobs and the [`RecordId`]s that each owns: a record belongs to the blob of the entry that it is in. To claim its
//! records, a blob has those that are in no entry appended as its own.
//!
//! Since a record is in one entry at most, the answer is the same at every attempt, wherever one ended. Two workers at one blob
//! get the same answer, for they claim in the blob's name and not in their own. An entry that expires ([`CLAIM_KEPT`]) frees its
//! records, and changes nothing about the others.
//!
//! # What it costs
//!
//! A write unit for each 1 KB appended, which is 60 records, or those that a process claims at once in that hour; half a read unit for each 4 KB read,
//! and nothing where all records are known already, or where a process is alone. One record a write was 60 times as much.

pub(super) mod bucket;
mod entry;
mod id;
mod known;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::{ContentId, TenantId};

pub use self::bucket::ClaimBucket;
use self::id::OwnerId;
pub use self::id::RecordId;
use self::known::{Claims, Wish};
use super::blob::blob_hour;
use super::key::{BlobHour, Key};
use super::{CLAIM_KEPT, LedgerError};
use crate::content::ContentRef;
use crate::store::log::{self, Logs};
use crate::teeth::{Tooth, bites};

/// Most Ids in an entry: 400,000 bytes, where an item has 409,600 at most. The rest is for its key and the blobs, which
/// have 2,200.
pub const ENTRY_IDS_MAX: usize = 25_000;

/// Most Ids that a process remembers: two hours of a tenant with a million records an hour. In the hash tables an Id takes 24
/// to 48 bytes, so 2,000,000 are 50 to 100 MB.
pub const REMEMBERED_IDS_MAX: usize = 2_000_000;

/// Logs that one blob's records are claimed in at once. A blob's records are mostly of one to four hours.
const LOGS_AT_ONCE_MAX: usize = 8;

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
    logs: Arc<Logs<Claims>>,
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
        let limits = log::Limits {
            entry: limits.entry_ids,
            remembered: limits.remembered_ids,
        };
        Self {
            logs: Arc::new(Logs::new(client, table, limits)),
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
        self.claim_named((&blob_hour(blob), &blob.content_id), records, now)
            .await
    }

    /// The same as [`Self::claim`] for a blob of which no more is known than its hour and its name.
    ///
    /// # Errors
    /// As [`Self::claim`].
    pub async fn claim_named(
        &self,
        (hour, content_id): (&BlobHour, &ContentId),
        records: &[(ClaimBucket, RecordId)],
        now: Timestamp,
    ) -> Result<Vec<bool>, LedgerError> {
        let owner = OwnerId::of(&owner_name(hour, content_id));
        let mut owned = first_occurrences(records.iter().map(|(_, id)| *id));
        let mut buckets = BTreeMap::<ClaimBucket, Vec<usize>>::new();
        for (at, (bucket, _)) in records.iter().enumerate() {
            let bucket = if bites(Tooth::ClaimedByBlobHour) {
                let hours = hour.hour.start().as_second() / 3_600;
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
                let claim = self.claim_in((hour.tenant, bucket), Wish { owner, ids }, now);
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
        (tenant, bucket): (TenantId, ClaimBucket),
        wish: Wish,
        now: Timestamp,
    ) -> Result<Vec<bool>, LedgerError> {
        let place = log::Place {
            pk: Key::Claims(tenant, bucket, 0).pk(),
            kept: CLAIM_KEPT,
        };
        let known_before = |claims: &Claims, wish: &Wish| -> HashSet<RecordId> {
            if !bites(Tooth::OwnEntryNotFound) {
                return HashSet::new();
            }
            let ids = wish.ids.iter().copied();
            ids.filter(|id| claims.has_id(id)).collect()
        };
        let owned = |claims: &Claims, wish: &Wish, passed_over: HashSet<RecordId>| {
            let ids = wish.ids.iter();
            let owned = ids.map(|id| claims.is_owner(wish.owner, id) && !passed_over.contains(id));
            owned.collect()
        };
        let wish = Arc::new(wish);
        self.logs.put(&place, &wish, now, known_before, owned).await
    }
}

/// The name that stands for the blob in an entry, hashed. Microsoft's Id of it alone could name two blobs: of two content types, or listed with another
/// contentCreated, which the ledger and the lake keep apart.
fn owner_name(of: &BlobHour, content_id: &ContentId) -> String {
    format!("{}#{}#{content_id}", of.content_type, of.hour)
}

/// For each Id, in order, whether it comes for the first time.
pub fn first_occurrences(ids: impl ExactSizeIterator<Item = RecordId>) -> Vec<bool> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.map(|id| seen.insert(id)).collect()
}
