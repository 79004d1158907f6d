//! What comes in, piece by piece: decoded, checked, told apart, and kept in a spool, in bounded memory.

use std::fmt::Display;
use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use office365::{Encoding, TenantId};
use records::{RecordSplitter, SplitError};
use sha2::{Digest as _, Sha256};

use super::classes::{Classes, is_portion};
use super::error::FetchError;
use crate::content::BLOB_LIMITS;
use crate::store::lake::{Codec, Compressor, LakeError, Spool};

/// Longest blob as it comes over the wire. The largest that anybody has told of have some ten megabytes; this is twice what a
/// million records take uncompressed, and a spool of it fits the disk that a function has at least when it is compressed.
pub const WIRE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// How many times its own length a compressed blob may become, beyond [`FREE_OF_RATIO_BYTES`]. Audit records compress to a
/// tenth or a twentieth; a deflate bomb becomes a thousand times as long.
pub const RATIO_MAX: u64 = 200;

/// Decoded bytes that no ratio is asked for: repetition alone can make a small blob long.
pub const FREE_OF_RATIO_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes that are decoded at once: they become 17 MB at most, since deflate makes 1,032 of one.
const DECODED_AT_ONCE: usize = 16 * 1024;

/// Bytes of an unreadable body that are kept for a person to look at.
const UNREADABLE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A blob that came in whole, and is an array.
#[derive(Debug)]
pub(super) struct Taken {
    /// Its bytes, gzip.
    pub(super) spool: Spool,
    /// SHA-256 of its bytes before compression, in hex.
    pub(super) sha256: String,
    /// Its elements, when they are so few that they are read at once.
    pub(super) elements: Option<Vec<Bytes>>,
    /// What each element is, unless the elements are here.
    pub(super) classes: Classes,
}

/// A blob on its way in.
pub(super) struct Intake {
    tenant: TenantId,
    gzip: Option<MultiGzDecoder<Vec<u8>>>,
    redact: bool,
    kept: Kept,
    sha256: Sha256,
    splitter: RecordSplitter,
    /// Elements that were not told apart yet: at most a portion.
    elements: Vec<Bytes>,
    elements_bytes: usize,
    /// Whether elements were told apart, and let go.
    is_long: bool,
    classes: Classes,
    wire_bytes: u64,
    decoded_bytes: u64,
    unreadable: Option<Unreadable>,
}

/// What is stored.
enum Kept {
    /// What came over the wire: it is compressed already.
    Wire(Spool),
    /// What came, compressed by us.
    Compressed(Box<Compressor<Spool>>),
}

/// A body that is no array of records, and is read on for its bytes.
struct Unreadable {
    why: String,
    /// Its first bytes, where nothing was redacted before they were found to be unreadable.
    text: Option<Vec<u8>>,
}

impl Intake {
    /// Nothing has come yet. With `redact` the secrets of records are replaced before anything is kept.
    pub(super) fn new(tenant: TenantId, encoding: Encoding, redact: bool) -> Self {
        let gzip = (encoding == Encoding::Gzip).then(|| MultiGzDecoder::new(Vec::new()));
        Self {
            tenant,
            kept: if gzip.is_some() && !redact {
                Kept::Wire(Spool::default())
            } else {
                Kept::Compressed(compressor())
            },
            gzip,
            redact,
            sha256: Sha256::new(),
            splitter: RecordSplitter::new(BLOB_LIMITS),
            elements: Vec::new(),
            elements_bytes: 0,
            is_long: false,
            classes: Classes::default(),
            wire_bytes: 0,
            decoded_bytes: 0,
            unreadable: None,
        }
    }

    /// Takes the next bytes as they came.
    ///
    /// # Errors
    /// The blob is over a limit, or the spool's disk is full. What is no array is told at the end, since its bytes are wanted.
    pub(super) fn push(&mut self, chunk: &Bytes) -> Result<(), FetchError> {
        self.wire_bytes += chunk.len() as u64;
        if self.unreadable.is_some() && self.decoded_bytes > UNREADABLE_BYTES_MAX {
            return Err(self.unreadable_now());
        }
        if let Kept::Wire(spool) = &mut self.kept {
            spool.write_all(chunk).map_err(LakeError::Spool)?;
        }
        let Some(mut gzip) = self.gzip.take() else {
            return self.decoded(chunk);
        };
        for part in chunk.chunks(DECODED_AT_ONCE) {
            let written = gzip.write_all(part);
            let decoded = std::mem::take(gzip.get_mut());
            self.decoded(&decoded.into())?;
            if let Err(error) = written {
                // The rest cannot be decoded; what was is enough to look at.
                self.note_unreadable(&format!("it is no gzip: {error}"), &Bytes::new());
                return Err(self.unreadable_now().in_part());
            }
        }
        self.gzip = Some(gzip);
        Ok(())
    }

