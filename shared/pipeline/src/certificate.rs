//! The proof of delivery: for each hour of a subscription, what Microsoft listed and what became of it.
//!
//! A row is worked out from the ledger when somebody asks for it. Once a day's hours are beyond what Microsoft lists, their rows
//! are written to the lake, because the ledger forgets.

mod gaps;
mod record;

use std::time::Duration;

use jiff::Timestamp;
use office365::{ContentType, TenantId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use self::gaps::Gaps;
pub use self::record::{CertificateError, certificates, due, write_final};
use crate::clock::later;
use crate::store::ledger::blob::{Counts, HourOfBlobs, State};
use crate::store::ledger::key::BlobHour;
use crate::store::ledger::sweep::TypeSweep;
use crate::teeth::{Tooth, bites};

/// How long Microsoft lists content after it has become available.
pub const LISTED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// What can be said of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HourStanding)]
pub enum Standing {
    /// Something of it is not known, not listed or not finished.
    Open,
    /// Listed to its end by a sweep that went past it, and nothing of it is open.
    Complete,
    /// Complete, and older than what Microsoft lists: nothing can be added any more.
    Final,
}

/// One hour of one subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Certificate {
    /// Whose.
    #[schema(value_type = uuid::Uuid)]
    pub tenant_id: TenantId,
    /// Under which subscription.
    #[schema(value_type = String)]
    pub content_type: ContentType,
    /// The hour's begin, by contentCreated.
    #[schema(value_type = String, format = DateTime)]
    pub hour: Timestamp,
    /// What can be said of it.
    pub state: Standing,
    /// Blobs that Microsoft listed.
    pub listed: u64,
    /// Blobs in the lake.
    pub done: u64,
    /// Blobs that are not finished.
    pub open: u64,
    /// Blobs that cannot be read: each is on the list of losses until it is delivered.
    pub quarantined: u64,
    /// Blobs that could not be fetched: the same.
    pub lost: u64,
    /// Items of the ledger that cannot be read.
    pub unreadable: u64,
    /// Whether a part of the hour was not listed while Microsoft listed it: a gap on the list of losses.
    pub gap: bool,
    /// Records in the blobs that are done: the sum of the following six.
    pub records_in: u64,
    /// Events in the lake.
    pub records_written: u64,
    /// Events in objects that the filter has chosen.
    pub records_routed: u64,
    /// Records that the filter dropped.
    pub records_dropped: u64,
    /// Records that another blob brought.
    pub records_duplicate: u64,
    /// Records of another organization.
    pub records_foreign: u64,
    /// Elements that are no records.
    pub records_malformed: u64,
    /// SHA-256, in hex, over the ids of all known blobs in the order of their bytes, each with a line feed behind it: whoever
    /// lists the hour at Microsoft can compare.
    pub content_ids_sha256: String,
}

/// What can be said of an hour, by what the ledger knows of it, of its subscription's sweep, and of gaps.
#[must_use]
pub fn certify(
    of: BlobHour,
    hour: &HourOfBlobs,
    sweep: Option<&TypeSweep>,
    gaps: &Gaps,
    now: Timestamp,
) -> Certificate {
    let in_state = |states: &[State]| {
        let is_in = |blob: &&_| {
            let blob: &crate::store::ledger::blob::Standing = blob;
            states.contains(&blob.state)
        };
        hour.blobs.iter().filter(is_in).count() as u64
    };
    let records = sum(hour);
    let listed = hour.listed.as_ref().map_or(0, |listed| listed.blobs);
    let open = in_state(&[State::Pending, State::Leased]);
    let gap = gaps.touch(of.content_type, of.hour);
    let was_listed = sweep.is_some_and(|sweep| {
        sweep.begun_at.is_some_and(|begun| begun <= of.hour.start())
            && sweep.watermark.is_some_and(|mark| mark >= of.hour.end())
    });
    let is_complete = was_listed
        && !gap
        && gaps.are_all_known()
        && (open == 0 || bites(Tooth::CertifiedAtListing))
        && hour.unreadable == 0
        && listed <= hour.blobs.len() as u64;
    let is_old = later(of.hour.end(), LISTED_FOR) <= now;
    Certificate {
        tenant_id: of.tenant,
        content_type: of.content_type,
        hour: of.hour.start(),
        state: match (is_complete, is_old) {
            (false, _) => Standing::Open,
            (true, false) => Standing::Complete,
            (true, true) => Standing::Final,
        },
        listed,
        done: in_state(&[State::Done]),
        open,
        quarantined: in_state(&[State::Quarantined]),
        lost: in_state(&[State::Lost]),
        unreadable: hour.unreadable,
        gap,
        records_in: records.records,
        records_written: records.written,
        records_routed: records.routed,
        records_dropped: records.dropped,
        records_duplicate: records.duplicate,
        records_foreign: records.foreign,
        records_malformed: records.malformed,
        content_ids_sha256: hash_of_ids(hour),
    }
}

fn sum(hour: &HourOfBlobs) -> Counts {
    let mut sum = Counts::default();
    for counts in hour.blobs.iter().filter_map(|blob| blob.counts) {
        sum += counts;
    }
    sum
}

fn hash_of_ids(hour: &HourOfBlobs) -> String {
    let ids = hour.blobs.iter().map(|one| one.blob.content_id.as_str());
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id);
        hash.update(b"\n");
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests;
