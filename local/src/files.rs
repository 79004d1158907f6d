//! `normalize FILE...`: raw records in, OCSF events out, without any back end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::AddAssign;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use normalize::{Action, Context, Options, event};
use records::{SplitError, split};

/// Longest line and longest JSON array taken, in bytes. An array is held as a whole; the largest blobs seen have some
/// hundred MiB.
pub const INPUT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Standard input's name among the files.
const STANDARD_INPUT: &str = "-";

/// A file was not normalized to its end.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// The events cannot be written.
    #[error("the events cannot be written: {0}")]
    Write(io::Error),
    /// It begins like a JSON array and is none.
    #[error("is not a JSON array of records: {0}")]
    Array(#[from] SplitError),
    /// It is too large to be one array or one line.
    #[error("has a line or an array of more than {INPUT_BYTES_MAX} bytes; write one record a line")]
    TooLarge,
}

impl FileError {
    /// Whether whoever read the events has gone away, as `head` does.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Appends one event a line to `out` for each record of the file, `-` being standard input. The file is NDJSON or one JSON
/// array, plain or gzip, told by its first bytes. Every line makes an event, also one that is no record, but for what the
/// filter drops; what it routes stands among the others. Returns what became of them.
///
/// # Errors
/// See [`FileError`]; what was read before is written.
pub fn normalize_file(
    file: &Path,
    options: &Options,
    out: &mut dyn Write,
) -> Result<Tally, FileError> {
    normalize_input(open(file)?, options, out)
}

/// Hands over each record of a file as [`normalize_file`] reads it, until one is refused.
///
/// # Errors
/// See [`FileError`].
pub fn read_records(
    file: &Path,
    take: &mut dyn FnMut(&[u8]) -> Result<(), FileError>,
) -> Result<(), FileError> {
    records(open(file)?, take)
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, FileError> {
    Ok(if file.as_os_str() == STANDARD_INPUT {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file).map_err(FileError::Read)?))
    })
}

fn normalize_input(
    input: Box<dyn BufRead>,
    options: &Options,
    out: &mut dyn Write,
) -> Result<Tally, FileError> {
    let context = Context {
        content_type: None,
        content_created_ms: None,
        options,
    };
    let mut events = Events {
        context,
        out,
        line: Vec::new(),
        tally: Tally::default(),
    };
    records(input, &mut |record| events.write(record))?;
    Ok(events.tally)
}

fn records(
    mut input: Box<dyn BufRead>,
    take: &mut dyn FnMut(&[u8]) -> Result<(), FileError>,
) -> Result<(), FileError> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    if input
        .fill_buf()
        .map_err(FileError::Read)?
        .starts_with(&GZIP)
    {
        input = Box::new(BufReader::new(MultiGzDecoder::new(input)));
    }
    if is_array(&mut input)? {
        let mut body = Vec::new();
        read_bounded(&mut input.take(INPUT_BYTES_MAX + 1), &mut body)?;
        for record in split(&body.into())? {
            take(&record)?;
        }
    } else {
        let mut line = Vec::new();
        while next_line(&mut input, &mut line)? {
            if !line.trim_ascii().is_empty() {
                take(line.trim_ascii())?;
            }
        }
    }
    Ok(())
}

/// Events on their way out.
struct Events<'a> {
    context: Context<'a>,
    out: &'a mut dyn Write,
    line: Vec<u8>,
    tally: Tally,
}

/// What became of the records of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records, and lines that are none.
    pub records: u64,
    /// Without an event, since the filter drops them.
    pub dropped: u64,
    /// Of a type that is in none of Microsoft's tables.
    pub unknown_types: u64,
    /// With an operation that neither a rule nor a verb tells.
    pub unknown_operations: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.records += more.records;
        self.dropped += more.dropped;
        self.unknown_types += more.unknown_types;
        self.unknown_operations += more.unknown_operations;
    }
}

impl Events<'_> {
    fn write(&mut self, record: &[u8]) -> Result<(), FileError> {
        self.line.clear();
        let outcome = event(record, &self.context, &mut self.line);
        self.out.write_all(&self.line).map_err(FileError::Write)?;
        self.tally.records += 1;
        self.tally.dropped += u64::from(outcome.decision.action == Action::Drop);
        if let Some(unknown) = outcome.unknown {
            self.tally.unknown_types += u64::from(unknown.is_type);
            self.tally.unknown_operations += u64::from(unknown.is_operation);
        }
        Ok(())
    }
}

