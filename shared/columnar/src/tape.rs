//! Rows that are still being collected: what they have for each column, in the order in which it was read.
//!
//! Everything is appended at one end of three vectors. A vector for each column would be a hundred ends, which no cache holds,
//! and taking a row back would touch all of them.

use crate::pieces::{End, PIECE_BYTES, Pieces};

/// A place of a column: a value, or the level at which there is none.
///
/// A row that has nothing of a column's top-level attribute has no entry for it at all: most rows lack most columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// A number, or where a text lies ([`Tape::text`]); of no meaning below the highest definition level.
    pub(crate) value: u64,
    pub(crate) leaf: u16,
    pub(crate) rep: u8,
    pub(crate) def: u8,
}

/// Texts of each column that are remembered, and the last one once more: where they lie fills one line of the processor's cache.
const RECENT: usize = 8;

/// Where the last text of a column is remembered.
const LAST: usize = 0;

/// Entries that a row may have and still lie in one piece without making that grow.
const ROW_ENTRIES: usize = 512;

/// Rows.
#[derive(Debug)]
pub(crate) struct Tape {
    entries: Pieces<Entry>,
    texts: Texts,
    /// Where each row ends among the entries: the piece, and the place in it. All of a row lies in one piece.
    ends: Vec<(u32, u32)>,
    /// Where texts lie that each column has had of late: most come again, and are then stored once. Nothing, at first, is
    /// where an empty text lies.
    recent: Vec<[u64; RECENT]>,
    /// As that was at the mark.
    recent_marked: Vec<[u64; RECENT]>,
}

/// Texts; each lies in one piece.
#[derive(Debug, Default)]
pub(crate) struct Texts(Pieces<u8>);

/// A point to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    entries: End,
    texts: End,
    rows: usize,
}

impl Texts {
    /// The text that lies there: its piece in the upper 16 bits, its begin there in the next 16, its length in the others.
    #[inline(always)]
    pub(crate) fn get(&self, value: u64) -> &[u8] {
        let piece = self.0.piece((value >> 48) as usize);
        let from = (value >> 32) as usize % PIECE_BYTES;
        piece.get(from..from + length(value)).unwrap_or_default()
    }

    /// Appends what `write` does, at most `bytes_max`, and answers where it lies and what `write` said. The texts of one tape
    /// are below 4 GiB: a tape is given away long before.
    fn put<R>(&mut self, bytes_max: usize, write: impl FnOnce(&mut Vec<u8>) -> R) -> (u64, R) {
        self.0.make_room(bytes_max);
        let from = self.0.end();
        let said = write(&mut self.0.open);
        let length = self.0.open.len() - from.open;
        ((from.full << 48 | from.open << 32 | length) as u64, said)
    }
}

impl Tape {
    /// No rows of a class that has so many columns.
    pub(crate) fn new(leaves: usize) -> Self {
        Self {
            entries: Pieces::default(),
            texts: Texts::default(),
            ends: Vec::new(),
            recent: vec![[0; RECENT]; leaves],
            recent_marked: vec![[0; RECENT]; leaves],
        }
    }

    pub(crate) fn begin_row(&mut self) {
        self.entries.make_room(ROW_ENTRIES);
    }

    pub(crate) fn put(&mut self, entry: Entry) {
        self.entries.open.push(entry);
    }

    pub(crate) fn put_all(&mut self, entries: impl Iterator<Item = Entry>) {
        self.entries.open.extend(entries);
    }

    /// Appends a text and answers where it lies.
    pub(crate) fn put_text(&mut self, text: &[u8]) -> u64 {
        let put = self
            .texts
            .put(text.len(), |out| out.extend_from_slice(text));
        put.0
    }

