//! The splitter: its position in the array, and the start of a record whose end has not arrived.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

/// Records in one blob. Observed blobs hold up to a few thousand; this limits the list of a whole body's records to 6
/// MB.
pub const RECORDS_MAX: u64 = 200_000;

/// Depth of nested brackets. Records nest 7 deep; a deeper blob is an attack on its parser.
pub const DEPTH_MAX: usize = 1_024;

/// Written before UTF-8 text by some editors and proxies. It is skipped.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Limits for a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobLimits {
    /// Longest blob in bytes, decoded.
    pub body_bytes_max: u64,
    /// Longest record in bytes: also the most that a splitter keeps in memory besides the current piece of the blob.
    pub record_bytes_max: usize,
    /// Most records in a blob.
    pub records_max: u64,
}

impl Default for BlobLimits {
    fn default() -> Self {
        Self {
            // Microsoft's largest observed blobs have about ten megabytes. This stops a decompression bomb.
            body_bytes_max: 1024 * 1024 * 1024,
            // Microsoft splits records well below this size.
            record_bytes_max: 8 * 1024 * 1024,
            records_max: RECORDS_MAX,
        }
    }
}

/// Why the bytes are not a complete JSON array within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The blob is only white space.
    #[error("the content blob is empty; fetch it again")]
    Empty,
    /// The first character is not `[`. Mostly it is an error page or an error object.
    #[error("the content blob is not a JSON array")]
    NotAnArray,
    /// The body ends before the closing bracket.
    #[error(
        "the content blob is cut off after {bytes} bytes, inside record {record}; fetch it again"
    )]
    CutOff {
        /// Length of the body.
        bytes: u64,
        /// Number of the incomplete record, counted from 0.
        record: u64,
    },
    /// Something follows the closing bracket.
    #[error("the content blob goes on at byte {at}, after its closing bracket")]
    TrailingBytes {
        /// Offset of the first extra byte.
        at: u64,
    },
    /// The blob nests deeper than [`DEPTH_MAX`].
    #[error("the content blob nests deeper than {DEPTH_MAX} at byte {at}")]
    TooDeep {
        /// Offset of the bracket that is too deep.
        at: u64,
    },
    /// The blob has more records than this limit.
    #[error("the content blob holds more than {0} records")]
    TooManyRecords(u64),
    /// A record is longer than this limit in bytes.
    #[error("a record of the content blob is longer than {0} bytes")]
    RecordTooLong(usize),
    /// The blob is longer than this limit in bytes.
    #[error("the content blob is longer than {0} bytes")]
    BlobTooLong(u64),
}

/// Position of the next byte in the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before `[`.
    Before,
    /// After `[`: a record or `]` follows.
    First,
    /// After `,`: a record follows.
    Next,
    /// In a record.
    Inside,
    /// After `]`.
    After,
}

/// Splits an array into its elements. Call [`RecordSplitter::push`] with every piece, then [`RecordSplitter::finish`].
#[derive(Debug)]
pub struct RecordSplitter {
    limits: BlobLimits,
    place: Place,
    /// How many bytes of [`BYTE_ORDER_MARK`] have arrived.
    mark: usize,
    in_string: bool,
    /// The previous byte is a backslash in a string, so the next byte has no meaning of its own.
    escaped: bool,
    depth: usize,
    /// The start of a record whose end has not arrived.
    begun: BytesMut,
    /// Length of all pieces before the current one.
    bytes: u64,
    records: u64,
}

impl RecordSplitter {
    /// A splitter at the beginning of a blob.
    #[must_use]
    pub fn new(limits: BlobLimits) -> Self {
        Self {
            limits,
            place: Place::Before,
            mark: 0,
            in_string: false,
            escaped: false,
            depth: 0,
            begun: BytesMut::new(),
            bytes: 0,
            records: 0,
        }
    }

