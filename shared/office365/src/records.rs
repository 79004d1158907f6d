//! Cuts a JSON array into its elements while it arrives, in bounded memory, and knows whether it was complete.
//!
//! Only the array itself is checked, and that brackets and quotes in its elements are balanced: one malformed record is
//! the reader's to judge and does not spoil the others.

use bytes::{Bytes, BytesMut};

/// How much of a blob is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobLimits {
    /// Longest blob, decoded.
    pub body_bytes_max: u64,
    /// Longest record: also what a stream keeps in memory beyond one piece of the answer.
    pub record_bytes_max: usize,
    /// Most records.
    pub records_max: u64,
}

impl Default for BlobLimits {
    fn default() -> Self {
        Self {
            // Microsoft's largest seen have some ten megabytes; a decompression bomb ends here.
            body_bytes_max: 1024 * 1024 * 1024,
            // Records are split by Microsoft well below this.
            record_bytes_max: 8 * 1024 * 1024,
            records_max: 2_000_000,
        }
    }
}

/// The bytes are not a whole JSON array within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Something else than `[` comes first.
    #[error("it is not a JSON array")]
    NotAnArray,
    /// A comma, bracket or quote is missing or too many.
    #[error("its brackets, commas or quotes do not match")]
    Unbalanced,
    /// More follows after the closing bracket.
    #[error("something follows after its closing bracket")]
    Trailing,
    /// The closing bracket is missing.
    #[error("it ends before its closing bracket")]
    Cut,
    /// Brackets are nested deeper than [`DEPTH_MAX`].
    #[error("a record is nested deeper than 128 levels")]
    TooDeep,
    /// A limit is exceeded.
    #[error("it exceeds the limit of {0}")]
    TooLarge(&'static str),
}

/// Deepest nesting: what `serde_json` reads too.
pub const DEPTH_MAX: u32 = 128;

/// Where in the array the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before `[`.
    Before,
    /// After `[`: a value or `]`.
    First,
    /// After `,`: a value.
    Next,
    /// In a value.
    Inside,
    /// After `]`.
    After,
}

/// Cuts an array into elements. Feed it every piece, then [`RecordSplitter::finish`].
#[derive(Debug)]
pub struct RecordSplitter {
    limits: BlobLimits,
    place: Place,
    in_string: bool,
    escaped: bool,
    depth: u32,
    /// One bit for each open bracket, the innermost lowest: 1 for `{`.
    kinds: u128,
    /// The beginning of an element whose end has not arrived.
    begun: BytesMut,
    body_bytes: u64,
    records: u64,
}

impl RecordSplitter {
    /// A splitter at the beginning of a blob.
    #[must_use]
    pub fn new(limits: BlobLimits) -> Self {
        Self {
            limits,
            place: Place::Before,
            in_string: false,
            escaped: false,
            depth: 0,
            kinds: 0,
            begun: BytesMut::new(),
            body_bytes: 0,
            records: 0,
        }
    }

    /// Takes the next piece and gives every element that ends in it, to `take`, without copying where it can.
    ///
    /// # Errors
    /// When the bytes so far cannot begin an array within the limits. What was given before stays given.
    pub fn push(&mut self, piece: &Bytes, mut take: impl FnMut(Bytes)) -> Result<(), SplitError> {
        self.body_bytes += piece.len() as u64;
        if self.body_bytes > self.limits.body_bytes_max {
            return Err(SplitError::TooLarge("bytes in a blob"));
        }
        // A byte order mark, should it ever come, comes whole.
        let mut at = match self.place {
            Place::Before if piece.starts_with(b"\xef\xbb\xbf") => 3,
            _ => 0,
        };
        let mut start = 0;
        while at < piece.len() {
            if self.in_string {
                at = self.skip_string(piece, at);
                continue;
            }
            let byte = piece[at];
            if self.place != Place::Inside {
                if !byte.is_ascii_whitespace() && self.between(byte)? {
                    start = at;
                    continue;
                }
            } else if self.inside(byte)? {
                let record = self.cut(piece, start, at);
                self.place = if byte == b',' {
                    Place::Next
                } else {
                    Place::After
                };
                self.count(record.len())?;
                take(record);
            }
            at += 1;
        }
        if self.place == Place::Inside {
            self.begun.extend_from_slice(&piece[start..]);
            if self.begun.len() > self.limits.record_bytes_max {
                return Err(SplitError::TooLarge("bytes in a record"));
            }
        }
        Ok(())
    }

