//! An object's lines as records of Firehose, in portions that one call takes.

use std::io::{self, BufRead as _, BufReader, Read};

use bytes::{Buf as _, Bytes};

use crate::store::lake::Codec;

/// Largest record that Firehose takes, in bytes, before base64: 1,000 KiB.
pub const RECORD_BYTES_MAX: usize = 1_024_000;

/// Most records that Firehose takes in one call.
pub const CALL_RECORDS_MAX: usize = 500;

/// Records in one call, in bytes as they are sent. Firehose takes 4 MiB (its API's reference says 4 MB) and does not say
/// whether before or after base64: below all of these, with room for the stream's name.
pub const CALL_BYTES_MAX: usize = 3_900_000;

/// What stands around a record in a call: `{"Data":""},`.
const RECORD_FRAME_BYTES: usize = 12;

/// The records of one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Portion {
    /// Lines with their line breaks.
    pub(super) records: Vec<Vec<u8>>,
    /// Lines among them that are left out, because Firehose would not take them.
    pub(super) too_large: Vec<TooLarge>,
    /// As sent.
    bytes: usize,
}

/// A line that is larger than a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge {
    /// Its number in the object, from 1.
    pub(super) line: usize,
    /// Its size, with its line break.
    pub(super) bytes: usize,
}

/// Reads an object portion by portion. What is held in memory is the compressed object and a portion.
pub(super) struct Portions {
    lines: BufReader<Box<dyn Read + Send>>,
    line: usize,
    /// The first record of the next portion.
    held: Option<Vec<u8>>,
}

/// A line, or what is known of it.
enum Line {
    Record(Vec<u8>),
    TooLarge(TooLarge),
}

impl Portions {
    /// Those of the object of this key.
    pub(super) fn of(key: &str, content: Bytes) -> io::Result<Self> {
        Ok(Self {
            lines: BufReader::new(Codec::of(key).reader(content.reader())?),
            line: 0,
            held: None,
        })
    }

    /// The next portion; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Portion>> {
        let mut portion = Portion::default();
        if let Some(record) = self.held.take() {
            portion.push(record);
        }
        while portion.records.len() < CALL_RECORDS_MAX {
            match self.next_line()? {
                None => break,
                Some(Line::TooLarge(line)) => portion.too_large.push(line),
                Some(Line::Record(record)) if portion.has_room_for(&record) => {
                    portion.push(record);
                }
                Some(Line::Record(record)) => {
                    self.held = Some(record);
                    break;
                }
            }
        }
        let is_empty = portion.records.is_empty() && portion.too_large.is_empty();
        Ok((!is_empty).then_some(portion))
    }

    /// The next line that has anything in it.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut text = Vec::new();
            // A byte more than a record may have shows that the line is longer.
            let within = RECORD_BYTES_MAX as u64 + 1;
            let mut bytes = self
                .lines
                .by_ref()
                .take(within)
                .read_until(b'\n', &mut text)?;
            if bytes == 0 {
                return Ok(None);
            }
            self.line += 1;
            if text.last() != Some(&b'\n') {
                // The end of the object, or a line that goes on; its last line may have no line break.
                bytes += self.lines.skip_until(b'\n')?;
                text.push(b'\n');
            }
            let bytes = bytes.max(text.len());
            if bytes > RECORD_BYTES_MAX {
                let line = self.line;
                return Ok(Some(Line::TooLarge(TooLarge { line, bytes })));
            }
            if !text.trim_ascii().is_empty() {
                return Ok(Some(Line::Record(text)));
            }
        }
    }
}

impl Portion {
    fn has_room_for(&self, record: &[u8]) -> bool {
        self.bytes + sent_bytes(record) <= CALL_BYTES_MAX
    }

    fn push(&mut self, record: Vec<u8>) {
        self.bytes += sent_bytes(&record);
        self.records.push(record);
    }
}

/// A record's size in a call: base64, four bytes for three.
fn sent_bytes(record: &[u8]) -> usize {
    record.len().div_ceil(3) * 4 + RECORD_FRAME_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portions(text: &[u8]) -> Vec<Portion> {
        let packed = zstd::bulk::compress(text, 1).unwrap();
        let mut portions = Portions::of("a.ndjson.zst", packed.into()).unwrap();
        std::iter::from_fn(|| portions.next().unwrap()).collect()
    }

    /// Records and sizes of each portion.
    fn shape(text: &[u8]) -> Vec<(usize, usize)> {
        let shape = |portion: &Portion| (portion.records.len(), portion.records.concat().len());
        portions(text).iter().map(shape).collect()
    }

    fn line(bytes: usize) -> Vec<u8> {
        let mut line = vec![b'x'; bytes - 1];
        line.push(b'\n');
        line
    }

    #[test]
    fn each_line_is_a_record_with_its_line_break() {
        let found = portions(b"{\"a\":1}\n\n  \n{\"b\":2}\r\n{\"c\":3}");
        assert_eq!(found.len(), 1);
        let records: Vec<&[u8]> = found[0].records.iter().map(Vec::as_slice).collect();
        assert_eq!(
            records,
            [&b"{\"a\":1}\n"[..], b"{\"b\":2}\r\n", b"{\"c\":3}\n"]
        );
        assert_eq!(portions(b""), []);
    }

    #[test]
    fn a_call_has_as_many_records_as_firehose_takes() {
        assert_eq!(shape(&line(10).repeat(500)), [(500, 5_000)]);
        assert_eq!(
            shape(&line(10).repeat(1_001)),
            [(500, 5_000), (500, 5_000), (1, 10)]
        );
    }

    #[test]
    fn a_call_is_not_larger_than_firehose_takes() {
        let largest = line(RECORD_BYTES_MAX);
        let expect = [(2, 2 * RECORD_BYTES_MAX), (1, RECORD_BYTES_MAX)];
        assert_eq!(shape(&largest.repeat(3)), expect);
        for portion in portions(&line(9_000).repeat(1_000)) {
            let sent: usize = portion.records.iter().map(|of| sent_bytes(of)).sum();
            assert!(sent <= CALL_BYTES_MAX, "{sent}");
        }
    }

    #[test]
    fn a_line_too_large_is_reported_and_the_rest_goes_on() {
        let check = |large: Vec<u8>, bytes: usize| {
            let text = [&b"{}\n"[..], &large, b"{\"a\":1}\n"].concat();
            let found = portions(&text);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].too_large, [TooLarge { line: 2, bytes }]);
            assert_eq!(found[0].records.concat(), b"{}\n{\"a\":1}\n");
        };
        for bytes in [
            RECORD_BYTES_MAX + 1,
            RECORD_BYTES_MAX + 2,
            3 * RECORD_BYTES_MAX,
        ] {
            check(line(bytes), bytes);
        }
    }

    #[test]
    fn a_last_line_has_room_for_its_line_break() {
        let text = line(RECORD_BYTES_MAX + 1);
        let text = &text[..RECORD_BYTES_MAX];
        let expect = TooLarge {
            line: 1,
            bytes: RECORD_BYTES_MAX + 1,
        };
        assert_eq!(portions(text)[0].too_large, [expect]);
        assert_eq!(shape(&text[1..]), [(1, RECORD_BYTES_MAX)]);
    }
}
