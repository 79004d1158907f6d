//! CSV exports of the audit search: a header with `AuditData` in any place, and a record as JSON text in each row.

use std::io::{self, Cursor, Read};

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use super::json::Text;
use super::{ENTRY_BYTES_MAX, Hand, RecordFileError};

/// What separates columns: a comma, or what Excel and PowerShell's `-UseCulture` write where the comma is the decimal sign.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// The column with the record.
const AUDIT_DATA: &str = "AuditData";

/// Longest header looked at, in bytes; the search's has some 200.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Windows PowerShell writes a line before the header that begins like this.
const TYPE_LINE: &[u8] = b"#TYPE";

/// A row is longer than [`ENTRY_BYTES_MAX`].
#[derive(Debug, thiserror::Error)]
#[error("a row has more than {ENTRY_BYTES_MAX} bytes")]
pub(super) struct TooLong;

/// Reads to the end.
pub(super) fn read<E: From<RecordFileError>>(
    mut text: Text,
    hand: &mut Hand<'_, E>,
) -> Result<(), E> {
    let mut first = text.line();
    let mut header = Vec::new();
    let mut read = text.append_line(HEADER_BYTES_MAX, &mut header);
    if header.starts_with(TYPE_LINE) {
        header.clear();
        first = text.line();
        read = text.append_line(HEADER_BYTES_MAX, &mut header);
    }
    read.map_err(|error| hand.read_error(Some(first), error))?;
    let Some((delimiter, column)) = audit_data(&header) else {
        return Err(RecordFileError::NotRecords { line: first }.into());
    };
    let rows = Metered {
        input: Cursor::new(header).chain(text.into_input()),
        left: ENTRY_BYTES_MAX,
    };
    let mut rows = ReaderBuilder::new()
        .delimiter(delimiter)
        // A row that lacks cells is no reason to end.
        .flexible(true)
        .from_reader(rows);
    let mut row = ByteRecord::new();
    loop {
        rows.get_mut().left = ENTRY_BYTES_MAX;
        let line = first - 1 + rows.position().line();
        match rows.read_byte_record(&mut row) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => return Err(hand.read_error(Some(line), io_error(error))),
        }
        let line = row.position().map(|at| first - 1 + at.line());
        match row.get(column).map(<[u8]>::trim_ascii) {
            Some(record) if !record.is_empty() => hand.record(line, record, false)?,
            _ => {
                let headers = rows.byte_headers();
                let headers = headers.map_err(|error| hand.read_error(line, io_error(error)))?;
                let entry = object(headers, &row).to_string();
                hand.record(line, entry.as_bytes(), true)?;
            }
        }
    }
}

/// The only kind of error that bytes can give.
fn io_error(error: csv::Error) -> io::Error {
    if !error.is_io_error() {
        return error.into();
    }
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// The delimiter of a header and the place of its column `AuditData`, if it has one.
fn audit_data(header: &[u8]) -> Option<(u8, usize)> {
    DELIMITERS.into_iter().find_map(|delimiter| {
        let mut cells = ByteRecord::new();
        ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .from_reader(header)
            .read_byte_record(&mut cells)
            .ok()?;
        let is_it = |cell: &[u8]| {
            cell.trim_ascii()
                .eq_ignore_ascii_case(AUDIT_DATA.as_bytes())
        };
        Some((delimiter, cells.iter().position(is_it)?))
    })
}

/// A row without a record, so that what it does say is not lost.
fn object(headers: &ByteRecord, row: &ByteRecord) -> Value {
    let mut object = Map::new();
    for (number, cell) in row.iter().enumerate() {
        let name = headers.get(number).map_or_else(
            || format!("Column{}", number + 1),
            |name| String::from_utf8_lossy(name).into_owned(),
        );
        object.insert(name, String::from_utf8_lossy(cell).into());
    }
    object.into()
}

/// Ends with [`TooLong`] when a row takes too much: a quote that is never closed would take the rest of the file.
struct Metered<R> {
    input: R,
    left: usize,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read)
            .ok_or_else(|| io::Error::other(TooLong))?;
        Ok(read)
    }
}
