//! A content blob to its records, by brackets and quotes alone.
//!
//! The blob is not parsed: a record that is not JSON, or not UTF-8, must not take its neighbours with it.

mod marks;

use marks::Marks;

/// Records in one blob. Blobs seen hold up to some thousands; this bounds the list at 3 MB.
pub const RECORDS_MAX: usize = 200_000;

/// Brackets in brackets. Records nest 7 deep; a blob beyond this is an attack on whoever parses it next.
pub const BLOB_DEPTH_MAX: usize = 1_024;

/// Why a body is not a whole JSON array.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Nothing but white space.
    #[error("the content blob is empty; fetch it again")]
    Empty,
    /// The first character is not `[`: an error page or an error object, mostly.
    #[error("the content blob is not a JSON array")]
    NotAnArray,
    /// The body ends before its closing bracket.
    #[error(
        "the content blob is cut off after {bytes} bytes, inside record {record}; fetch it again"
    )]
    CutOff {
        /// Length of the body.
        bytes: usize,
        /// Number of the unfinished record, from 0.
        record: usize,
    },
    /// Something follows the closing bracket.
    #[error("the content blob goes on at byte {at}, after its closing bracket")]
    TrailingBytes {
        /// Offset of the first byte that is too many.
        at: usize,
    },
    /// More than [`RECORDS_MAX`] records.
    #[error("the content blob holds more than {RECORDS_MAX} records")]
    TooManyRecords,
    /// Nested deeper than [`BLOB_DEPTH_MAX`].
    #[error("the content blob nests deeper than {BLOB_DEPTH_MAX} at byte {at}")]
    TooDeep {
        /// Offset of the bracket that is too many.
        at: usize,
    },
}

/// The elements of a content blob: a JSON array of records, without the white space around them. A UTF-8 byte order
/// mark is passed over. What stands between two commas may be anything; [`fn@crate::identify`] says whether it is a record.
///
/// # Errors
/// A body that is not one whole JSON array, see [`BlobError`].
pub fn split(body: &[u8]) -> Result<Vec<&[u8]>, BlobError> {
    let start = body.len() - body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).len();
    let Some(open) = skip_blanks(body, start) else {
        return Err(BlobError::Empty);
    };
    if body[open] != b'[' {
        return Err(BlobError::NotAnArray);
    }
    let mut records = Vec::new();
    let (mut depth, mut from) = (0usize, open + 1);
    for at in Marks::new(body, from) {
        match body[at] {
            b'{' | b'[' => {
                depth += 1;
                if depth > BLOB_DEPTH_MAX {
                    return Err(BlobError::TooDeep { at });
                }
                continue;
            }
            b',' | b']' if depth == 0 => {}
            b',' => continue,
            _ => {
                depth = depth.saturating_sub(1);
                continue;
            }
        }
        let element = body[from..at].trim_ascii();
        let last = body[at] == b']';
        if !(last && records.is_empty() && element.is_empty()) {
            if records.len() == RECORDS_MAX {
                return Err(BlobError::TooManyRecords);
            }
            records.push(element);
        }
        from = at + 1;
        if last {
            return match skip_blanks(body, from) {
                None => Ok(records),
                Some(at) => Err(BlobError::TrailingBytes { at }),
            };
        }
    }
    Err(BlobError::CutOff {
        bytes: body.len(),
        record: records.len(),
    })
}

fn skip_blanks(body: &[u8], from: usize) -> Option<usize> {
    (from..body.len()).find(|at| !body[*at].is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expect: Result<&[&str], BlobError>) {
        let expect = expect.map(|records| {
            records
                .iter()
                .map(|record| record.as_bytes())
                .collect::<Vec<_>>()
        });
        assert_eq!(split(body.as_bytes()), expect, "{body}");
    }

    #[test]
    fn yields_the_elements_trimmed() {
        check("[]", Ok(&[]));
        check(" [ ] \n", Ok(&[]));
        check("\u{feff}[{\"a\":1}]", Ok(&["{\"a\":1}"]));
        check(
            "[ {\"a\":[1,2]} ,\n{\"b\":{\"c\":\"]},{\"}}]",
            Ok(&["{\"a\":[1,2]}", "{\"b\":{\"c\":\"]},{\"}}"]),
        );
        check(
            r#"[{"a":"\"\\"},1,"x,]",null]"#,
            Ok(&[r#"{"a":"\"\\"}"#, "1", "\"x,]\"", "null"]),
        );
    }

    #[test]
    fn an_unreadable_record_leaves_its_neighbours_alone() {
        check(
            "[{\"a\":1},{\"b\" oops},{\"c\":3}]",
            Ok(&["{\"a\":1}", "{\"b\" oops}", "{\"c\":3}"]),
        );
        check(
            "[{\"a\":\"line\nbreak\"},2]",
            Ok(&["{\"a\":\"line\nbreak\"}", "2"]),
        );
        check("[1,,2]", Ok(&["1", "", "2"]));
        assert_eq!(
            split(b"[{\"a\":\"\xff\"},{}]").map(|records| records.len()),
            Ok(2)
        );
    }

    #[test]
    fn refuses_what_is_not_a_whole_array() {
        check("", Err(BlobError::Empty));
        check(" \n", Err(BlobError::Empty));
        check("{\"error\":{}}", Err(BlobError::NotAnArray));
        check("<html>", Err(BlobError::NotAnArray));
        check(
            "[{\"a\":1},{\"b\":",
            Err(BlobError::CutOff {
                bytes: 14,
                record: 1,
            }),
        );
        check(
            "[{\"a\":\"x",
            Err(BlobError::CutOff {
                bytes: 8,
                record: 0,
            }),
        );
        check(
            "[{\"a\":\"x\\",
            Err(BlobError::CutOff {
                bytes: 9,
                record: 0,
            }),
        );
        check("[1] [2]", Err(BlobError::TrailingBytes { at: 4 }));
    }

    #[test]
    fn bounds_depth_and_number() {
        let deep = format!("[{}", "[".repeat(BLOB_DEPTH_MAX + 1));
        check(
            &deep,
            Err(BlobError::TooDeep {
                at: BLOB_DEPTH_MAX + 1,
            }),
        );
        let many = format!("[{}1]", "1,".repeat(RECORDS_MAX));
        check(&many, Err(BlobError::TooManyRecords));
    }
}
