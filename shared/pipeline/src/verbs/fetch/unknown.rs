//! Records of kinds that the normalizer does not know: counted by blob, since each may be the first sign of a change at
//! Microsoft. Their events are in the lake like all others.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use normalize::Unknown;

use crate::metrics::{count, name};

/// Kinds named in one log line. A new service brings a handful; further ones are counted together.
const KINDS_MAX: usize = 16;

/// Characters of an operation's name that are logged: the longest documented have 90, and the text came from outside.
const OPERATION_CHARS_MAX: usize = 100;

/// Records of a blob that are of no known kind.
#[derive(Debug, Default)]
pub(super) struct Unknowns {
    /// Records of a type that is in none of Microsoft's tables.
    types: u64,
    /// Records with an operation that neither a rule nor a verb in its name explains.
    operations: u64,
    /// Records by type (-1 when it is no number) and operation.
    kinds: BTreeMap<(i64, String), u64>,
    /// Records of further kinds.
    others: u64,
}

impl Unknowns {
    /// Counts a record.
    pub(super) fn note(&mut self, unknown: &Unknown<'_>) {
        self.types += u64::from(unknown.is_type);
        self.operations += u64::from(unknown.is_operation);
        let kind = (
            unknown.record_type.unwrap_or(-1),
            printable(&unknown.operation),
        );
        if let Some(count) = self.kinds.get_mut(&kind) {
            *count += 1;
        } else if self.kinds.len() < KINDS_MAX {
            self.kinds.insert(kind, 1);
        } else {
            self.others += 1;
        }
    }

    /// Metrics and one line, if there is anything to say.
    pub(super) fn report(&self) {
        count(name::UNKNOWN_TYPES, self.types);
        count(name::UNKNOWN_OPERATIONS, self.operations);
        if self.types == 0 && self.operations == 0 {
            return;
        }
        tracing::info!(
            unknown_types = self.types,
            unknown_operations = self.operations,
            unknown_kinds = self.describe(),
            "records of unknown kind, kept as API Activity"
        );
    }

    /// `9999 SomethingCreated x3, ...`
    fn describe(&self) -> String {
        let mut text = String::new();
        for ((record_type, operation), count) in &self.kinds {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{comma}{record_type} {operation} x{count}");
        }
        if self.others > 0 {
            let _ = write!(text, ", others x{}", self.others);
        }
        text
    }
}

/// An operation's name, fit for a log: only characters that such names are made of, and no more of them than the longest
/// name has.
fn printable(operation: &str) -> String {
    let plain = |char: char| {
        if char.is_alphanumeric() || " ._-()/:'&".contains(char) {
            char
        } else {
            '?'
        }
    };
    operation
        .chars()
        .take(OPERATION_CHARS_MAX)
        .map(plain)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::metrics::captured;

    fn noted(operations: impl IntoIterator<Item = String>) -> Unknowns {
        let mut unknowns = Unknowns::default();
        for operation in operations {
            unknowns.note(&Unknown {
                record_type: Some(9999),
                operation: Cow::Owned(operation),
                is_type: true,
                is_operation: false,
            });
        }
        unknowns
    }

    #[test]
    fn kinds_are_named_with_their_numbers() {
        let unknowns = noted(["B", "A", "B"].map(str::to_owned));
        assert_eq!(unknowns.describe(), "9999 A x1, 9999 B x2");
        let captured = captured::start();
        unknowns.report();
        let expect = [(name::UNKNOWN_TYPES.to_owned(), 3)];
        assert_eq!(captured.take(), expect.into());
    }

    #[test]
    fn a_blob_full_of_kinds_makes_a_short_line() {
        let unknowns = noted((0..10_000).map(|n| format!("{n:09}{}", "x".repeat(1000))));
        let line = unknowns.describe();
        assert!(line.len() < 2_500, "{}", line.len());
        assert!(line.ends_with(", others x9984"), "{line}");
        assert_eq!(unknowns.types, 10_000);
    }

    #[test]
    fn what_came_from_outside_cannot_write_the_log() {
        let line = noted(["a\n{\"level\":\"ERROR\"}\u{1b}[0m".to_owned()]).describe();
        assert_eq!(line, "9999 a???level?:?ERROR????0m x1");
    }
}
