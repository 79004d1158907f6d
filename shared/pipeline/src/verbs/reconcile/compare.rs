//! What Microsoft lists against what the ledger knows, hour by hour.

use std::collections::{BTreeMap, HashSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::ContentId;

use super::progress::Progress;
use super::report::Report;
use super::trouble::TenantError;
use super::window::Window;
use crate::content::ContentRef;
use crate::store::ledger::Ledger;
use crate::store::ledger::blob::{HourOfBlobs, State, blob_hour};
use crate::store::ledger::key::BlobHour;
use crate::store::queue::Queue;
use crate::store::waiting;

/// Hours read from the ledger at once. A window has 23.
const HOURS_IN_FLIGHT_MAX: usize = 8;

/// Blobs enqueued before that counts as progress: with ten in a message batch and 16 batches at once, a second's work.
const ENQUEUED_AT_ONCE_MAX: usize = 1_000;

/// The hours of one window. Its memory has the bound of a listing: 500,000 blobs.
#[derive(Debug, Default)]
pub(super) struct Hours(BTreeMap<BlobHour, KnownHour>);

/// What the ledger knows of an hour, and what Microsoft lists for it.
#[derive(Debug, Default)]
struct KnownHour {
    known: HashSet<ContentId>,
    given_up: HashSet<ContentId>,
    noted: u64,
    listed: u64,
    expires: Option<Timestamp>,
}

impl KnownHour {
    fn of(hour: HourOfBlobs) -> Self {
        let mut known = Self {
            noted: hour.listed.map_or(0, |listed| listed.blobs),
            ..Self::default()
        };
        for standing in hour.blobs {
            let id = standing.blob.content_id;
            if matches!(standing.state, State::Quarantined | State::Lost) {
                known.given_up.insert(id.clone());
            }
            known.known.insert(id);
        }
        known
    }
}

/// Enqueues the listed blobs that the ledger does not know, and takes up again what was given up: Microsoft still has it.
///
/// First the queue, then the ledger: after a crash between the two the blob is unknown still, and enqueued again.
pub(super) async fn compare(
    (ledger, queue): (&Ledger, &Queue),
    listed: Vec<ContentRef>,
    hours: &mut Hours,
    progress: &Progress,
    now: Timestamp,
) -> Result<(), TenantError> {
    read_hours(ledger, &listed, hours, progress).await?;
    let mut part = Report {
        listed: listed.len(),
        ..Report::default()
    };
    let mut wanted = Vec::new();
    for blob in listed {
        let Some(hour) = hours.0.get_mut(&blob_hour(&blob)) else {
            continue;
        };
        hour.listed += 1;
        hour.expires = hour.expires.max(Some(blob.content_expiration));
        if hour.known.insert(blob.content_id.clone()) {
            part.unknown += 1;
            wanted.push(blob);
        } else if hour.given_up.remove(&blob.content_id)
            && blob.content_expiration > now
            && ledger.reopen(&blob, now).await?
        {
            part.reopened += 1;
            wanted.push(blob);
        }
    }
    for blobs in wanted.chunks(ENQUEUED_AT_ONCE_MAX) {
        waiting::enqueue(ledger, queue, blobs, now).await?;
        progress.touch();
    }
    progress.count(part);
    Ok(())
}

/// Reads those hours of the listed blobs that were not read yet.
async fn read_hours(
    ledger: &Ledger,
    listed: &[ContentRef],
    hours: &mut Hours,
    progress: &Progress,
) -> Result<(), TenantError> {
    let new: HashSet<BlobHour> = listed
        .iter()
        .map(blob_hour)
        .filter(|hour| !hours.0.contains_key(hour))
        .collect();
    let mut read = stream::iter(new)
        .map(|hour| async move { Ok::<_, TenantError>((hour, ledger.hour(&hour).await?)) })
        .buffer_unordered(HOURS_IN_FLIGHT_MAX);
    while let Some((hour, found)) = read.try_next().await? {
        progress.see(hour, &found);
        hours.0.insert(hour, KnownHour::of(found));
        progress.touch();
    }
    Ok(())
}

/// Writes down how many blobs Microsoft lists for each hour that lies in the window as a whole: what the certificate compares
/// with what is done.
pub(super) async fn note_whole_hours(
    ledger: &Ledger,
    window: Window,
    hours: &Hours,
    now: Timestamp,
) -> Result<(), TenantError> {
    for (of, hour) in &hours.0 {
        let whole = of.hour.start() >= window.start && of.hour.end() <= window.end;
        if whole && hour.listed > hour.noted {
            let expires = hour.expires.unwrap_or(now);
            ledger.note_listed(of, hour.listed, (now, expires)).await?;
        }
    }
    Ok(())
}
