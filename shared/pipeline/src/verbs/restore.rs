//! Which blob each record belongs to, told to a ledger that was lost: read from the events in the lake.
//!
//! The claims of a ledger say which blob owns a record, and a blob's events are those of the records that it owns. So the lake
//! says the same, but for records without events: duplicates, which have those of another blob, and what the filter dropped. To
//! claim a record for the blob whose object has its event is what the fetcher did before; doing it twice changes nothing.
//!
//! It is done before the tenants are registered again. Then a sweep lists what Microsoft still has, and each blob finds its own
//! claims and those of others, of blobs too that are not listed any more.

mod line;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use jiff::civil::Date;
use normalize::Schema;
use object_store::path::Path;
use office365::{ContentId, TenantId};
use serde::Serialize;

use self::line::identities;
use crate::clock::earlier;
use crate::content::BlobHour;
use crate::store::lake::key::{self, ROUTED};
use crate::store::lake::object::OBJECT_BYTES_MAX;
use crate::store::lake::{Lake, LakeError};
use crate::store::ledger::claims::{ClaimBucket, RecordId};
use crate::store::ledger::{CLAIM_KEPT, Ledger, LedgerError};

/// Objects that are read and claimed at once: each is read whole, and takes 32 MiB at most, compressed.
const OBJECTS_AT_ONCE: usize = 8;

/// What is restored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Of one tenant; of all without it.
    pub tenant: Option<TenantId>,
}

/// What was found and claimed. Everything but objects and records should be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Objects of events that were read.
    pub objects: u64,
    /// Records that belong to the blob that their events are of.
    pub records: u64,
    /// Events of records without an Id: those are told apart by their bytes, which the lake's events do not have.
    pub without_id: u64,
    /// Records that the ledger has for another blob: it was fetched anew before the claims were restored.
    pub elsewhere: u64,
    /// Objects that cannot be read, and those whose names are too long to tell their blobs.
    pub passed_over: u64,
}

/// The claims are not all restored; doing it again goes on.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The lake cannot be listed or read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The ledger cannot be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Claims each record whose event is in the lake for the blob of that event, as far back as claims are kept. `told` is called
/// with what was done so far, after each object.
///
/// # Errors
/// [`RestoreError`]
pub async fn run(
    (ledger, lake): (&Ledger, &Lake),
    wanted: Wanted,
    now: Timestamp,
    mut told: impl FnMut(&Restored),
) -> Result<Restored, RestoreError> {
    let mut all = Restored::default();
    for day in days(lake, earlier(now, CLAIM_KEPT)).await? {
        let is_wanted = |path: &Path| match (wanted.tenant, key::blob_of_events(path)) {
            (Some(tenant), Some((of, _))) => of.tenant == tenant,
            _ => true,
        };
        let objects = lake.list(&day)?.map_err(RestoreError::from);
        let objects = objects.try_filter(|object| std::future::ready(is_wanted(&object.path)));
        let restored = objects
            .map_ok(|object| async move { restore(ledger, lake, &object.path, now).await })
            .try_buffer_unordered(OBJECTS_AT_ONCE);
        let mut restored = std::pin::pin!(restored);
        while let Some(one) = restored.try_next().await? {
            all.add(one);
            told(&all);
        }
    }
    Ok(all)
}

/// The folders with a content type's events of a day, from that of `since` on, whatever schema or route they are of.
async fn days(lake: &Lake, since: Timestamp) -> Result<Vec<Path>, LakeError> {
    let mut roots: Vec<Path> = [Schema::Ocsf, Schema::Ecs]
        .map(|schema| Path::from(schema.as_str()))
        .into();
    roots.extend(lake.folders(&Path::from(ROUTED)).await?);
    let types: Vec<Path> = stream::iter(&roots)
        .then(|root| lake.folders(root))
        .try_concat()
        .await?;
    let days: Vec<Path> = stream::iter(&types)
        .then(|of_type| lake.folders(of_type))
        .try_concat()
        .await?;
    let first = since.to_zoned(jiff::tz::TimeZone::UTC).date();
    let is_kept = |day: &Path| {
        let day: Option<Date> = day
            .filename()
            .and_then(|name| name.strip_prefix("day=")?.parse().ok());
        day.is_some_and(|day| day >= first)
    };
    Ok(days.into_iter().filter(is_kept).collect())
}

/// Claims the records of one object.
async fn restore(
    ledger: &Ledger,
    lake: &Lake,
    path: &Path,
    now: Timestamp,
) -> Result<Restored, RestoreError> {
    let passed_over = |why: &dyn std::fmt::Display| {
        tracing::warn!(%path, %why, "object passed over, its records are claimed by whoever comes first");
        Ok(Restored {
            passed_over: 1,
            ..Restored::default()
        })
    };
    let Some((hour, content_id)) = key::blob_of_events(path) else {
        return passed_over(&"its name does not tell the blob");
    };
    let Some(stored) = lake.read_if_there(path, OBJECT_BYTES_MAX).await? else {
        return passed_over(&"it is gone");
    };
    let key = path.to_string();
    let read = tokio::task::spawn_blocking(move || identities(&key, &stored.content)).await;
    match read.map_err(LakeError::from)? {
        Ok(found) => {
            let claimed = claim(ledger, (&hour, &content_id), &found.records, now).await?;
            Ok(Restored {
                without_id: found.without_id,
                ..claimed
            })
        }
        Err(error) => passed_over(&error),
    }
}

async fn claim(
    ledger: &Ledger,
    (hour, content_id): (&BlobHour, &ContentId),
    records: &[(ClaimBucket, RecordId)],
    now: Timestamp,
) -> Result<Restored, LedgerError> {
    let claims = ledger.claims();
    let owned = claims.claim_named((hour, content_id), records, now).await?;
    let count = owned.iter().filter(|is_owned| **is_owned).count() as u64;
    let elsewhere = owned.len() as u64 - count;
    if elsewhere > 0 {
        tracing::warn!(
            tenant.id = %hour.tenant, content.id = %content_id, elsewhere,
            "records belong to blobs that were fetched anew meanwhile"
        );
    }
    Ok(Restored {
        objects: 1,
        records: count,
        elsewhere,
        ..Restored::default()
    })
}

impl Restored {
    fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.records += other.records;
        self.without_id += other.without_id;
        self.elsewhere += other.elsewhere;
        self.passed_over += other.passed_over;
    }

    /// Whether the claims of all records that have events are as they were.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.without_id == 0 && self.elsewhere == 0 && self.passed_over == 0
    }
}
