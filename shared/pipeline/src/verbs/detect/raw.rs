//! A raw copy, read as it comes, a portion of its records at a time: a blob of a gigabyte takes no more memory than a small one.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use object_store::path::Path;
use records::{RecordSplitter, SplitError};

use crate::content::BLOB_LIMITS;
use crate::store::lake::{Encoded, Lake, LakeError};

/// Records of one portion, beyond which what they join is written to the table.
pub const PORTION_RECORDS_MAX: usize = 10_000;

/// Bytes of the records of one portion.
pub const PORTION_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes that are decoded at once: they become 17 MB at most, since deflate makes 1,032 of one.
const DECODED_AT_ONCE: usize = 16 * 1024;

/// A raw copy that is not what was stored.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCopy {
    /// Its gzip is broken.
    #[error("the raw copy {path} is no gzip: {source}")]
    Gzip {
        /// Its key.
        path: Path,
        /// Why.
        source: std::io::Error,
    },
    /// It is no array of records.
    #[error("the raw copy {path} is no array of records: {source}")]
    Split {
        /// Its key.
        path: Path,
        /// Why.
        source: SplitError,
    },
}

/// A raw copy that is being read.
pub(super) struct RawCopy {
    path: Path,
    stored: Encoded,
    gzip: MultiGzDecoder<Vec<u8>>,
    splitter: RecordSplitter,
    /// What has come of a chunk and is not decoded yet.
    left: Bytes,
    is_over: bool,
}

impl RawCopy {
    pub(super) async fn open(lake: &Lake, path: &Path) -> Result<Self, LakeError> {
        Ok(Self {
            path: path.clone(),
            stored: lake.open_object(path).await?,
            gzip: MultiGzDecoder::new(Vec::new()),
            splitter: RecordSplitter::new(BLOB_LIMITS),
            left: Bytes::new(),
            is_over: false,
        })
    }

    /// The next elements of the blob; none at its end.
    pub(super) async fn portion(&mut self) -> Result<Option<Vec<Bytes>>, super::DetectError> {
        let (mut elements, mut bytes) = (Vec::new(), 0);
        while !self.is_over && elements.len() < PORTION_RECORDS_MAX && bytes < PORTION_BYTES_MAX {
            if self.left.is_empty() {
                match self.stored.chunk().await? {
                    Some(chunk) => self.left = chunk,
                    None => {
                        self.is_over = true;
                        let ended = self.gzip.try_finish();
                        ended.map_err(|source| self.no_gzip(source))?;
                    }
                }
            }
            let part = self.left.split_to(self.left.len().min(DECODED_AT_ONCE));
            let written = self.gzip.write_all(&part);
            written.map_err(|source| self.no_gzip(source))?;
            let decoded = Bytes::from(std::mem::take(self.gzip.get_mut()));
            let split = self.splitter.push(&decoded, |element| {
                bytes += element.len();
                elements.push(element);
            });
            split.map_err(|source| self.no_array(source))?;
        }
        if self.is_over {
            self.splitter
                .finish()
                .map_err(|source| self.no_array(source))?;
        }
        Ok((!elements.is_empty()).then_some(elements))
    }

    fn no_gzip(&self, source: std::io::Error) -> UnreadableCopy {
        let path = self.path.clone();
        UnreadableCopy::Gzip { path, source }
    }

    fn no_array(&self, source: SplitError) -> UnreadableCopy {
        let path = self.path.clone();
        UnreadableCopy::Split { path, source }
    }
}
