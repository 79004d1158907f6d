//! A table of severities: subject, field and values, and the severity they have.

use crate::ocsf::Severity;
use crate::rules::Pattern;
use std::collections::HashMap;

/// Separates the subjects, fields or values of one line.
const OR: char = '|';

/// The lines of a table, in order.
#[derive(Debug, Default)]
pub(super) struct Table {
    lines: Vec<Line>,
    /// Indexes of the lines that name a subject in full, in lower case.
    by_subject: HashMap<String, Vec<usize>>,
    /// Indexes of the lines that have a pattern for the subject.
    by_pattern: Vec<(Pattern, usize)>,
}

#[derive(Debug)]
struct Line {
    condition: Option<Condition>,
    severity: Severity,
}

/// One of the fields must have one of the values, or any value if none is given. A line without fields always holds.
#[derive(Debug)]
struct Condition {
    fields: Vec<String>,
    values: Vec<Pattern>,
}

/// A line of the file. `why` is required, but only for the reader.
#[derive(Debug, serde::Deserialize)]
struct Written {
    subject: String,
    field: String,
    values: String,
    severity: String,
    why: String,
}

/// Why a table cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableError {
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error("line {line}: {what}")]
    Line { line: usize, what: &'static str },
}

impl Table {
    /// Parses a table: comma-separated values with the columns subject, field, values, severity and why.
    ///
    /// # Errors
    /// [`TableError`] for the first line that cannot be understood.
    pub(super) fn read(text: &str) -> Result<Self, TableError> {
        let mut table = Self::default();
        for (at, written) in csv::Reader::from_reader(text.as_bytes())
            .into_deserialize::<Written>()
            .enumerate()
        {
            // Line 1 of the file holds the column names.
            let fault = |what| TableError::Line { line: at + 2, what };
            table.add(&written?).map_err(fault)?;
        }
        Ok(table)
    }

    fn add(&mut self, written: &Written) -> Result<(), &'static str> {
        let number = self.lines.len();
        for subject in written.subject.split(OR) {
            if subject.contains('*') {
                self.by_pattern.push((Pattern::new(subject)?, number));
            } else if subject.is_empty() {
                return Err("has no subject");
            } else {
                let lines = self.by_subject.entry(subject.to_lowercase());
                lines.or_default().push(number);
            }
        }
        if written.why.is_empty() {
            return Err("does not say why");
        }
        self.lines.push(Line {
            condition: Condition::read(&written.field, &written.values)?,
            severity: Severity::named(&written.severity).ok_or("has no severity of OCSF's")?,
        });
        Ok(())
    }

    /// The severity of the first matching line, or Informational.
    pub(super) fn rate(
        &self,
        subject: &str,
        has: impl Fn(&str, &dyn Fn(&str) -> bool) -> bool,
    ) -> Severity {
        let named = self.by_subject.get(subject).into_iter().flatten().copied();
        let of_pattern = self
            .by_pattern
            .iter()
            .filter(|(pattern, _)| pattern.matches(subject))
            .map(|(_, number)| *number);
        let fits = |number: &usize| {
            let condition = &self.lines[*number].condition;
            condition
                .as_ref()
                .is_none_or(|condition| condition.holds(&has))
        };
        let first = named.chain(of_pattern).filter(fits).min();
        first.map_or(Severity::Informational, |number| {
            self.lines[number].severity
        })
    }
}

impl Condition {
    fn read(field: &str, values: &str) -> Result<Option<Self>, &'static str> {
        if field.is_empty() {
            return if values.is_empty() {
                Ok(None)
            } else {
                Err("has values without a field")
            };
        }
        let values = values.split(OR).filter(|value| !value.is_empty());
        Ok(Some(Self {
            fields: field.split(OR).map(str::to_owned).collect(),
            values: values.map(Pattern::new).collect::<Result<_, _>>()?,
        }))
    }

    fn holds(&self, has: impl Fn(&str, &dyn Fn(&str) -> bool) -> bool) -> bool {
        let fits = |value: &str| {
            self.values.is_empty() || self.values.iter().any(|pattern| pattern.matches(value))
        };
        self.fields.iter().any(|field| has(field, &fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: &str) {
        let text = format!("subject,field,values,severity,why\n{line}\n");
        let error = Table::read(&text).unwrap_err().to_string();
        assert!(error.contains(expect), "{line}: {error}");
    }

    #[test]
    fn a_line_that_cannot_be_understood_says_why() {
        check(",,,High,x", "line 2: has no subject");
        check("A,,v,High,x", "has values without a field");
        check("A,,,Severe,x", "has no severity");
        check("A,,,High,", "does not say why");
        check("A,,High,x", "4 fields");
    }

    #[test]
    fn lines_are_checked_in_order() {
        let table = Table::read(
            "subject,field,values,severity,why\n*b*,f,1,Low,x\nAbc|d,,,High,x\n*,,,Medium,x\n",
        )
        .unwrap();
        let rate = |subject: &str, value: &str| {
            table.rate(subject, |field, test| field == "f" && test(value))
        };
        assert_eq!(rate("abc", "1"), Severity::Low);
        assert_eq!(rate("abc", "2"), Severity::High);
        assert_eq!(rate("d", ""), Severity::High);
        assert_eq!(rate("e", ""), Severity::Medium);
    }
}
