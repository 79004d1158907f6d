//! The values of one leaf column with their levels, as they are collected row by row.

use std::borrow::Cow;
use std::ops::Range;

use crate::columns::{Leaf, Type};
use crate::event::is_time;
use crate::json;

/// Where a value or a gap stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    /// In which list it goes on, counted from the outermost; 0 begins a row.
    pub(crate) repetition: u8,
    /// How much of its path is there.
    pub(crate) definition: u8,
}

/// One column: a level for each value and each gap, in the order of the rows.
#[derive(Debug)]
pub(crate) struct ColumnBuffer {
    of: Type,
    pub(crate) levels: Levels,
    pub(crate) values: Values,
}

/// Definition and repetition levels: one of each for a row, in a list at least one.
#[derive(Debug)]
pub(crate) struct Levels {
    /// Of a value; a lower one is a gap.
    pub(crate) definition_max: u8,
    pub(crate) definition: Vec<u8>,
    /// None outside of lists, where each would be 0.
    pub(crate) repetition: Option<Vec<u8>>,
}

/// Where a row begins in its column, or the one before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowBoundary {
    pub(crate) level: usize,
    pub(crate) value: usize,
}

/// Values, without the gaps between them.
#[derive(Debug)]
pub(crate) enum Values {
    Int(Vec<i32>),
    Long(Vec<i64>),
    Bool(Vec<bool>),
    Float(Vec<f64>),
    Text(Texts),
}

/// Texts, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Ends,
}

/// Where each of several texts ends.
#[derive(Debug, Default)]
pub(crate) struct Ends(Vec<usize>);

impl ColumnBuffer {
    pub(crate) fn new(leaf: &Leaf) -> Self {
        Self {
            of: leaf.of,
            levels: Levels {
                definition_max: leaf.definition_max,
                definition: Vec::new(),
                repetition: leaf.is_repeated.then(Vec::new),
            },
            values: match leaf.of {
                Type::Int => Values::Int(Vec::new()),
                Type::Long | Type::Time => Values::Long(Vec::new()),
                Type::Bool => Values::Bool(Vec::new()),
                Type::Float => Values::Float(Vec::new()),
                Type::String | Type::Json => Values::Text(Texts::default()),
            },
        }
    }

    /// Appends the value with this JSON text. False, and nothing appended, where it is of another type, or does not fit it.
    pub(crate) fn push(&mut self, json: &str, at: Position) -> bool {
        let pushed = match &mut self.values {
            Values::Int(values) => json.parse().ok().map(|value| values.push(value)),
            Values::Long(values) => {
                let value = json.parse().ok();
                let value = value.filter(|value| self.of != Type::Time || is_time(*value));
                value.map(|value| values.push(value))
            }
            Values::Bool(values) => json.parse().ok().map(|value| values.push(value)),
            Values::Float(values) => {
                // JSON text has neither names of numbers nor bounds.
                let value = json.parse().ok().filter(|value: &f64| value.is_finite());
                value.map(|value| values.push(value))
            }
            Values::Text(texts) => {
                let text = match self.of {
                    Type::Json => Some(Cow::Borrowed(json)),
                    _ => json::string(json),
                };
                text.map(|text| texts.push(&text))
            }
        };
        let fits = pushed.is_some();
        if fits {
            let definition = self.levels.definition_max;
            self.levels.push(Position { definition, ..at });
        }
        fits
    }

    /// Appends the decoded content of a string. The column is one of strings, whose values are always texts.
    pub(crate) fn push_string(&mut self, text: &str, at: Position) {
        if let Values::Text(texts) = &mut self.values {
            texts.push(text);
            let definition = self.levels.definition_max;
            self.levels.push(Position { definition, ..at });
        }
    }

    /// Appends a gap.
    pub(crate) fn push_null(&mut self, at: Position) {
        self.levels.push(at);
    }

    /// Keeps the first `rows` rows. What is behind them may be a part of one.
    pub(crate) fn truncate(&mut self, rows: usize) {
        let boundaries = self.levels.boundaries();
        let Some(RowBoundary { level, value: end }) = boundaries.get(rows).copied() else {
            return;
        };
        self.levels.definition.truncate(level);
        if let Some(repetition) = &mut self.levels.repetition {
            repetition.truncate(level);
        }
        match &mut self.values {
            Values::Int(values) => values.truncate(end),
            Values::Long(values) => values.truncate(end),
            Values::Bool(values) => values.truncate(end),
            Values::Float(values) => values.truncate(end),
            Values::Text(texts) => texts.truncate(end),
        }
    }

    /// The memory that its content takes.
    pub(crate) fn bytes(&self) -> usize {
        let repetition = self.levels.repetition.as_ref().map_or(0, Vec::len);
        let values = match &self.values {
            Values::Int(values) => size_of_val(values.as_slice()),
            Values::Long(values) => size_of_val(values.as_slice()),
            Values::Bool(values) => size_of_val(values.as_slice()),
            Values::Float(values) => size_of_val(values.as_slice()),
            Values::Text(texts) => texts.bytes(),
        };
        size_of::<Self>() + self.levels.definition.len() + repetition + values
    }
}