    /// As [`Tape::put_text`], of a column whose texts may come again. It must be as it stands in JSON, without escapes.
    pub(crate) fn put_recent(&mut self, leaf: usize, text: &[u8]) -> u64 {
        let slot = slot(text);
        let known = self.recent.get(leaf).map_or(0, |recent| recent[slot]);
        let value = if length(known) == text.len() && self.text(known) == text {
            known
        } else {
            self.put_text(text)
        };
        if let Some(recent) = self.recent.get_mut(leaf) {
            recent[slot] = value;
            recent[LAST] = value;
        }
        value
    }

    /// The last text of a column that was put so, or the empty one.
    pub(crate) fn last(&self, leaf: usize) -> u64 {
        self.recent.get(leaf).map_or(0, |recent| recent[LAST])
    }

    /// As [`Tape::put_text`], with the text that `write` appends, at most `bytes_max`; none, and nothing appended, where it
    /// answers false.
    pub(crate) fn put_written(
        &mut self,
        bytes_max: usize,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Option<u64> {
        let (value, is_written) = self.texts.put(bytes_max, write);
        is_written.then_some(value)
    }

    /// Ends a row.
    pub(crate) fn end_row(&mut self) {
        let end = self.entries.end();
        self.ends.push((end.full as u32, end.open as u32));
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> Mark {
        Mark {
            entries: self.entries.end(),
            texts: self.texts.0.end(),
            rows: self.ends.len(),
        }
    }

    /// Where it ends, to go back to that in every respect. There is one mark.
    pub(crate) fn mark(&mut self) -> Mark {
        self.recent_marked.clone_from(&self.recent);
        self.end()
    }

    /// Takes back what came after the mark.
    pub(crate) fn roll_back(&mut self, mark: Mark) {
        self.recent.clone_from(&self.recent_marked);
        self.cut(mark);
    }

    /// Takes back what came after the end it had.
    pub(crate) fn truncate(&mut self, end: Mark) {
        // They may lie where others will.
        self.recent.fill([0; RECENT]);
        self.cut(end);
    }

    fn cut(&mut self, end: Mark) {
        self.entries.truncate(end.entries);
        self.texts.0.truncate(end.texts);
        self.ends.truncate(end.rows);
    }

    pub(crate) fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The memory that its content takes.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.length() * size_of::<Entry>()
            + self.texts.0.length()
            + self.ends.len() * size_of::<(u32, u32)>()
            + 2 * self.recent.len() * size_of::<[u64; RECENT]>()
    }

    /// All entries, in pieces.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &[Entry]> {
        self.entries.pieces()
    }

