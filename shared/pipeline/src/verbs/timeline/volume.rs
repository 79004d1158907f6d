//! How much there is in each hour, by the ledger alone.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::{ContentType, TenantId};
use serde::Serialize;

use crate::clock::Hour;
use crate::store::ledger::key::BlobHour;
use crate::store::ledger::{Ledger, LedgerError};

/// Queries at once. Each takes some milliseconds.
const QUERIES_AT_ONCE: usize = 32;

/// What became available in an hour, under one subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct HourVolume {
    /// Its begin.
    #[schema(value_type = String, format = DateTime)]
    pub hour: Timestamp,
    /// The subscription.
    #[schema(value_type = String)]
    pub content_type: ContentType,
    /// Events in the lake.
    pub records: u64,
    /// Blobs that they came in.
    pub blobs: u64,
    /// Events by OCSF's severity, whose number is text in JSON.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub severities: BTreeMap<u32, u64>,
}

/// The hours that `[from, to)` touches and that have something in the lake, by time.
///
/// # Errors
/// [`LedgerError`]
pub async fn volume(
    ledger: &Ledger,
    tenant: TenantId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<HourVolume>, LedgerError> {
    let hours = Hour::between(from, to).flat_map(|hour| {
        ContentType::ALL.map(|content_type| BlobHour {
            tenant,
            content_type,
            hour,
        })
    });
    let each = hours.map(|of| async move {
        let mut volume = HourVolume {
            hour: of.hour.start(),
            content_type: of.content_type,
            records: 0,
            blobs: 0,
            severities: BTreeMap::new(),
        };
        for blob in ledger.indexed(&of).await? {
            volume.blobs += 1;
            volume.records += blob.events;
            for (severity, events) in blob.index.iter().flat_map(|index| index.severities()) {
                *volume.severities.entry(*severity).or_default() += events;
            }
        }
        Ok::<_, LedgerError>(volume)
    });
    let each: Vec<_> = each.collect();
    let all: Vec<HourVolume> = stream::iter(each)
        .buffered(QUERIES_AT_ONCE)
        .try_collect()
        .await?;
    Ok(all.into_iter().filter(|of| of.blobs > 0).collect())
}
