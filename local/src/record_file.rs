//! Files of raw audit records: NDJSON or one JSON array, plain or gzip.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use records::{SplitError, split};

/// Longest line and longest JSON array taken, in bytes. An array is held in memory as a whole; the largest blobs seen have some
/// hundred MiB.
pub const INPUT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Standard input's name among the files.
const STANDARD_INPUT: &str = "-";

/// A file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum RecordFileError {
    /// The system cannot read it.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It begins like a JSON array and is none.
    #[error("is not a JSON array of records: {0}")]
    Array(#[from] SplitError),
    /// A line or an array is longer than [`INPUT_BYTES_MAX`].
    #[error("has a line or an array of more than {INPUT_BYTES_MAX} bytes; write one record a line")]
    TooLarge,
}

/// Opens a file; `-` is standard input.
///
/// # Errors
/// The system cannot open it.
pub fn open(file: &Path) -> io::Result<Box<dyn BufRead>> {
    Ok(if file.as_os_str() == STANDARD_INPUT {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file)?))
    })
}

/// Hands each record to `take`, until one is refused. The form and the compression are told by the first bytes. A line that is no
/// record is handed over too; an empty one is not.
///
/// # Errors
/// See [`RecordFileError`], or what `take` returns; the records before it were handed over.
pub fn read<E: From<RecordFileError>>(
    mut input: Box<dyn BufRead>,
    take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if is_gzip(&mut input)? {
        input = Box::new(BufReader::new(MultiGzDecoder::new(input)));
    }
    if is_array(&mut input)? {
        let body = read_whole(input)?;
        for record in split(&body.into()).map_err(RecordFileError::from)? {
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

fn is_gzip(input: &mut Box<dyn BufRead>) -> Result<bool, RecordFileError> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    Ok(input.fill_buf()?.starts_with(&GZIP))
}

/// Skips a byte order mark and white space; whether an array begins after it.
fn is_array(input: &mut Box<dyn BufRead>) -> Result<bool, RecordFileError> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    if input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        input.consume(BYTE_ORDER_MARK.len());
    }
    loop {
        let buffer = input.fill_buf()?;
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
fn next_line(input: &mut Box<dyn BufRead>, line: &mut Vec<u8>) -> Result<bool, RecordFileError> {
    line.clear();
    // One byte more than is allowed, so that a line that is too long shows.
    let read = input.take(INPUT_BYTES_MAX + 1).read_until(b'\n', line)?;
    if read as u64 > INPUT_BYTES_MAX {
        return Err(RecordFileError::TooLarge);
    }
    Ok(read > 0)
}

fn read_whole(input: Box<dyn BufRead>) -> Result<Vec<u8>, RecordFileError> {
    let mut body = Vec::new();
    let read = input.take(INPUT_BYTES_MAX + 1).read_to_end(&mut body)?;
    if read as u64 > INPUT_BYTES_MAX {
        return Err(RecordFileError::TooLarge);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn records(input: &[u8]) -> Result<Vec<String>, RecordFileError> {
        let mut records = Vec::new();
        let input = Box::new(io::Cursor::new(input.to_vec()));
        read(input, &mut |record| {
            records.push(String::from_utf8_lossy(record).into_owned());
            Ok::<(), RecordFileError>(())
        })?;
        Ok(records)
    }

    fn check(input: &str, expect: &[&str]) {
        assert_eq!(records(input.as_bytes()).unwrap(), expect, "{input}");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(input.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(records(&gzip).unwrap(), expect, "gzip of {input}");
    }

    #[test]
    fn lines_and_arrays_are_told_apart() {
        let (a, b) = (r#"{"Id":"a"}"#, r#"{"Id":"b"}"#);
        for input in [
            format!("{a}\n{b}\n"),
            format!("\r\n  {a}\r\n\n{b}"),
            format!("\u{feff}{a}\n{b}"),
            format!("[{a},{b}]"),
            format!("\n \u{20}[\n{a},\n{b}\n]\n"),
        ] {
            check(&input, &[a, b]);
        }
    }

    #[test]
    fn an_empty_file_has_no_records() {
        for input in ["", " \n\n", "[]"] {
            check(input, &[]);
        }
    }

    #[test]
    fn a_truncated_array_is_an_error() {
        let error = records(b"[{\"Id\":\"a\"}").unwrap_err();
        assert!(matches!(error, RecordFileError::Array(_)));
    }
}