    /// Takes the next piece of the blob and passes every record that ends in it to `take`, without the white space
    /// around it. A record is only copied when it began in an earlier piece. The text between two commas may be
    /// anything, even empty.
    ///
    /// # Errors
    /// When the bytes so far cannot be the start of an array within the limits. Records passed to `take` before remain
    /// valid.
    pub fn push(&mut self, piece: &Bytes, mut take: impl FnMut(Bytes)) -> Result<(), SplitError> {
        if self.bytes + piece.len() as u64 > self.limits.body_bytes_max {
            return Err(SplitError::BlobTooLong(self.limits.body_bytes_max));
        }
        let (mut at, mut start) = (0, 0);
        while at < piece.len() {
            if self.in_string {
                at = self.skip_string(piece, at);
                continue;
            }
            let byte = piece[at];
            let ends = match self.place {
                Place::Inside => self.inside(byte, at)?,
                _ if byte.is_ascii_whitespace() => false,
                Place::First | Place::Next => {
                    start = at;
                    self.begins(byte, at)?
                }
                Place::Before | Place::After => self.around(byte, at)?,
            };
            if ends {
                take(self.cut(piece, start, at)?);
                self.place = match byte {
                    b',' => Place::Next,
                    _ => Place::After,
                };
            }
            at += 1;
        }
        if self.place == Place::Inside {
            self.begun.extend_from_slice(&piece[start..]);
            self.limit(self.begun.len())?;
        }
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Checks that the array is complete.
    ///
    /// # Errors
    /// [`SplitError::CutOff`] when the closing bracket is missing, [`SplitError::Empty`] when nothing has arrived.
    pub fn finish(&self) -> Result<(), SplitError> {
        match self.place {
            Place::After => Ok(()),
            Place::Before if self.is_unmarked_or_marked() => Err(SplitError::Empty),
            Place::Before => Err(SplitError::NotAnArray),
            Place::First | Place::Next | Place::Inside => Err(SplitError::CutOff {
                bytes: self.bytes,
                record: self.records,
            }),
        }
    }

    /// The number of records passed on so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Handles a byte outside the array.
    fn around(&mut self, byte: u8, at: usize) -> Result<bool, SplitError> {
        let at = self.bytes + at as u64;
        if self.place == Place::After {
            return Err(SplitError::TrailingBytes { at });
        }
        let is_mark = at == self.mark as u64 && BYTE_ORDER_MARK.get(self.mark) == Some(&byte);
        match byte {
            b'[' if self.is_unmarked_or_marked() => self.place = Place::First,
            _ if is_mark => self.mark += 1,
            _ => return Err(SplitError::NotAnArray),
        }
        Ok(false)
    }

    /// Whether the byte order mark is missing or complete.
    fn is_unmarked_or_marked(&self) -> bool {
        self.mark == 0 || self.mark == BYTE_ORDER_MARK.len()
    }

    /// Handles the first byte after `[` or a comma. Returns true when there is no record before it.
    fn begins(&mut self, byte: u8, at: usize) -> Result<bool, SplitError> {
        if self.place == Place::First && byte == b']' {
            self.place = Place::After;
            return Ok(false);
        }
        self.place = Place::Inside;
        self.inside(byte, at)
    }

    /// Handles a byte of a record, outside strings. Returns true when the record ended before it.
    fn inside(&mut self, byte: u8, at: usize) -> Result<bool, SplitError> {
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' if self.depth == DEPTH_MAX => {
                let at = self.bytes + at as u64;
                return Err(SplitError::TooDeep { at });
            }
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return Ok(true),
            // Whether the closing bracket matches is checked by the parser of the record.
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(false)
    }

    /// Skips to the byte after the end of the string, or to the end of the piece.
    fn skip_string(&mut self, piece: &[u8], mut at: usize) -> usize {
        at += usize::from(std::mem::take(&mut self.escaped));
        while let Some(ahead) = memchr2(b'"', b'\\', &piece[at..]) {
            at += ahead + 1;
            if piece[at - 1] == b'"' {
                self.in_string = false;
                return at;
            }
            if at == piece.len() {
                self.escaped = true;
                return at;
            }
            at += 1;
        }
        piece.len()
    }

