//! One column of rows that are still being collected, in the order in which they came.

use crate::columns::{Leaf, Type};

/// A place of a column: a value, or the level at which there is none.
///
/// A row that has nothing of the column's top-level attribute has no entry at all: most rows lack most columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) row: u32,
    pub(crate) rep: u8,
    pub(crate) def: u8,
}

/// The values of a column, for entries of the highest definition level.
#[derive(Debug)]
pub(crate) enum Values {
    Int(Vec<i32>),
    Long(Vec<i64>),
    Bool(Vec<bool>),
    /// One text behind the other, and where each ends.
    Text {
        ends: Vec<u32>,
        bytes: Vec<u8>,
    },
}

/// A column.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) def_max: u8,
    pub(crate) entries: Vec<Entry>,
    pub(crate) values: Values,
}

impl Column {
    pub(crate) fn new(leaf: &Leaf) -> Self {
        let values = match leaf.of {
            Type::Int => Values::Int(Vec::new()),
            Type::Long | Type::Time => Values::Long(Vec::new()),
            Type::Bool => Values::Bool(Vec::new()),
            Type::String | Type::Json => Values::Text {
                ends: Vec::new(),
                bytes: Vec::new(),
            },
        };
        Self {
            def_max: leaf.def_max,
            entries: Vec::new(),
            values,
        }
    }

    /// No value, and how far there was something.
    pub(crate) fn null(&mut self, row: u32, rep: u8, def: u8) {
        self.entries.push(Entry { row, rep, def });
    }

    /// An entry for a value that was just appended.
    pub(crate) fn present(&mut self, row: u32, rep: u8) {
        self.null(row, rep, self.def_max);
    }

    /// Takes back every row from `row` on.
    pub(crate) fn truncate(&mut self, row: u32) {
        while let Some(last) = self.entries.last().filter(|last| last.row >= row) {
            if last.def == self.def_max {
                self.values.pop();
            }
            self.entries.pop();
        }
    }
}

impl Values {
    fn pop(&mut self) {
        match self {
            Self::Int(values) => drop(values.pop()),
            Self::Long(values) => drop(values.pop()),
            Self::Bool(values) => drop(values.pop()),
            Self::Text { ends, bytes } => {
                ends.pop();
                bytes.truncate(ends.last().map_or(0, |end| *end as usize));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::CLASSES;

    #[test]
    fn rows_are_taken_back_with_their_values() {
        let class = &CLASSES[0];
        let mut column = Column::new(&class.leaves[class.leaf(&["metadata", "uid"]).unwrap()]);
        let mut push = |row, text: &[u8]| {
            let Values::Text { ends, bytes } = &mut column.values else {
                panic!("a string column");
            };
            bytes.extend_from_slice(text);
            ends.push(bytes.len() as u32);
            column.present(row, 0);
        };
        push(0, b"first");
        push(2, b"second");
        column.null(3, 0, 1);
        column.truncate(4);
        assert_eq!(column.entries.len(), 3);
        column.truncate(1);
        assert_eq!(column.entries.len(), 1);
        let Values::Text { ends, bytes } = &column.values else {
            panic!("a string column");
        };
        assert_eq!(
            (ends.as_slice(), bytes.as_slice()),
            ([5].as_slice(), b"first".as_slice())
        );
    }
}
