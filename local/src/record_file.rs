//! Files of raw audit records, as they come from the API and as people export them.
//!
//! A file is one of these, plain or gzip, in UTF-8 or UTF-16, with or without a byte order mark:
//!
//! - JSON objects: one a line, or each over several lines; JSON arrays; any number of either after each other
//! - a CSV export of the audit search, with a column `AuditData`
//!
//! An object or an element may be the record, or hold it in `AuditData`: as JSON text (`Search-UnifiedAuditLog`) or as an object
//! (Microsoft Graph, also its pages, with the records in `value`).
//!
//! Files are read as a stream: memory is bounded by [`ENTRY_BYTES_MAX`], whatever a file's length. Whatever is not a record is
//! handed over too, with its position.

mod json;
mod source;
mod table;
mod wrapped;

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use records::{BlobLimits, DEPTH_MAX, SplitError};

/// Longest entry taken, in bytes: a record with what it is wrapped in, or a page of them. JSON within JSON text can take six
/// times its length, and a page of Microsoft Graph holds up to 1,000 records of some kilobytes. The record in it may have as
/// many bytes as the pipeline takes: [`BlobLimits::record_bytes_max`].
pub const ENTRY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Standard input's name among the files.
pub const STANDARD_INPUT: &str = "-";

/// Where an entry stands in its file. Both are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line on which it begins; not counted within an array.
    pub line: Option<u64>,
    /// Its number among the file's records.
    pub record: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line} (record {})", self.record),
            None => write!(f, "record {}", self.record),
        }
    }
}

/// What a file holds in a record's place. It need not be a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The record without what it was wrapped in.
    pub record: &'a [u8],
    /// Where it stands.
    pub position: Position,
    /// It is an export's entry whose `AuditData` holds nothing: `record` is the entry itself, of a CSV file as an object.
    pub lacks_audit_data: bool,
}

/// A file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum RecordFileError {
    /// The system cannot open it.
    #[error("cannot be opened: {0}")]
    Open(io::Error),
    /// The system cannot read it, or it is damaged gzip.
    #[error("cannot be read to its end, only up to {at}: {source}")]
    Read {
        /// Where reading failed.
        at: Position,
        /// What the system said.
        source: io::Error,
    },
    /// It is a small file that would become a huge one.
    #[error("is gzip that expands too far; it was read up to {at}")]
    Expands {
        /// Where reading ended.
        at: Position,
    },
    /// It begins with none of the forms.
    #[error(
        "is no file of records: line {line} begins neither a JSON object nor an array, and is not the header of a CSV file with a column AuditData"
    )]
    NotRecords {
        /// The first line that is not empty.
        line: u64,
    },
    /// An array has no end: it was cut off, or a quote or a bracket is missing in a record.
    #[error(
        "has an array that does not end: it is cut off, or {at} lacks a quote or a bracket; the records before it were read"
    )]
    CutOff {
        /// The record that does not end.
        at: Position,
    },
    /// An entry is longer than [`ENTRY_BYTES_MAX`], or its record than the pipeline takes.
    #[error("has more than {bytes_max} bytes in {at}; the records before it were read")]
    TooLong {
        /// The entry.
        at: Position,
        /// The limit.
        bytes_max: usize,
    },
    /// An array nests deeper than any record does.
    #[error("nests deeper than {DEPTH_MAX} in {at}; the records before it were read")]
    TooDeep {
        /// The entry.
        at: Position,
    },
}

impl RecordFileError {
    fn of_read(error: io::Error, at: Position) -> Self {
        let cause = error.get_ref();
        if cause.is_some_and(|cause| cause.is::<source::Expands>()) {
            Self::Expands { at }
        } else if cause.is_some_and(|cause| cause.is::<table::TooLong>()) {
            Self::of_entry(at)
        } else {
            Self::Read { at, source: error }
        }
    }

    fn of_entry(at: Position) -> Self {
        Self::TooLong {
            at,
            bytes_max: ENTRY_BYTES_MAX,
        }
    }