/// Skips a byte order mark and white space; whether an array begins after it.
fn is_array(input: &mut Box<dyn BufRead>) -> Result<bool, FileError> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    if input
        .fill_buf()
        .map_err(FileError::Read)?
        .starts_with(BYTE_ORDER_MARK)
    {
        input.consume(BYTE_ORDER_MARK.len());
    }
    loop {
        let buffer = input.fill_buf().map_err(FileError::Read)?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let white = buffer.len() - buffer.trim_ascii_start().len();
        if white < buffer.len() {
            let first = buffer[white];
            input.consume(white);
            return Ok(first == b'[');
        }
        input.consume(white);
    }
}

/// Reads the next line into `line`; `false` at the end.
fn next_line(input: &mut Box<dyn BufRead>, line: &mut Vec<u8>) -> Result<bool, FileError> {
    line.clear();
    let read = input
        .take(INPUT_BYTES_MAX + 1)
        .read_until(b'\n', line)
        .map_err(FileError::Read)?;
    if read as u64 > INPUT_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    Ok(read > 0)
}

fn read_bounded(input: &mut dyn Read, body: &mut Vec<u8>) -> Result<(), FileError> {
    let read = input.read_to_end(body).map_err(FileError::Read)?;
    if read as u64 > INPUT_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const RECORDS: [&str; 2] = [
        r#"{"Id":"a","RecordType":15,"Operation":"UserLoggedIn","CreationTime":"2026-01-01T00:00:00"}"#,
        r#"{"Id":"b","RecordType":1,"Operation":"Set-Mailbox","CreationTime":"2026-01-01T00:00:01"}"#,
    ];

    fn uids(input: &[u8]) -> Vec<Option<String>> {
        let mut out = Vec::new();
        let input: Box<dyn BufRead> = Box::new(io::Cursor::new(input.to_vec()));
        let tally = normalize_input(input, &Options::default(), &mut out).unwrap();
        let uids: Vec<_> = out
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap())
            .map(|event| event["metadata"]["uid"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(tally.records, uids.len() as u64);
        uids
    }

    fn check(input: &str) {
        let expect = [Some("a".to_owned()), Some("b".to_owned())];
        assert_eq!(uids(input.as_bytes()), expect, "{input}");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(input.as_bytes()).unwrap();
        assert_eq!(uids(&gzip.finish().unwrap()), expect, "gzip of {input}");
    }

    #[test]
    fn lines_and_arrays_are_told_apart() {
        let [a, b] = RECORDS;
        check(&format!("{a}\n{b}\n"));
        check(&format!("\r\n  {a}\r\n\n{b}"));
        check(&format!("\u{feff}{a}\n{b}"));
        check(&format!("[{a},{b}]"));
        check(&format!("\n \u{20}[\n{a},\n{b}\n]\n"));
    }

    #[test]
    fn a_line_that_is_no_record_makes_an_event_all_the_same() {
        let [a, _] = RECORDS;
        let uids = uids(format!("{{\"Id\":\n{a}\nnonsense\n").as_bytes());
        assert_eq!(uids.len(), 3);
        assert_eq!(uids[1], Some("a".to_owned()));
    }

    #[test]
    fn what_no_rule_knows_is_counted() {
        let record = r#"{"Id":"a","RecordType":9999,"Operation":"Anything"}"#;
        let input = format!("{record}\n{}\n{record}", RECORDS[0]);
        let input: Box<dyn BufRead> = Box::new(io::Cursor::new(input.into_bytes()));
        let tally = normalize_input(input, &Options::default(), &mut Vec::new()).unwrap();
        let expect = Tally {
            records: 3,
            dropped: 0,
            unknown_types: 2,
            unknown_operations: 2,
        };
        assert_eq!(tally, expect);
    }

    #[test]
    fn nothing_makes_nothing() {
        assert!(uids(b"").is_empty());
        assert!(uids(b" \n\n").is_empty());
        assert!(uids(b"[]").is_empty());
    }

    #[test]
    fn an_array_that_is_cut_off_is_an_error() {
        let input: Box<dyn BufRead> = Box::new(io::Cursor::new(b"[{\"Id\":\"a\"}".to_vec()));
        let error = normalize_input(input, &Options::default(), &mut Vec::new()).unwrap_err();
        assert!(matches!(error, FileError::Array(_)));
    }
}
