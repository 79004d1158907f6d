//! The events of a blob, compressed as they are made: one object, or several for a long blob.

use std::io;

use memchr::memchr_iter;

use crate::store::lake::{Codec, Compressor, LakeError, Spool};

/// Bytes of events from which on another object begins. Whoever reads the lake reads an object whole: with the longest event on
/// top, 16 MiB, and not compressible, it stays below what compactor and forwarder take ([`crate::lake::object::OBJECT_BYTES_MAX`]).
pub const OBJECT_EVENTS_BYTES: usize = 16 * 1024 * 1024;

/// Lines that are compressed as they are added: the events of a blob are twice its size, and nobody needs them all at once.
pub(super) struct Lines {
    codec: Codec,
    count: u64,
    /// The objects that are full.
    full: Vec<Spool>,
    /// The one that is being made, and its length before compression. None before the first line: a compressor takes megabytes,
    /// and most routes stay empty.
    compressor: Option<(Compressor<Spool>, usize)>,
}

impl Lines {
    pub(super) fn none(codec: Codec) -> Self {
        Self {
            codec,
            count: 0,
            full: Vec::new(),
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
        let (mut compressor, bytes) = match self.compressor.take() {
            Some((compressor, bytes)) if bytes < OBJECT_EVENTS_BYTES => (compressor, bytes),
            before => {
                if let Some((compressor, _)) = before {
                    // A blob of a gigabyte has a hundred of these.
                    self.full.push(compressor.finish()?.leave_memory()?);
                }
                (Compressor::new(self.codec, Spool::default())?, 0)
            }
        };
        compressor.append(text)?;
        self.compressor = Some((compressor, bytes + text.len()));
        Ok(())
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The compressed objects, in order; none when there is no line, or when they were taken before.
    pub(super) fn take_objects(&mut self) -> Result<Vec<Spool>, LakeError> {
        if let Some((compressor, _)) = self.compressor.take() {
            self.full
                .push(compressor.finish().map_err(LakeError::Spool)?);
        }
        Ok(std::mem::take(&mut self.full))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read as _};

    use super::*;

    #[test]
    fn a_long_blob_becomes_several_objects_of_whole_lines() {
        let line = [vec![b'x'; 1_000_000], b"\n".to_vec()].concat();
        let mut lines = Lines::none(Codec::Gzip);
        for _ in 0..40 {
            lines.append(&line).unwrap();
        }
        let mut lengths = Vec::new();
        for mut object in lines.take_objects().unwrap() {
            let mut text = Vec::new();
            let stored = BufReader::new(object.reader().unwrap());
            Codec::Gzip
                .reader(stored)
                .unwrap()
                .read_to_end(&mut text)
                .unwrap();
            assert_eq!(text.last(), Some(&b'\n'));
            lengths.push(text.len() / line.len());
        }
        assert_eq!((lines.count(), lengths), (40, vec![17, 17, 6]));
        assert!(lines.take_objects().unwrap().is_empty());
    }
}