    fn of_split(error: SplitError, at: Position) -> Self {
        match error {
            SplitError::RecordTooLong(_) => Self::of_entry(at),
            SplitError::TooDeep { .. } => Self::TooDeep { at },
            // The others cannot come: an array has begun, what follows it is read as the next, and the splitter has no limit of
            // its own for records and bytes.
            _ => Self::CutOff { at },
        }
    }
}

/// A file's name for messages.
pub fn name(file: &Path) -> Cow<'_, str> {
    if file.as_os_str() == STANDARD_INPUT {
        Cow::Borrowed("standard input")
    } else {
        file.to_string_lossy()
    }
}

/// Opens a file; `-` is standard input.
///
/// # Errors
/// The system cannot open it.
pub fn open(file: &Path) -> Result<Box<dyn BufRead>, RecordFileError> {
    if file.as_os_str() == STANDARD_INPUT {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(file).map_err(RecordFileError::Open)?;
    Ok(Box::new(BufReader::new(file)))
}

/// Hands each entry to `take`, until one is refused. Lines and elements that are no records are handed over too, empty lines are
/// not.
///
/// # Errors
/// See [`RecordFileError`], or what `take` returns; the entries before it were handed over.
pub fn read<E: From<RecordFileError>>(
    input: Box<dyn BufRead>,
    take: &mut dyn FnMut(Entry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut hand = Hand {
        records: 0,
        record_bytes_max: BlobLimits::default().record_bytes_max,
        take,
    };
    let text = source::text(input).map_err(|error| hand.read_error(None, error))?;
    let mut text = json::Text::new(text);
    match text.next_byte() {
        Ok(None) => Ok(()),
        Ok(Some(b'{' | b'[')) => json::read(text, &mut hand),
        Ok(Some(_)) => table::read(text, &mut hand),
        Err(error) => Err(hand.read_error(Some(text.line()), error)),
    }
}

/// Hands entries over and counts them.
struct Hand<'t, E> {
    records: u64,
    record_bytes_max: usize,
    take: &'t mut dyn FnMut(Entry<'_>) -> Result<(), E>,
}

impl<E: From<RecordFileError>> Hand<'_, E> {
    /// Where the next entry stands.
    fn next(&self, line: Option<u64>) -> Position {
        Position {
            line,
            record: self.records + 1,
        }
    }

    fn read_error(&self, line: Option<u64>, error: io::Error) -> E {
        RecordFileError::of_read(error, self.next(line)).into()
    }

    /// Hands over a JSON text, without what it is wrapped in.
    fn json(&mut self, line: Option<u64>, text: &[u8]) -> Result<(), E> {
        match wrapped::unwrap(text) {
            wrapped::Unwrapped::Page(page) => page
                .iter()
                .try_for_each(|entry| self.json_of_page(line, entry.get().as_bytes())),
            unwrapped => self.unwrapped(line, text, &unwrapped),
        }
    }

    /// The same, for an entry of a page: pages hold no pages.
    fn json_of_page(&mut self, line: Option<u64>, text: &[u8]) -> Result<(), E> {
        self.unwrapped(line, text, &wrapped::unwrap(text))
    }

    fn unwrapped(
        &mut self,
        line: Option<u64>,
        text: &[u8],
        unwrapped: &wrapped::Unwrapped,
    ) -> Result<(), E> {
        match unwrapped {
            wrapped::Unwrapped::Record(record) => self.record(line, record.as_bytes(), false),
            wrapped::Unwrapped::Lacking => self.record(line, text, true),
            wrapped::Unwrapped::Plain | wrapped::Unwrapped::Page(_) => {
                self.record(line, text, false)
            }
        }
    }

    fn record(
        &mut self,
        line: Option<u64>,
        record: &[u8],
        lacks_audit_data: bool,
    ) -> Result<(), E> {
        let position = self.next(line);
        if record.len() > self.record_bytes_max {
            return Err(RecordFileError::TooLong {
                at: position,
                bytes_max: self.record_bytes_max,
            }
            .into());
        }
        self.records += 1;
        (self.take)(Entry {
            record,
            position,
            lacks_audit_data,
        })
    }
}

#[cfg(test)]
mod tests;
