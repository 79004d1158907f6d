//! JSON objects and arrays after each other.
//!
//! An array is cut into its elements by brackets and quotes alone, as a content blob is. Objects are cut by lines: one ends where
//! its brackets are closed. If they are not, it ends where a string has no end on its line, or where another object begins at
//! the start of a line; so a broken record takes at most the next one with it.

use std::io::{self, BufRead, Read as _};

use bytes::Bytes;
use memchr::{memchr_iter, memchr2};
use records::{BlobLimits, DEPTH_MAX, RecordSplitter, SplitError};

use super::{ENTRY_BYTES_MAX, Hand, RecordFileError};

/// A text that is read on, and the line that comes next.
pub(super) struct Text {
    input: Box<dyn BufRead>,
    line: u64,
}

impl Text {
    pub(super) fn new(input: Box<dyn BufRead>) -> Self {
        Self { input, line: 1 }
    }

    /// The number of the line that is read next, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn into_input(self) -> Box<dyn BufRead> {
        self.input
    }

    /// The next byte that is no white space; it is not consumed. `None` at the end.
    pub(super) fn next_byte(&mut self) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let white = buffer.len() - buffer.trim_ascii_start().len();
            let next = buffer.get(white).copied();
            self.consume(white)?;
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    /// Appends the rest of this line, with its end. `false` when it is longer than `bytes_max`.
    pub(super) fn append_line(&mut self, bytes_max: usize, line: &mut Vec<u8>) -> io::Result<bool> {
        // One byte more than is allowed, so that a line that is too long shows.
        let limit = bytes_max as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', line)?;
        if line.last() == Some(&b'\n') {
            self.line += 1;
        }
        Ok((read as u64) < limit)
    }

    fn consume(&mut self, bytes: usize) -> io::Result<()> {
        let buffer = self.input.fill_buf()?;
        self.line += memchr_iter(b'\n', &buffer[..bytes]).count() as u64;
        self.input.consume(bytes);
        Ok(())
    }

    /// Whether the next line begins with an object, without any white space before it.
    fn is_at_object(&mut self) -> io::Result<bool> {
        Ok(self.input.fill_buf()?.first() == Some(&b'{'))
    }

    fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.input.fill_buf()?.is_empty())
    }
}

/// Reads to the end.
pub(super) fn read<E: From<RecordFileError>>(
    mut text: Text,
    hand: &mut Hand<'_, E>,
) -> Result<(), E> {
    let mut object = Vec::new();
    loop {
        let next = text
            .next_byte()
            .map_err(|error| hand.read_error(Some(text.line), error))?;
        match next {
            None => return Ok(()),
            Some(b'[') => array(&mut text, hand)?,
            Some(_) => {
                let line = text.line;
                let is_whole = next_object(&mut text, &mut object)
                    .map_err(|error| hand.read_error(Some(line), error))?;
                if !is_whole {
                    let at = hand.next(Some(line));
                    return Err(RecordFileError::of_entry(at).into());
                }
                hand.json(Some(line), object.trim_ascii_end())?;
            }
        }
    }
}

fn array<E: From<RecordFileError>>(text: &mut Text, hand: &mut Hand<'_, E>) -> Result<(), E> {
    let mut splitter = RecordSplitter::new(BlobLimits {
        body_bytes_max: u64::MAX,
        record_bytes_max: ENTRY_BYTES_MAX,
        records_max: u64::MAX,
    });
    let mut bytes = 0;
    loop {
        let buffer = text.input.fill_buf();
        let piece = buffer
            .map(Bytes::copy_from_slice)
            .map_err(|error| hand.read_error(None, error))?;
        if piece.is_empty() {
            let at = hand.next(None);
            return splitter
                .finish()
                .map_err(|error| RecordFileError::of_split(error, at).into());
        }
        let mut elements = Vec::new();
        let pushed = splitter.push(&piece, |element| elements.push(element));
        for element in elements {
            hand.json(None, &element)?;
        }
        let taken = match pushed {
            Ok(()) => piece.len(),
            // Where the array has ended, and something else begins.
            Err(SplitError::TrailingBytes { at }) => usize::try_from(at - bytes).unwrap_or(0),
            Err(error) => {
                let at = hand.next(None);
                return Err(RecordFileError::of_split(error, at).into());
            }
        };
        text.consume(taken)
            .map_err(|error| hand.read_error(None, error))?;
        if taken < piece.len() {
            return Ok(());
        }
        bytes += taken as u64;
    }
}

/// Reads an object, or a line that is none. `false` when it is longer than [`ENTRY_BYTES_MAX`].
fn next_object(text: &mut Text, object: &mut Vec<u8>) -> io::Result<bool> {
    object.clear();
    let mut brackets = Brackets::default();
    loop {
        let from = object.len();
        if !text.append_line(ENTRY_BYTES_MAX - from, object)? {
            return Ok(false);
        }
        let is_open = brackets.read(&object[from..]);
        if !is_open || text.is_at_end()? {
            return Ok(true);
        }
        if text.is_at_object()? && !brackets.may_be_followed_by_object() {
            return Ok(true);
        }
    }
}

/// Which brackets are open.
#[derive(Default)]
struct Brackets {
    open: Vec<u8>,
    /// The last byte outside strings that is no white space.
    last: u8,
}

impl Brackets {
    /// Reads a line. Whether the object goes on after it.
    fn read(&mut self, line: &[u8]) -> bool {
        let mut at = 0;
        while let Some(byte) = line.get(at).copied() {
            at += 1;
            match byte {
                b'"' => match string_end(line, at) {
                    Some(end) => at = end,
                    // No string holds the end of a line.
                    None => return false,
                },
                b'{' | b'[' if self.open.len() == DEPTH_MAX => return false,
                b'{' | b'[' => self.open.push(byte),
                b'}' | b']' => drop(self.open.pop()),
                _ => {}
            }
            if !byte.is_ascii_whitespace() {
                self.last = byte;
            }
        }
        !self.open.is_empty()
    }

    /// Only an element of an array can begin a line with an object; another member cannot.
    fn may_be_followed_by_object(&self) -> bool {
        self.open.last() == Some(&b'[') && matches!(self.last, b'[' | b',')
    }
}

/// The offset after the quote that ends a string.
fn string_end(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let found = at + memchr2(b'"', b'\\', line.get(at..)?)?;
        if line[found] == b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}