    /// The record that ends before `end`, without trailing white space.
    fn cut(&mut self, piece: &Bytes, start: usize, end: usize) -> Result<Bytes, SplitError> {
        let record = if self.begun.is_empty() {
            piece.slice(start..end)
        } else {
            self.begun.extend_from_slice(&piece[..end]);
            self.begun.split().freeze()
        };
        let record = record.slice(..record.trim_ascii_end().len());
        self.limit(record.len())?;
        if self.records == self.limits.records_max {
            return Err(SplitError::TooManyRecords(self.limits.records_max));
        }
        self.records += 1;
        Ok(record)
    }

    fn limit(&self, record_bytes: usize) -> Result<(), SplitError> {
        let max = self.limits.record_bytes_max;
        if record_bytes > max {
            return Err(SplitError::RecordTooLong(max));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Splits a text that arrives in pieces of `step` bytes.
    fn split(text: &[u8], step: usize, limits: BlobLimits) -> Result<Vec<String>, SplitError> {
        let mut splitter = RecordSplitter::new(limits);
        let mut found = Vec::new();
        for piece in text.chunks(step.max(1)) {
            splitter.push(&Bytes::copy_from_slice(piece), |record| {
                found.push(String::from_utf8_lossy(&record).into_owned());
            })?;
        }
        splitter.finish()?;
        assert_eq!(splitter.records(), found.len() as u64);
        Ok(found)
    }

    #[track_caller]
    fn check(text: &str, expect: Result<&[&str], SplitError>) {
        for step in [1, 2, 3, 7, text.len()] {
            let found = split(text.as_bytes(), step, BlobLimits::default());
            let found = found
                .as_ref()
                .map(|found| found.iter().map(String::as_str).collect());
            let expect = expect.as_ref().map(|expect| expect.to_vec());
            assert_eq!(found, expect, "{text:?} by {step}");
        }
    }

    #[test]
    fn an_array_is_split_wherever_its_pieces_end() {
        check("[]", Ok(&[]));
        check(" [ ] \r\n", Ok(&[]));
        check("\u{feff}[{\"a\":1}]", Ok(&["{\"a\":1}"]));
        check(
            r#"[{"a":"]}\",["},{"b":[1,2,{}]} ,3, "x,]" ]"#,
            Ok(&[r#"{"a":"]}\",["}"#, r#"{"b":[1,2,{}]}"#, "3", "\"x,]\""]),
        );
        check(
            r#"[{"a":"\"\\"},1,"\\\\",null]"#,
            Ok(&[r#"{"a":"\"\\"}"#, "1", r#""\\\\""#, "null"]),
        );
    }

    #[test]
    fn an_unreadable_record_does_not_affect_its_neighbours() {
        check(
            "[{\"a\":1},{\"b\" oops},{\"c\":3}]",
            Ok(&["{\"a\":1}", "{\"b\" oops}", "{\"c\":3}"]),
        );
        check(
            "[{\"a\":\"line\nbreak\"},2]",
            Ok(&["{\"a\":\"line\nbreak\"}", "2"]),
        );
        check("[1 , ,2]", Ok(&["1", "", "2"]));
        check("[,1]", Ok(&["", "1"]));
        check("[1,]", Ok(&["1", ""]));
        check("[{]},1]", Ok(&["{]}", "1"]));
        check("[\\\",1\"]", Ok(&["\\\",1\""]));
        let found = split(b"[{\"a\":\"\xff\"},{}]", 3, BlobLimits::default());
        assert_eq!(found.map(|found| found.len()), Ok(2));
    }

    #[test]
    fn only_a_complete_byte_order_mark_is_skipped() {
        check("\u{feff}", Err(SplitError::Empty));
        for text in [
            &b"\xef\xbb[1]"[..],
            b" \xef\xbb\xbf[1]",
            b"\xef",
            b"\xbb[1]",
        ] {
            let found = split(text, 1, BlobLimits::default());
            assert_eq!(found, Err(SplitError::NotAnArray), "{text:?}");
        }
    }

    #[test]
    fn an_incomplete_array_is_an_error() {
        let cut = |bytes, record| Err(SplitError::CutOff { bytes, record });
        let trailing = |at| Err(SplitError::TrailingBytes { at });
        check("", Err(SplitError::Empty));
        check(" \n", Err(SplitError::Empty));
        check("[", cut(1, 0));
        check("[1", cut(2, 0));
        check("[1,", cut(3, 1));
        check(r#"[{"a":1}"#, cut(8, 0));
        check(r#"[{"a":1},{"b":"#, cut(14, 1));
        check(r#"[{"a":"x"#, cut(8, 0));
        check(r#"[{"a":"x\"#, cut(9, 0));
        check("[{]}", cut(4, 0));
        check("[1}", cut(3, 0));
        check("<html>", Err(SplitError::NotAnArray));
        check(r#"{"error":{}}"#, Err(SplitError::NotAnArray));
        check("[1]]", trailing(3));
        check("[1] [2]", trailing(4));
    }

    #[test]
    fn limits_hold_wherever_the_pieces_end() {
        let limits = BlobLimits {
            body_bytes_max: 40,
            record_bytes_max: 5,
            records_max: 3,
        };
        for step in [1, 4, 100] {
            let wrong = |text: &[u8]| split(text, step, limits).err();
            assert_eq!(wrong(b"[12345,1,2]"), None);
            assert_eq!(wrong(b"[123456,1]"), Some(SplitError::RecordTooLong(5)));
            assert_eq!(wrong(b"[1,2,3,4]"), Some(SplitError::TooManyRecords(3)));
            assert_eq!(wrong(&[b' '; 41]), Some(SplitError::BlobTooLong(40)));
        }
    }

    #[test]
    fn depth_and_record_count_of_a_body_are_limited() {
        let at = DEPTH_MAX as u64 + 1;
        let deep = Bytes::from(format!("[{}", "[".repeat(DEPTH_MAX + 1)));
        assert_eq!(crate::split(&deep), Err(SplitError::TooDeep { at }));
        let many = Bytes::from(format!("[{}1]", "1,".repeat(RECORDS_MAX as usize)));
        let expect = Err(SplitError::TooManyRecords(RECORDS_MAX));
        assert_eq!(crate::split(&many), expect);
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
        fn an_array_gives_the_same_elements_however_it_is_cut(
            values in prop::collection::vec(any_json(), 0..6),
            step in 1_usize..40,
        ) {
            let text = serde_json::to_string(&values).unwrap();
            let expect: Vec<String> = values.iter().map(ToString::to_string).collect();
            prop_assert_eq!(split(text.as_bytes(), step, BlobLimits::default()), Ok(expect));
        }

        #[test]
        fn white_space_around_elements_is_left_out(values in prop::collection::vec(any_json(), 0..5), step in 1_usize..40) {
            let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
            let blob = format!("\u{feff} [ {} ]\n", texts.join(" ,\n"));
            prop_assert_eq!(split(blob.as_bytes(), step, BlobLimits::default()), Ok(texts));
        }

        #[test]
        fn the_start_of_an_array_is_not_a_complete_one(
            values in prop::collection::vec(any_json(), 0..4),
            part in 0.0_f64..1.0,
        ) {
            let text = serde_json::to_string(&values).unwrap();
            let cut = (text.len() as f64 * part) as usize;
            prop_assert!(split(&text.as_bytes()[..cut], 16, BlobLimits::default()).is_err());
        }

        #[test]
        fn an_array_has_as_many_elements_as_serde_json_finds(text in "[\\[\\]{},:\"\\\\a1 ]{0,24}") {
            if let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(&text) {
                let found = split(text.as_bytes(), 5, BlobLimits::default());
                prop_assert_eq!(found.map(|found| found.len()), Ok(values.len()));
            }
        }

        #[test]
        fn pieces_give_the_same_as_the_whole_text(text in r#"\[["\\{}\[\], a]{0,60}\]?"#, step in 1_usize..20) {
            let whole = split(text.as_bytes(), text.len(), BlobLimits::default());
            prop_assert_eq!(split(text.as_bytes(), step, BlobLimits::default()), whole);
        }

        #[test]
        fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), step in 1_usize..50) {
            let _ = split(&bytes, step, BlobLimits::default());
        }
    }
}
