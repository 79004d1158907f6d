//! The events of a blob, compressed as they are made: one object, or several for a long blob.

use std::io;

use memchr::memchr_iter;

use crate::store::lake::{Codec, Compressor, LakeError, Spool};

/// Bytes of a blob's records from which on their events are in another object. Counted in what was chosen as the blob, which
/// no later program or setting changes: whoever makes the events anew, a record's event is in the object that held it before.
///
/// Whoever reads the lake reads an object whole. Events are twice as long as their records: with the longest record on top, 8 MiB,
/// and hardly compressible, an object stays below what compactor and forwarder take
/// ([`crate::store::lake::object::OBJECT_BYTES_MAX`]).
pub(super) const PART_RECORDS_BYTES: usize = 8 * 1024 * 1024;

/// Lines that are compressed as they are added: the events of a blob are twice its size, and nobody needs them all at once.
pub(super) struct Lines {
    codec: Codec,
    count: u64,
    /// The objects of the parts before the one that is being made.
    full: Vec<Spool>,
    /// None before the first line of a part: a compressor takes megabytes, and most routes stay empty.
    open: Option<Compressor<Spool>>,
}

impl Lines {
    pub(super) fn none(codec: Codec) -> Self {
        Self {
            codec,
            count: 0,
            full: Vec::new(),
            open: None,
        }
    }

    /// Adds whole lines to a part, which is the last one or one after it: text that ends with a line break, or no text.
    pub(super) fn append(&mut self, part: usize, text: &[u8]) -> io::Result<()> {
        let ends = memchr_iter(b'\n', text).count();
        self.count += ends as u64;
        if ends == 0 {
            return Ok(());
        }
        // A part without lines is an object too: what an earlier attempt wrote there must not stay.
        while self.full.len() < part {
            let before = match self.open.take() {
                // A blob of a gigabyte has a hundred of these.
                Some(compressor) => compressor.finish()?.leave_memory()?,
                None => Compressor::new(self.codec, Spool::default())?.finish()?,
            };
            self.full.push(before);
        }
        let mut compressor = match self.open.take() {
            Some(compressor) => compressor,
            None => Compressor::new(self.codec, Spool::default())?,
        };
        compressor.append(text)?;
        self.open = Some(compressor);
        Ok(())
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The compressed objects of all parts up to the last one with a line, in order; none when there is no line, or when they
    /// were taken before.
    pub(super) fn take_objects(&mut self) -> Result<Vec<Spool>, LakeError> {
        if let Some(compressor) = self.open.take() {
            let last = compressor.finish().map_err(LakeError::Spool)?;
            self.full.push(last);
        }
        Ok(std::mem::take(&mut self.full))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read as _};

    use super::*;

    #[test]
    fn each_part_up_to_the_last_line_is_an_object() {
        let mut lines = Lines::none(Codec::Gzip);
        for (part, line) in [(0, "a\n"), (0, "b\n"), (1, ""), (3, "c\n")] {
            lines.append(part, line.as_bytes()).unwrap();
        }
        let mut found = Vec::new();
        for mut object in lines.take_objects().unwrap() {
            let mut text = String::new();
            let stored = BufReader::new(object.reader().unwrap());
            let mut plain = Codec::Gzip.reader(stored).unwrap();
            plain.read_to_string(&mut text).unwrap();
            found.push(text);
        }
        assert_eq!(lines.count(), 3);
        assert_eq!(found, ["a\nb\n", "", "", "c\n"]);
        assert!(lines.take_objects().unwrap().is_empty());
    }
}