    /// Checks that the array is complete.
    ///
    /// # Errors
    /// When its closing bracket has not come.
    pub fn finish(&self) -> Result<(), SplitError> {
        match self.place {
            Place::After => Ok(()),
            Place::Before if self.body_bytes == 0 => Err(SplitError::Cut),
            Place::Before => Err(SplitError::NotAnArray),
            _ => Err(SplitError::Cut),
        }
    }

    /// Elements given so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// A byte between elements; true when it begins one.
    fn between(&mut self, byte: u8) -> Result<bool, SplitError> {
        match (self.place, byte) {
            (Place::Before, b'[') => self.place = Place::First,
            (Place::Before, _) => return Err(SplitError::NotAnArray),
            (Place::First, b']') => self.place = Place::After,
            (Place::After, _) => return Err(SplitError::Trailing),
            (_, b',' | b']' | b'}' | b':') => return Err(SplitError::Unbalanced),
            _ => {
                self.place = Place::Inside;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A byte inside an element, outside a string; true when the element ended before it.
    fn inside(&mut self, byte: u8) -> Result<bool, SplitError> {
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                if self.depth == DEPTH_MAX {
                    return Err(SplitError::TooDeep);
                }
                self.depth += 1;
                self.kinds = self.kinds << 1 | u128::from(byte == b'{');
            }
            b',' | b']' if self.depth == 0 => return Ok(true),
            b'}' | b']' => {
                let opened_by_brace = self.kinds & 1 == 1;
                if self.depth == 0 || opened_by_brace != (byte == b'}') {
                    return Err(SplitError::Unbalanced);
                }
                self.depth -= 1;
                self.kinds >>= 1;
            }
            _ => {}
        }
        Ok(false)
    }

    /// Goes to the byte after the string's end, or to the end of the piece.
    fn skip_string(&mut self, piece: &[u8], mut at: usize) -> usize {
        while at < piece.len() {
            let byte = piece[at];
            at += 1;
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_string = false;
                break;
            }
        }
        at
    }

    /// The element that ends before `end`, without trailing whitespace.
    fn cut(&mut self, piece: &Bytes, start: usize, end: usize) -> Bytes {
        let record = if self.begun.is_empty() {
            piece.slice(start..end)
        } else {
            self.begun.extend_from_slice(&piece[..end]);
            self.begun.split().freeze()
        };
        let trimmed = record.trim_ascii_end().len();
        record.slice(..trimmed)
    }

