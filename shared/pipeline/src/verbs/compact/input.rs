//! One object of events into the rows: all of it, or nothing.

use std::io::Read;

use bytes::Bytes;
use columnar::{EncodeError, LinesError, NotAnEvent, Part, Parts, each_line};

use crate::store::lake::Codec;
use crate::store::lake::object::TEXT_BYTES_MAX;

/// Why an object is not in the files.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("line {line} is no OCSF event: {source}")]
    Line { line: usize, source: NotAnEvent },
    #[error("its text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
}

/// Why the reading of an object ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The rows have reached their limit in the middle of the object.
    #[error("the rows are at their limit")]
    Full,
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Nobody takes the files any more.
    #[error("the files are not wanted any more")]
    Unwanted,
}

impl From<LinesError> for Stopped {
    fn from(error: LinesError) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Takes finished files; an error when nobody wants them.
pub(super) type Give<'g> = &'g mut dyn FnMut(Part) -> Result<(), Stopped>;

/// Adds every event of an object, and answers how many they are. When the rows exceed `bytes_max`, files are made of the
/// largest until they do not.
///
/// An object that cannot be read leaves no trace: neither in the rows nor in a file. So its rows are held back until it was
/// read to its end; and where they are too many for that, it is read twice.
pub(super) fn add(
    parts: &mut Parts,
    key: &str,
    content: &Bytes,
    bytes_max: usize,
    give: Give<'_>,
) -> Result<usize, Stopped> {
    parts.set_savepoint();
    let added = read(key, content, |line| {
        parts.push(line)?;
        Ok(if parts.bytes() > bytes_max {
            Next::Full
        } else {
            Next::More
        })
    });
    let events = match added {
        Ok(events) => events,
        Err(Stopped::Full) => {
            parts.roll_back();
            check(key, content, bytes_max)?;
            return read_giving(parts, key, content, bytes_max, give);
        }
        Err(stopped) => {
            parts.roll_back();
            return Err(stopped);
        }
    };
    Ok(events)
}

/// What comes after a line.
enum Next {
    More,
    Full,
}

/// Calls `line` with each line, and answers how many there were.
fn read(
    key: &str,
    content: &Bytes,
    mut line: impl FnMut(&[u8]) -> Result<Next, NotAnEvent>,
) -> Result<usize, Stopped> {
    let (mut lines, mut bytes) = (0, 0);
    each_line(reader(key, content)?, |text| {
        lines += 1;
        bytes += text.len();
        if bytes > TEXT_BYTES_MAX {
            return Err(Unreadable::TooLong.into());
        }
        match line(text) {
            Ok(Next::More) => Ok(()),
            Ok(Next::Full) => Err(Stopped::Full),
            Err(source) => Err(Unreadable::Line {
                line: lines,
                source,
            }
            .into()),
        }
    })?;
    Ok(lines)
}

/// Reads an object to its end for its faults alone.
fn check(key: &str, content: &Bytes, bytes_max: usize) -> Result<(), Stopped> {
    let mut scratch = Parts::new();
    read(key, content, |line| {
        scratch.push(line)?;
        if scratch.bytes() > bytes_max {
            scratch = Parts::new();
        }
        Ok(Next::More)
    })?;
    Ok(())
}

/// Adds an object that is known to be good, giving files away on the way.
fn read_giving(
    parts: &mut Parts,
    key: &str,
    content: &Bytes,
    bytes_max: usize,
    give: Give<'_>,
) -> Result<usize, Stopped> {
    let mut lines = 0;
    each_line(reader(key, content)?, |line| {
        lines += 1;
        parts.push(line).map_err(|source| Unreadable::Line {
            line: lines,
            source,
        })?;
        while parts.bytes() > bytes_max {
            match parts.take_largest()? {
                Some(part) => give(part)?,
                None => break,
            }
        }
        Ok::<_, Stopped>(())
    })?;
    Ok(lines)
}

fn reader<'c>(key: &str, content: &'c Bytes) -> Result<Box<dyn Read + 'c>, Stopped> {
    Ok(Codec::of(key)
        .reader(&**content)
        .map_err(LinesError::from)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(text: &str) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap().into()
    }

    fn lines(count: usize) -> String {
        (0..count)
            .map(|at| format!("{{\"class_uid\":3002,\"time\":{at},\"message\":\"number {at}\"}}\n"))
            .collect()
    }

    /// Events added, files given on the way with their rows, and rows that are left.
    fn outcome(
        key: &str,
        content: &Bytes,
        bytes_max: usize,
    ) -> (Result<usize, String>, Vec<usize>, usize) {
        let mut parts = Parts::new();
        let mut given = Vec::new();
        let added = add(&mut parts, key, content, bytes_max, &mut |part| {
            given.push(part.rows);
            Ok(())
        });
        let left = std::iter::from_fn(|| parts.take_largest().unwrap())
            .map(|part| part.rows)
            .sum();
        (added.map_err(|error| error.to_string()), given, left)
    }

    #[test]
    fn the_ending_says_how_an_object_is_compressed() {
        let zstd: Bytes = zstd::bulk::compress(lines(3).as_bytes(), 1).unwrap().into();
        assert_eq!(
            outcome("a.ndjson.zst", &zstd, usize::MAX),
            (Ok(3), vec![], 3)
        );
        assert_eq!(
            outcome("a.ndjson.gz", &gzip(&lines(3)), usize::MAX),
            (Ok(3), vec![], 3)
        );
        assert!(outcome("a.ndjson.gz", &zstd, usize::MAX).0.is_err());
    }

    #[test]
    fn an_object_larger_than_the_rows_may_be_is_several_files() {
        let (added, given, left) = outcome("a.ndjson.gz", &gzip(&lines(2_000)), 30_000);
        assert_eq!(added, Ok(2_000));
        assert!(given.len() > 1, "{given:?}");
        assert_eq!(given.iter().sum::<usize>() + left, 2_000);
    }

    #[test]
    fn an_object_that_cannot_be_read_leaves_no_trace() {
        let check = |content: Bytes, expect: &str| {
            // Both while its rows are held back, and when it is read twice.
            for bytes_max in [usize::MAX, 30_000] {
                let (added, given, left) = outcome("a.ndjson.gz", &content, bytes_max);
                let error = added.unwrap_err();
                assert!(error.contains(expect), "{error}");
                assert_eq!((given.len(), left), (0, 0), "{expect}");
            }
        };
        let whole = gzip(&lines(2_000));
        check(whole.slice(..whole.len() - 9), "deflate");
        check(
            gzip(&format!("{}{{\"class_uid\":3002}}\n", lines(2_000))),
            "line 2001 is no OCSF event: no time",
        );
        check(gzip(&format!("{}[1]", lines(2_000))), "line 2001");
    }
}
