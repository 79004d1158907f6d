//! A content blob, which is a JSON array, to its records: by brackets and quotes alone, while it arrives, in bounded memory.
//!
//! The records are not parsed. One that is not JSON, or not UTF-8, is cut out like any other and does not take its neighbours with
//! it; whoever reads it says what is wrong with it.

mod splitter;

pub use splitter::{BlobLimits, DEPTH_MAX, RECORDS_MAX, RecordSplitter, SplitError};

use bytes::Bytes;

/// The records of a body that has arrived, without the white space around them. Each is a part of the body and not a copy. At most
/// [`RECORDS_MAX`] of them; the body's length is its owner's to limit.
///
/// # Errors
/// A body that is not one whole JSON array, see [`SplitError`].
pub fn split(body: &Bytes) -> Result<Vec<Bytes>, SplitError> {
    let mut splitter = RecordSplitter::new(BlobLimits {
        body_bytes_max: u64::MAX,
        record_bytes_max: usize::MAX,
        records_max: RECORDS_MAX,
    });
    let mut records = Vec::new();
    splitter.push(body, |record| records.push(record))?;
    splitter.finish()?;
    Ok(records)
}
