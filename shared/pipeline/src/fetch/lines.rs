//! The events of one object, compressed as they are made.

use std::io;

use memchr::memchr_iter;

use crate::store::lake::{Codec, Compressor, LakeError, Spool};

/// Lines that are compressed as they are added: the events of a blob are twice its size, and nobody needs them all at once.
pub(super) struct Lines {
    codec: Codec,
    count: u64,
    /// None before the first line: a compressor takes megabytes, and most routes stay empty.
    compressor: Option<Compressor<Spool>>,
}

impl Lines {
    pub(super) fn none(codec: Codec) -> Self {
        Self {
            codec,
            count: 0,
            compressor: None,
        }
    }

    /// Adds whole lines: text that ends with a line break, or no text.
    pub(super) fn append(&mut self, text: &[u8]) -> io::Result<()> {
        let ends = memchr_iter(b'\n', text).count();
        self.count += ends as u64;
        if ends == 0 {
            return Ok(());
        }
        if self.compressor.is_none() {
            self.compressor = Some(Compressor::new(self.codec, Spool::default())?);
        }
        self.compressor
            .as_mut()
            .map_or(Ok(()), |compressor| compressor.append(text))
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The compressed object; none when there is no line, or when it was taken before.
    pub(super) fn take_object(&mut self) -> Result<Option<Spool>, LakeError> {
        let compressor = self.compressor.take();
        compressor
            .map(Compressor::finish)
            .transpose()
            .map_err(LakeError::Spool)
    }
}
