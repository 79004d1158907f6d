//! Rows that are still being collected: what they have for each column, in the order in which it was read.
//!
//! Everything is appended at one end of three vectors. A vector for each column would be a hundred ends, which no cache holds,
//! and taking a row back would touch all of them.

/// A place of a column: a value, or the level at which there is none.
///
/// A row that has nothing of a column's top-level attribute has no entry for it at all: most rows lack most columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Rows.
#[derive(Debug)]
pub(crate) struct Tape {
    entries: Vec<Entry>,
    text: Vec<u8>,
    /// Where each row ends among the entries.
    ends: Vec<u32>,
    /// Where texts lie that each column has had of late: most come again, and are then stored once. Nothing, at first, is
    /// where an empty text lies.
    recent: Vec<[u64; RECENT]>,
    /// As that was at the mark.
    recent_marked: Vec<[u64; RECENT]>,
}

/// A point to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    entries: usize,
    text: usize,
    rows: usize,
}

impl Tape {
    /// No rows of a class that has so many columns.
    pub(crate) fn new(leaves: usize) -> Self {
        Self {
            entries: Vec::new(),
            text: Vec::new(),
            ends: Vec::new(),
            recent: vec![[0; RECENT]; leaves],
            recent_marked: vec![[0; RECENT]; leaves],
        }
    }

    pub(crate) fn put(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Appends a text and answers where it lies. The texts of one tape are below 4 GiB: a tape is given away long before.
    pub(crate) fn put_text(&mut self, text: &[u8]) -> u64 {
        let from = self.text.len();
        self.text.extend_from_slice(text);
        self.place(from)
    }

    /// As [`Tape::put_text`], of a column whose texts may come again. It must be as it stands in JSON, without escapes.
    pub(crate) fn put_recent(&mut self, leaf: usize, text: &[u8]) -> u64 {
        let slot = slot(text);
        let known = self.recent.get(leaf).map_or(0, |recent| recent[slot]);
        let value = if self.text(known) == text {
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

    /// As [`Tape::put_text`], with the text that `write` appends; none, and nothing appended, where it answers false.
    pub(crate) fn put_written(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<u64> {
        let from = self.text.len();
        write(&mut self.text).then(|| self.place(from))
    }

    fn place(&self, from: usize) -> u64 {
        (from as u64) << 32 | (self.text.len() - from) as u64
    }

    /// Ends a row.
    pub(crate) fn end_row(&mut self) {
        self.ends.push(self.entries.len() as u32);
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> Mark {
        Mark {
            entries: self.entries.len(),
            text: self.text.len(),
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
        self.text.truncate(end.text);
        self.ends.truncate(end.rows);
    }

    pub(crate) fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The memory that its content takes.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>()
            + self.text.len()
            + self.ends.len() * size_of::<u32>()
            + 2 * self.recent.len() * size_of::<[u64; RECENT]>()
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries of a row.
    pub(crate) fn row(&self, row: usize) -> &[Entry] {
        let end = |row: usize| self.ends.get(row).map_or(0, |end| *end as usize);
        let from = row.checked_sub(1).map_or(0, end);
        self.entries.get(from..end(row)).unwrap_or_default()
    }

    pub(crate) fn text(&self, value: u64) -> &[u8] {
        self.text.get(range(value)).unwrap_or_default()
    }

    /// The texts alone, for values by [`range`].
    pub(crate) fn into_text(self) -> Vec<u8> {
        self.text
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

/// Where a text lies.
pub(crate) fn range(value: u64) -> std::ops::Range<usize> {
    let from = (value >> 32) as usize;
    from..from + (value & u64::from(u32::MAX)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(tape.put_written(|_| false), None);
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