    /// The blob, after its last bytes. `proven` says that HTTP knows it to be whole.
    ///
    /// # Errors
    /// [`FetchError::Unreadable`] when it is no array of records; one that may only have been cut off is not whole.
    pub(super) fn finish(mut self, proven: bool) -> Result<Taken, FetchError> {
        if let Some(mut gzip) = self.gzip.take() {
            let ended = gzip.try_finish();
            let decoded = std::mem::take(gzip.get_mut());
            self.decoded(&decoded.into())?;
            if let Err(error) = ended {
                let why = format!("it ended early: its gzip does not end as it should: {error}");
                self.note_unreadable(&why, &Bytes::new());
                return Err(self.unreadable_now().in_part());
            }
        }
        if self.unreadable.is_none()
            && let Err(why) = self.splitter.finish()
        {
            self.note_unreadable(&why, &Bytes::new());
            if !proven {
                return Err(self.unreadable_now().in_part());
            }
        }
        if self.unreadable.is_some() {
            return Err(self.unreadable_now());
        }
        if self.redact {
            let end = if self.splitter.records() == 0 {
                "[]"
            } else {
                "]"
            };
            self.keep(end.as_bytes())?;
        }
        let elements = if self.is_long {
            self.tell_apart();
            None
        } else {
            Some(self.elements)
        };
        Ok(Taken {
            spool: ended(self.kept)?,
            sha256: hex::encode(self.sha256.finalize()),
            elements,
            classes: self.classes,
        })
    }

    fn decoded(&mut self, piece: &Bytes) -> Result<(), FetchError> {
        self.decoded_bytes += piece.len() as u64;
        if !self.redact {
            self.sha256.update(piece);
            if let Kept::Compressed(compressor) = &mut self.kept {
                compressor.append(piece).map_err(LakeError::Spool)?;
            }
        }
        if let Some(unreadable) = &mut self.unreadable {
            unreadable.add(piece);
            return Ok(());
        }
        if self.decoded_bytes > FREE_OF_RATIO_BYTES.max(self.wire_bytes * RATIO_MAX) {
            let why = format!("it decompresses to more than {RATIO_MAX} times its length");
            return Err(FetchError::over_limit(why));
        }
        let mut new = Vec::new();
        let split = self.splitter.push(piece, |element| new.push(element));
        for element in new {
            self.element(element)?;
        }
        match split {
            Ok(()) => Ok(()),
            Err(
                limit @ (SplitError::BlobTooLong(_)
                | SplitError::RecordTooLong(_)
                | SplitError::TooManyRecords(_)
                | SplitError::TooDeep { .. }),
            ) => Err(FetchError::over_limit(limit)),
            Err(why) => {
                self.note_unreadable(&why, piece);
                Ok(())
            }
        }
    }

    fn element(&mut self, mut element: Bytes) -> Result<(), FetchError> {
        if self.redact {
            if let Some(clean) = normalize::redact_element(&element) {
                element = clean.into();
            }
            let is_first = self.classes.len() == 0 && self.elements.is_empty();
            self.keep(if is_first { b"[" } else { b"," })?;
            self.keep(&element)?;
        }
        self.elements_bytes += element.len();
        self.elements.push(element);
        if is_portion(self.elements.len(), self.elements_bytes) {
            self.is_long = true;
            self.tell_apart();
        }
        Ok(())
    }

    /// Keeps bytes that are not those that came.
    fn keep(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.sha256.update(bytes);
        if let Kept::Compressed(compressor) = &mut self.kept {
            compressor.append(bytes).map_err(LakeError::Spool)?;
        }
        Ok(())
    }

    fn tell_apart(&mut self) {
        self.classes.add(self.tenant, &self.elements);
        self.elements.clear();
        self.elements_bytes = 0;
    }

    fn note_unreadable(&mut self, why: &dyn Display, piece: &Bytes) {
        if self.unreadable.is_some() {
            return;
        }
        let nothing_redacted = self.classes.len() == 0 && self.elements.is_empty();
        let mut unreadable = Unreadable {
            why: why.to_string(),
            text: (self.redact && nothing_redacted).then(Vec::new),
        };
        unreadable.add(piece);
        self.unreadable = Some(unreadable);
    }

    /// The error of a body that is no array, with its bytes. With `redact`, without them when they may hold a secret.
    fn unreadable_now(&mut self) -> FetchError {
        let Unreadable { why, text } = self.unreadable.take().unwrap_or(Unreadable {
            why: "it cannot be read".to_owned(),
            text: None,
        });
        let kept = std::mem::replace(&mut self.kept, Kept::Wire(Spool::default()));
        if !self.redact {
            let sha256 = hex::encode(self.sha256.finalize_reset());
            return match ended(kept) {
                Ok(copy) => FetchError::unreadable(why, sha256, Some(copy)),
                Err(error) => error.into(),
            };
        }
        let text = match text {
            Some(text) if !normalize::may_hold_secrets(&text) => text,
            _ => {
                let length = self.decoded_bytes;
                format!(
                    "[redacted: {length} bytes that are no array of records and may hold a secret]"
                )
                .into_bytes()
            }
        };
        let sha256 = hex::encode(Sha256::digest(&text));
        let mut compressor = compressor();
        let written = compressor.append(&text).map_err(LakeError::Spool);
        match written.and_then(|()| ended(Kept::Compressed(compressor))) {
            Ok(copy) => FetchError::unreadable(why, sha256, Some(copy)),
            Err(error) => error.into(),
        }
    }
}

impl Unreadable {
    fn add(&mut self, piece: &[u8]) {
        if let Some(text) = &mut self.text {
            text.extend_from_slice(piece);
        }
    }
}

/// Gzip needs no memory that could be missing.
fn compressor() -> Box<Compressor<Spool>> {
    match Compressor::new(Codec::Gzip, Spool::default()) {
        Ok(compressor) => Box::new(compressor),
        Err(_) => unreachable!("a gzip compressor is made without a fault"),
    }
}

fn ended(kept: Kept) -> Result<Spool, LakeError> {
    match kept {
        Kept::Wire(spool) => Ok(spool),
        Kept::Compressed(compressor) => compressor.finish().map_err(LakeError::Spool),
    }
}

#[cfg(test)]
mod tests;
