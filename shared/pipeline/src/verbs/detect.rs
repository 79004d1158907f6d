//! Each raw copy, as S3 announces it through EventBridge and SQS, is looked at by the rules, and what they find is written once.
//! docs/DETECTIONS.md says what is promised.
//!
//! Delivery to the lake does not depend on it: a rule that is slow, or a table that is gone, holds up the messages of its own
//! queue, and nothing else. An attempt that ends halfway is repeated from the start. That changes nothing: the sets that it
//! wrote only grow, and a finding has the same uid whoever finds it.

mod announce;
mod keep;
mod looked;
mod raw;
mod ruleset;

use std::sync::Arc;

use jiff::Timestamp;
use normalize::{OcsfVersion, Schema};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::Instant;

pub use self::announce::{Announcer, FINDING_DETAIL_TYPE, FINDING_SOURCE};
pub use self::keep::{AT_ONCE_MAX, Kept};
use self::looked::Looked;
pub use self::raw::{PORTION_BYTES_MAX, PORTION_RECORDS_MAX};
use self::raw::{RawCopy, UnreadableCopy};
pub use self::ruleset::{PLACE_FOLDER, RELOAD_AFTER, RULE_FOLDER, Ruleset};
use crate::aws::AwsError;
use crate::aws::batch::{self, Delivery};
use crate::clock::Clock;
use crate::metrics::{count, name};
use crate::store::detections::{Detections, DetectionsError};
use crate::store::lake::{Announcement, Elsewhere, Lake, LakeError, key};

/// Raw copies of one worker in flight at once: what they hold of records together stays below 64 MiB.
pub const COPIES_IN_FLIGHT_MAX: usize = 4;

/// What the detector works with.
#[derive(Debug)]
pub struct Detector {
    /// Where the raw copies are, and the findings go.
    pub lake: Lake,
    /// Sets, values that were seen, and findings.
    pub detections: Detections,
    /// Rules, exceptions and places.
    pub ruleset: Ruleset,
    /// Who is told of findings.
    pub announcer: Announcer,
    /// How findings are written.
    pub schema: Schema,
    /// The version of OCSF that findings are written in.
    pub version: OcsfVersion,
}

/// What became of a raw copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// Records that were looked at.
    pub records: u64,
    /// Elements that are no records, or too long.
    pub malformed: u64,
    /// Records of another tenant: nothing is found in them.
    pub foreign: u64,
    /// What was found.
    pub kept: Kept,
}

/// Why an attempt failed. Displays without any of the object's content.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// Not an object of this lake.
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// It is not what was stored.
    #[error(transparent)]
    Unreadable(#[from] UnreadableCopy),
    /// The table failed.
    #[error(transparent)]
    Detections(#[from] DetectionsError),
    /// Nobody could be told of a finding.
    #[error("a finding could not be announced: {0}")]
    Announce(#[from] AwsError),
    /// A rule's description cannot be written.
    #[error("a rule's description cannot be written: {0}")]
    Rule(#[from] serde_json::Error),
    /// The thread that looks at records died.
    #[error("looking at records failed: {0}")]
    Thread(#[from] JoinError),
}

/// Works through a batch until `deadline`; returns the ids of the messages that must come again.
///
/// A panic fails its message and no other. What cannot be read fails until it is in the dead-letter queue, where a person can
/// look at it.
pub async fn batch(
    detector: &Arc<Detector>,
    deliveries: Vec<Delivery>,
    clock: Clock,
    deadline: Instant,
) -> Vec<String> {
    batch::each(deliveries, COPIES_IN_FLIGHT_MAX, deadline, |delivery| {
        let detector = Arc::clone(detector);
        async move { one(&detector, &delivery, clock).await }
    })
    .await
}

/// Whether the message is dealt with.
async fn one(detector: &Detector, delivery: &Delivery, clock: Clock) -> bool {
    let Some(announcement) = batch::read::<Announcement>(delivery) else {
        return false;
    };
    let key = announcement.key();
    match run(detector, &announcement, clock.now()).await {
        Ok(Some(detected)) => {
            tracing::info!(
                object.key = key,
                records = detected.records,
                malformed = detected.malformed,
                foreign = detected.foreign,
                findings = detected.kept.new,
                excepted = detected.kept.excepted,
                capped = detected.kept.capped,
                "raw copy looked at"
            );
            true
        }
        Ok(None) => {
            tracing::warn!(object.key = key, "no raw copy is there, not looked at");
            true
        }
        Err(error) => {
            tracing::error!(
                message.id = delivery.message_id,
                object.key = key,
                %error,
                "raw copy not looked at, message comes again"
            );
            false
        }
    }
}

/// Looks at the records of one raw copy. `None` when the object is no raw copy, or is not there any more.
///
/// # Errors
/// [`DetectError`]; what was found until then is written.
pub async fn run(
    detector: &Detector,
    announcement: &Announcement,
    now: Timestamp,
) -> Result<Option<Detected>, DetectError> {
    let path = announcement.path_in(&detector.lake)?;
    let Some(tenant) = key::raw_tenant(&path) else {
        return Ok(None);
    };
    let mut copy = match RawCopy::open(&detector.lake, &path).await {
        Err(error) if error.is_missing_or_damaged() => return Ok(None),
        copy => copy?,
    };
    let at_work = detector.ruleset.at_work(detector, now).await?;
    let mut detected = Detected::default();
    while let Some(elements) = copy.portion().await? {
        let with = at_work.clone();
        let looking = spawn_blocking(move || Looked::at(&with, tenant, &elements));
        let looked = looking.await?;
        detected.records += looked.records;
        detected.malformed += looked.malformed;
        detected.foreign += looked.foreign;
        let kept = keep::keep(detector, &at_work, tenant, looked, now).await?;
        detected.kept.add(kept);
    }
    count(name::RECORDS_LOOKED_AT, detected.records);
    let look_ups = at_work.places.damaged();
    if look_ups > 0 {
        tracing::warn!(
            look_ups,
            "a file of places is damaged, some addresses have no place"
        );
    }
    Ok(Some(detected))
}
