//! Each committed object of events, as S3 announces it through EventBridge and SQS, goes line by line into a Firehose stream.
//! docs/LAKE.md says what is promised.
//!
//! Delivery to the lake does not depend on it: a stream that is slow or gone holds up the messages of its own queue, and
//! nothing else. Nothing of a damaged object is sent, so each object is read twice: to its end, to find damage, and then to be
//! sent. An attempt that ends halfway is repeated from the start, so an event may be sent twice; copies have the same
//! `metadata.uid`.

mod portion;
mod stream;

use std::io::{self, Read as _};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use object_store::path::Path;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::Instant;

use self::portion::Portions;
pub use self::portion::{CALL_BYTES_MAX, CALL_RECORDS_MAX, RECORD_BYTES_MAX};
pub use self::stream::{ATTEMPTS_MAX, CALL_TIMEOUT, SendError, Stream};
use crate::aws::batch::{self, Delivery};
use crate::metrics::{count, name};
use crate::store::lake::object::{OBJECT_BYTES_MAX, TEXT_BYTES_MAX};
use crate::store::lake::{Announcement, Codec, Elsewhere, Lake, LakeError};

/// Objects of one worker in flight at once: four of the largest, with what is being sent of each, stay below 200 MiB.
pub const OBJECTS_IN_FLIGHT_MAX: usize = 4;

/// What the forwarder works with.
#[derive(Debug)]
pub struct Forwarder {
    /// Where the events are.
    pub lake: Lake,
    /// Where they go.
    pub stream: Stream,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardOutcome {
    /// Its events are in the stream.
    Forwarded {
        /// How many.
        records: usize,
        /// Events too large for a record of Firehose; each is in the log.
        too_large: usize,
    },
    /// It is not in the lake any more: somebody deleted it.
    Gone,
}

/// Why an attempt failed. Displays without any of the object's content.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// Not an object of this lake.
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    /// The lake failed, or the object is larger than what was ever written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// It unpacks to more than was ever written.
    #[error("its text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// The stream does not take all of it.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The thread that unpacks it died.
    #[error("unpacking failed: {0}")]
    Thread(#[from] JoinError),
}

/// Works through a batch until `deadline`; returns the ids of the messages that must come again.
///
/// A panic fails its message and no other. What cannot be read fails until it is in the dead-letter queue, where a person can
/// look at it.
pub async fn batch(
    forwarder: &Arc<Forwarder>,
    deliveries: Vec<Delivery>,
    deadline: Instant,
) -> Vec<String> {
    batch::each(deliveries, OBJECTS_IN_FLIGHT_MAX, deadline, |delivery| {
        let forwarder = Arc::clone(forwarder);
        async move { one(&forwarder, &delivery).await }
    })
    .await
}

/// Whether the message is dealt with.
async fn one(forwarder: &Forwarder, delivery: &Delivery) -> bool {
    let Some(announcement) = batch::read::<Announcement>(delivery) else {
        return false;
    };
    let key = announcement.key();
    match run(forwarder, &announcement).await {
        Ok(ForwardOutcome::Forwarded { records, too_large }) => {
            tracing::info!(object.key = key, records, too_large, "object forwarded");
            true
        }
        Ok(ForwardOutcome::Gone) => {
            tracing::warn!(
                object.key = key,
                "object is not in the lake any more, not forwarded"
            );
            true
        }
        Err(error) => {
            tracing::error!(
                message.id = delivery.message_id,
                object.key = key,
                %error,
                "object not forwarded, message comes again"
            );
            false
        }
    }
}

/// Sends the events of one object.
///
/// # Errors
/// [`ForwardError`] when not all of it was sent; some may have been, unless the object itself is at fault.
pub async fn run(
    forwarder: &Forwarder,
    announcement: &Announcement,
) -> Result<ForwardOutcome, ForwardError> {
    let key = announcement.key();
    let path = announcement.path_in(&forwarder.lake)?;
    let read = forwarder.lake.read_if_there(&path, OBJECT_BYTES_MAX);
    let Some(stored) = read.await? else {
        return Ok(ForwardOutcome::Gone);
    };
    let mut portions = checked(&path, stored.content).await?;
    let (mut records, mut too_large) = (0, 0);
    loop {
        let (rest, portion) = spawn_blocking(move || {
            let portion = portions.next();
            (portions, portion)
        })
        .await?;
        portions = rest;
        let Some(portion) = portion.map_err(|source| damaged(&path, source))? else {
            return Ok(ForwardOutcome::Forwarded { records, too_large });
        };
        for line in &portion.too_large {
            tracing::error!(
                object.key = key,
                line = line.line,
                bytes = line.bytes,
                bytes_max = RECORD_BYTES_MAX,
                "event too large for Firehose"
            );
        }
        count(name::EVENTS_TOO_LARGE, portion.too_large.len() as u64);
        too_large += portion.too_large.len();
        records += portion.records.len();
        forwarder.stream.send(portion.records).await?;
    }
}

/// Reads an object to its end, and gives it back to be read again.
async fn checked(path: &Path, content: Bytes) -> Result<Portions, ForwardError> {
    let key = path.to_string();
    let checking = spawn_blocking(move || {
        let text = Codec::of(&key).reader(content.clone().reader())?;
        let mut text = text.take(TEXT_BYTES_MAX as u64 + 1);
        let is_too_long = io::copy(&mut text, &mut io::sink())? > TEXT_BYTES_MAX as u64;
        Ok::<_, io::Error>((is_too_long, Portions::of(&key, content)?))
    });
    match checking.await? {
        Ok((false, portions)) => Ok(portions),
        Ok((true, _)) => Err(ForwardError::TooLong),
        Err(source) => Err(damaged(path, source)),
    }
}

fn damaged(path: &Path, source: io::Error) -> ForwardError {
    let path = path.clone();
    LakeError::Damaged { path, source }.into()
}
