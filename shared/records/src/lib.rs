//! Splits a content blob, which is a JSON array, into its records: by brackets and quotes alone, as it arrives, in
//! bounded memory.
//!
//! The records are not parsed. A record that is not JSON or not UTF-8 is cut out like any other and does not affect its
//! neighbours; whoever parses it reports the fault.

mod splitter;

pub use splitter::{BlobLimits, DEPTH_MAX, RECORDS_MAX, RecordSplitter, SplitError};

use bytes::Bytes;

/// The records of a complete body, without the white space around them. Each record is a slice of the body, not a copy.
/// Takes at most [`RECORDS_MAX`] records; the caller limits the length of the body.
///
/// # Errors
/// A body that is not a complete JSON array, see [`SplitError`].
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
