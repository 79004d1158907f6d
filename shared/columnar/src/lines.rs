//! A stream of bytes as lines, within a bound of memory.

use std::io::{self, BufRead as _, BufReader, Read};

/// Longest line, in bytes: the event of the longest record that is taken (8 MiB) stays below it; the longest seen have
/// 200 KB.
pub const LINE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// The lines cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The bytes end in an error, such as those of an archive that is cut off.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A line has no end.
    #[error("a line is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
}

/// Calls `line` with each line that has anything in it, without its line break, until it fails.
///
/// # Errors
/// Those of `line`, and [`LinesError`].
pub fn each_line<E: From<LinesError>>(
    from: impl Read,
    mut line: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut from = BufReader::with_capacity(CHUNK_BYTES, from);
    let mut text = Vec::new();
    loop {
        text.clear();
        // With room for the line break, and for a byte too many.
        let mut bounded = from.by_ref().take(LINE_BYTES_MAX as u64 + 2);
        let read = bounded.read_until(b'\n', &mut text);
        if read.map_err(LinesError::from)? == 0 {
            return Ok(());
        }
        if text.strip_suffix(b"\n").unwrap_or(&text).len() > LINE_BYTES_MAX {
            return Err(LinesError::TooLong.into());
        }
        let whole = text.trim_ascii();
        if !whole.is_empty() {
            line(whole)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let mut first = self.0.get(..1).unwrap_or_default();
            let read = first.read(buffer)?;
            self.0 = &self.0[read..];
            Ok(read)
        }
    }

    fn lines(from: impl Read) -> Result<Vec<String>, LinesError> {
        let mut lines = Vec::new();
        each_line(from, |line| {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
            Ok::<_, LinesError>(())
        })?;
        Ok(lines)
    }

    fn check(text: &str, expect: &[&str]) {
        assert_eq!(lines(text.as_bytes()).unwrap(), expect, "{text:?}");
        assert_eq!(
            lines(Dripping(text.as_bytes())).unwrap(),
            expect,
            "{text:?}"
        );
    }

    #[test]
    fn lines_are_whole_however_the_bytes_come() {
        check("", &[]);
        check("a\nbb\n", &["a", "bb"]);
        check("a\r\n\n  \nbb", &["a", "bb"]);
        let long = "x".repeat(3 * CHUNK_BYTES);
        check(&format!("a\n{long}\nb\n"), &["a", &long, "b"]);
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let endless = io::repeat(b'x');
        assert!(matches!(lines(endless), Err(LinesError::TooLong)));
    }

    #[test]
    fn a_failing_line_ends_the_reading() {
        let mut seen = 0;
        let result = each_line(&b"a\nb\nc\n"[..], |line| {
            seen += 1;
            if line == b"b" {
                Err(LinesError::TooLong)
            } else {
                Ok(())
            }
        });
        assert!(result.is_err());
        assert_eq!(seen, 2);
    }
}