    fn count(&mut self, record_bytes: usize) -> Result<(), SplitError> {
        self.records += 1;
        if record_bytes > self.limits.record_bytes_max {
            return Err(SplitError::TooLarge("bytes in a record"));
        }
        if self.records > self.limits.records_max {
            return Err(SplitError::TooLarge("records in a blob"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Splits a text fed in pieces of `step` bytes.
    fn split(text: &[u8], step: usize, limits: BlobLimits) -> Result<Vec<String>, SplitError> {
        let mut splitter = RecordSplitter::new(limits);
        let mut found = Vec::new();
        for piece in text.chunks(step.max(1)) {
            splitter.push(&Bytes::copy_from_slice(piece), |record| {
                found.push(String::from_utf8_lossy(&record).into_owned());
            })?;
        }
        splitter.finish()?;
        Ok(found)
    }

    #[track_caller]
    fn check(text: &str, expect: Result<&[&str], SplitError>) {
        for step in [1, 2, 3, 7, text.len()] {
            let found = split(text.as_bytes(), step, BlobLimits::default());
            let found = found
                .as_ref()
                .map(|found| found.iter().map(String::as_str).collect());
            assert_eq!(
                found,
                expect.as_ref().map(|e| e.to_vec()),
                "{text:?} by {step}"
            );
        }
    }

    #[test]
    fn an_array_is_cut_wherever_its_pieces_end() {
        check("[]", Ok(&[]));
        check(" [ ] \r\n", Ok(&[]));
        check(
            r#"[{"a":"]}\",["},{"b":[1,2,{}]} ,3, "x" ]"#,
            Ok(&[r#"{"a":"]}\",["}"#, r#"{"b":[1,2,{}]}"#, "3", "\"x\""]),
        );
        check(r#"[{"a":"\\"},null]"#, Ok(&[r#"{"a":"\\"}"#, "null"]));
    }

    #[test]
    fn what_is_not_a_whole_array_is_an_error_and_never_a_short_blob() {
        check("", Err(SplitError::Cut));
        check("[", Err(SplitError::Cut));
        check("[1", Err(SplitError::Cut));
        check("[1,", Err(SplitError::Cut));
        check(r#"[{"a":1}"#, Err(SplitError::Cut));
        check(r#"[{"a":"]"#, Err(SplitError::Cut));
        check("<html>", Err(SplitError::NotAnArray));
        check(r#"{"error":{}}"#, Err(SplitError::NotAnArray));
        check("[1]]", Err(SplitError::Trailing));
        check("[][]", Err(SplitError::Trailing));
        check("[1,]", Err(SplitError::Unbalanced));
        check("[,1]", Err(SplitError::Unbalanced));
        check("[{]}", Err(SplitError::Unbalanced));
        check("[1}", Err(SplitError::Unbalanced));
        check(&"[".repeat(200), Err(SplitError::TooDeep));
    }

    #[test]
    fn limits_hold_wherever_the_pieces_end() {
        let limits = BlobLimits {
            body_bytes_max: 40,
            record_bytes_max: 5,
            records_max: 3,
        };
        for step in [1, 4, 100] {
            assert!(split(b"[12345,1,2]", step, limits).is_ok());
            assert!(split(b"[123456,1]", step, limits).is_err());
            assert!(split(b"[1,2,3,4]", step, limits).is_err());
            assert!(split(&[b' '; 41], step, limits).is_err());
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let found = split(b"\xef\xbb\xbf[1]", 100, BlobLimits::default());
        assert_eq!(found, Ok(vec!["1".to_owned()]));
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[\\PC\\\\\"\\[\\]{},:\n]{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec(("[\\PC\"]{0,4}", inner), 0..4)
                    .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_array_gives_its_elements_however_it_is_cut(
            values in prop::collection::vec(any_json(), 0..6),
            step in 1_usize..40,
        ) {
            let text = serde_json::to_string(&values).unwrap();
            let expect: Vec<String> = values.iter().map(ToString::to_string).collect();
            prop_assert_eq!(split(text.as_bytes(), step, BlobLimits::default()), Ok(expect));
        }

        #[test]
        fn no_beginning_of_an_array_passes_for_a_whole_one(
            values in prop::collection::vec(any_json(), 0..4),
            part in 0.0_f64..1.0,
        ) {
            let text = serde_json::to_string(&values).unwrap();
            let cut = (text.len() as f64 * part) as usize;
            prop_assert!(split(&text.as_bytes()[..cut], 16, BlobLimits::default()).is_err());
        }

        #[test]
        fn what_passes_for_an_array_has_as_many_elements_as_json_says(text in "[\\[\\]{},:\"\\\\a1 ]{0,24}") {
            if let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(&text) {
                let found = split(text.as_bytes(), 5, BlobLimits::default());
                prop_assert_eq!(found.map(|found| found.len()), Ok(values.len()));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), step in 1_usize..50) {
            let _ = split(&bytes, step, BlobLimits::default());
        }
    }
}