impl Levels {
    fn push(&mut self, at: Position) {
        self.definition.push(at.definition);
        if let Some(repetition) = &mut self.repetition {
            repetition.push(at.repetition);
        }
    }

    /// Whether no row has anything of the column.
    pub(crate) fn are_empty(&self) -> bool {
        self.definition.iter().all(|level| *level == 0)
    }

    /// Whether there is a value at this place, and no gap.
    pub(crate) fn is_value(&self, level: usize) -> bool {
        self.definition[level] == self.definition_max
    }

    /// Where the rows begin, and behind them where the last one ends.
    pub(crate) fn boundaries(&self) -> Vec<RowBoundary> {
        let mut boundaries = Vec::with_capacity(self.definition.len() + 1);
        let mut value = 0;
        for level in 0..self.definition.len() {
            // A level above 0 goes on with the row before it.
            let repetition = self.repetition.as_ref().map_or(0, |levels| levels[level]);
            if repetition == 0 {
                boundaries.push(RowBoundary { level, value });
            }
            value += usize::from(self.is_value(level));
        }
        let level = self.definition.len();
        boundaries.push(RowBoundary { level, value });
        boundaries
    }
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.len(),
            Self::Long(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Text(texts) => texts.ends.0.len(),
        }
    }
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.0.push(self.bytes.len());
    }

    fn truncate(&mut self, count: usize) {
        self.ends.0.truncate(count);
        self.bytes
            .truncate(self.ends.0.last().copied().unwrap_or(0));
    }

    pub(crate) fn get(&self, at: usize) -> &[u8] {
        &self.bytes[self.ends.range(at)]
    }

    fn bytes(&self) -> usize {
        self.bytes.len() + size_of_val(self.ends.0.as_slice())
    }
}

impl Ends {
    pub(crate) fn range(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.0[before]);
        start..self.0[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(of: Type, is_repeated: bool) -> ColumnBuffer {
        ColumnBuffer::new(&Leaf {
            of,
            definition_max: 3,
            is_repeated,
            path: Vec::new(),
        })
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        let check = |of, json: &str, fits| {
            let mut column = column(of, false);
            let fit = column.push(json, Position::default());
            assert_eq!(fit, fits, "{of:?}: {json}");
            let count = usize::from(fits);
            assert_eq!(column.values.len(), count, "{of:?}: {json}");
            assert_eq!(column.levels.definition.len(), count, "{of:?}: {json}");
        };
        check(Type::Int, "-2147483648", true);
        check(Type::Int, "2147483648", false);
        check(Type::Int, "1.0", false);
        check(Type::Int, "\"1\"", false);
        check(Type::Long, "9223372036854775807", true);
        check(Type::Long, "9223372036854775808", false);
        check(Type::Time, "253402300799999", true);
        check(Type::Time, "253402300800000", false);
        check(Type::Bool, "true", true);
        check(Type::Bool, "1", false);
        check(Type::Float, "-23.5475", true);
        check(Type::Float, "7", true);
        check(Type::Float, "1e999", false);
        check(Type::Float, "\"7\"", false);
        check(Type::String, "\"\"", true);
        check(Type::String, "true", false);
        check(Type::Json, "[1.50]", true);
    }

    #[test]
    fn rows_of_a_list_begin_at_level_0() {
        let mut column = column(Type::String, true);
        let at = |repetition, definition| Position {
            repetition,
            definition,
        };
        assert!(column.push("\"a\"", at(0, 0)));
        assert!(column.push("\"bc\"", at(1, 0)));
        column.push_null(at(0, 1));
        column.push_null(at(0, 2));
        assert!(column.push("\"d\"", at(1, 0)));
        let boundary = |level, value| RowBoundary { level, value };
        assert_eq!(
            column.levels.boundaries(),
            [
                boundary(0, 0),
                boundary(2, 2),
                boundary(3, 2),
                boundary(5, 3)
            ]
        );
        let bytes = column.bytes();
        column.truncate(3);
        assert_eq!(column.bytes(), bytes);
        column.truncate(1);
        assert_eq!(column.levels.definition, [3, 3]);
        assert_eq!(column.values.len(), 2);
        column.truncate(0);
        assert_eq!(column.levels.boundaries(), [boundary(0, 0)]);
    }

    #[test]
    fn texts_are_taken_back_from_the_end() {
        let mut texts = Texts::default();
        ["", "a", "", "bcd"]
            .iter()
            .for_each(|text| texts.push(text));
        let read: Vec<_> = (0..4).map(|at| texts.get(at)).collect();
        assert_eq!(read, [&b""[..], b"a", b"", b"bcd"]);
        texts.truncate(2);
        assert_eq!(
            (texts.get(1), texts.bytes.as_slice()),
            (&b"a"[..], &b"a"[..])
        );
        texts.truncate(0);
        assert_eq!(texts.bytes(), 0);
    }
}
