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
    /// The objects that are full, each with the number of its part.
    full: Vec<(usize, Spool)>,
    /// The one that is being made. None before the first line: a compressor takes megabytes, and most routes stay empty.
    open: Option<(usize, Compressor<Spool>)>,
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
        let mut compressor = match self.open.take() {
            Some((number, compressor)) if number == part => compressor,
            before => {
                if let Some((number, compressor)) = before {
                    // A blob of a gigabyte has a hundred of these.
                    self.full
                        .push((number, compressor.finish()?.leave_memory()?));
                }
                Compressor::new(self.codec, Spool::default())?
            }
        };
        compressor.append(text)?;
        self.open = Some((part, compressor));
        Ok(())
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The compressed objects, in order, each with the number of its part; none when there is no line, or when they were taken
    /// before.
    pub(super) fn take_objects(&mut self) -> Result<Vec<(usize, Spool)>, LakeError> {
        if let Some((number, compressor)) = self.open.take() {
            let last = compressor.finish().map_err(LakeError::Spool)?;
            self.full.push((number, last));
        }
        Ok(std::mem::take(&mut self.full))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read as _};

    use super::*;

    #[test]
    fn each_part_that_has_lines_is_an_object() {
        let mut lines = Lines::none(Codec::Gzip);
        for (part, line) in [(0, "a\n"), (0, "b\n"), (1, ""), (3, "c\n")] {
            lines.append(part, line.as_bytes()).unwrap();
        }
        let mut found = Vec::new();
        for (part, mut object) in lines.take_objects().unwrap() {
            let mut text = String::new();
            let stored = BufReader::new(object.reader().unwrap());
            let mut plain = Codec::Gzip.reader(stored).unwrap();
            plain.read_to_string(&mut text).unwrap();
            found.push((part, text));
        }
        let expect = [(0, "a\nb\n".to_owned()), (3, "c\n".to_owned())];
        assert_eq!((lines.count(), found), (3, expect.into()));
        assert!(lines.take_objects().unwrap().is_empty());
    }
}