    /// The entries of a row.
    pub(crate) fn row(&self, row: usize) -> &[Entry] {
        let end = |row: usize| self.ends.get(row).copied().unwrap_or_default();
        let (piece, to) = end(row);
        // The first of a piece begins where that does.
        let before = row.checked_sub(1).map(end);
        let from = before
            .filter(|before| before.0 == piece)
            .unwrap_or_default()
            .1;
        let piece = self.entries.piece(piece as usize);
        piece.get(from as usize..to as usize).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn text(&self, value: u64) -> &[u8] {
        self.texts.get(value)
    }

    /// The texts alone.
    pub(crate) fn into_texts(self) -> Texts {
        self.texts
    }
}

/// Where a text is remembered: by its length and its ends, which tell most texts of one column apart.
fn slot(text: &[u8]) -> usize {
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let ends = word(text.first_chunk()) ^ word(text.last_chunk()).rotate_left(5);
    let mixed = (ends ^ text.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // The upper half: only there has every bit of the text its say.
    LAST + 1 + (mixed >> 32) as usize % (RECENT - 1)
}

/// The length of the text that lies there.
pub(crate) fn length(value: u64) -> usize {
    (value & u64::from(u32::MAX)) as usize
}

#[cfg(test)]
impl Texts {
    /// Texts, and where each lies.
    pub(crate) fn of(texts: &[impl AsRef<[u8]>]) -> (Self, Vec<u64>) {
        let mut all = Self::default();
        let put =
            |text: &[u8], all: &mut Self| all.put(text.len(), |out| out.extend_from_slice(text)).0;
        let places = texts
            .iter()
            .map(|text| put(text.as_ref(), &mut all))
            .collect();
        (all, places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_rows_lie_in_one_piece_each_however_long_they_are() {
        let mut tape = Tape::new(1);
        let texts: Vec<_> = (0..300).map(|at| "x".repeat(at * 777 % 150_000)).collect();
        let values: Vec<_> = texts
            .iter()
            .map(|text| tape.put_text(text.as_bytes()))
            .collect();
        for (value, text) in values.iter().zip(&texts) {
            assert_eq!(tape.text(*value), text.as_bytes());
        }
        let lengths = [0, 3, 4_000, 600, 20_000, 1, 0, 511];
        for (row, length) in lengths.into_iter().enumerate() {
            tape.begin_row();
            let entry = |at| Entry {
                value: at,
                leaf: row as u16,
                rep: 0,
                def: 1,
            };
            (0..length).for_each(|at| tape.put(entry(at)));
            tape.end_row();
        }
        for (row, length) in lengths.into_iter().enumerate() {
            let entries = tape.row(row);
            assert_eq!(entries.len() as u64, length);
            assert!(
                entries
                    .iter()
                    .zip(0..)
                    .all(|(entry, at)| entry.value == at && entry.leaf == row as u16)
            );
        }
    }

    #[test]
    fn rows_are_taken_back_with_their_texts() {
        let mut tape = Tape::new(8);
        let put = |tape: &mut Tape, text: &str| {
            let value = tape.put_text(text.as_bytes());
            let entry = Entry {
                value,
                leaf: 7,
                rep: 0,
                def: 1,
            };
            tape.put(entry);
            tape.end_row();
            entry
        };
        let first = put(&mut tape, "first");
        let (mark, bytes) = (tape.mark(), tape.bytes());
        put(&mut tape, "second");
        assert_eq!(tape.put_written(9, |_| false), None);
        assert_eq!(tape.rows(), 2);
        tape.roll_back(mark);
        assert_eq!((tape.rows(), tape.bytes()), (1, bytes));
        let third = put(&mut tape, "third");
        assert_eq!(
            (tape.row(0), tape.row(1)),
            ([first].as_slice(), [third].as_slice())
        );
        assert_eq!(
            (tape.text(first.value), tape.text(third.value)),
            (b"first".as_slice(), b"third".as_slice())
        );
        assert_eq!(tape.row(2), []);
    }

    #[test]
    fn a_text_that_comes_again_is_stored_once_and_never_mistaken_for_another() {
        let mut tape = Tape::new(2);
        let empty = tape.put_recent(1, b"");
        assert_eq!(tape.text(empty), b"");
        let first = tape.put_recent(1, b"Audit.Exchange");
        assert_eq!(tape.put_recent(1, b"Audit.Exchange"), first);
        assert_ne!(tape.put_recent(0, b"Audit.Exchange"), first);
        let (mark, bytes) = (tape.mark(), tape.bytes());
        let many = |tape: &mut Tape| {
            let texts = (0..1_000).map(|number| format!("{number:04} of many"));
            for text in texts {
                let value = tape.put_recent(1, text.as_bytes());
                assert_eq!(tape.text(value), text.as_bytes());
                assert_eq!(tape.last(1), value);
            }
        };
        many(&mut tape);
        tape.roll_back(mark);
        assert_eq!((tape.bytes(), tape.last(1)), (bytes, first));
        assert_eq!(tape.put_recent(1, b"Audit.Exchange"), first);
        many(&mut tape);
        tape.truncate(mark);
        assert_eq!(
            (tape.bytes(), tape.text(tape.last(1))),
            (bytes, b"".as_slice())
        );
        // Over what was taken back.
        let other = tape.put_text(b"0999 xx many");
        let again = tape.put_recent(1, b"0999 of many");
        assert_eq!(
            (tape.text(other), tape.text(again)),
            (b"0999 xx many".as_slice(), b"0999 of many".as_slice())
        );
    }
}
