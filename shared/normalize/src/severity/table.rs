//! A table of severities: subject, field and values, and the severity they have.

use super::nouns;
use crate::ocsf::Severity;
use crate::rules::Pattern;
use memchr::memmem::Finder;
use std::collections::HashMap;

/// Separates the subjects, fields or values of one line.
const OR: char = '|';

/// Separates the verbs, or the nouns, of one subject: `New/Set-InboxRule/SweepRule` is four cmdlets.
const EITHER: char = '/';

/// The lines of a table, in order.
#[derive(Debug, Default)]
pub(super) struct Table {
    lines: Vec<Line>,
    /// Indexes of the lines that name a subject in full, in lower case.
    by_subject: HashMap<String, Vec<usize>>,
    /// Indexes of the lines that have a pattern for the subject, in order.
    by_pattern: Vec<(Subjects, usize)>,
}

/// A pattern for subjects, which are always in lower case.
#[derive(Debug)]
enum Subjects {
    /// `*text*`, which most patterns are, and which a search finds sooner.
    Containing(Box<Finder<'static>>),
    /// `*text`.
    Ending(String),
    Like(Pattern),
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
    values: Vec<Values>,
}

/// The values of a field that a line is about.
#[derive(Debug)]
enum Values {
    Like(Pattern),
    /// `!x`: any other value.
    Unlike(Pattern),
    /// `!*`: any value other than a star, which stands for everything.
    NotAll,
    /// `<90`: values that begin with a smaller number, such as `30.00:00:00`.
    Below(u32),
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
            for subject in alternatives(subject)? {
                if subject.contains('*') {
                    self.by_pattern.push((Subjects::read(&subject)?, number));
                } else if subject.is_empty() {
                    return Err("has no subject");
                } else {
                    let lines = self.by_subject.entry(subject.to_lowercase());
                    lines.or_default().push(number);
                }
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

    /// The severity of the first matching line, or Informational. `subject` is in lower case.
    pub(super) fn rate(
        &self,
        subject: &str,
        has: impl Fn(&str, &dyn Fn(&str) -> bool) -> bool,
    ) -> Severity {
        let fits = |number: &usize| {
            let condition = &self.lines[*number].condition;
            condition
                .as_ref()
                .is_none_or(|condition| condition.holds(&has))
        };
        let mut named = self.by_subject.get(subject).into_iter().flatten().copied();
        let first = named.find(fits).unwrap_or(usize::MAX);
        let of_pattern = self
            .by_pattern
            .iter()
            .take_while(|(_, number)| *number < first)
            .filter(|(subjects, _)| subjects.hold(subject))
            .map(|(_, number)| *number)
            .find(fits);
        let line = self.lines.get(of_pattern.unwrap_or(first));
        line.map_or(Severity::Informational, |line| line.severity)
    }
}

/// The subjects of one text: each of the verbs with each of the nouns. A noun in angle brackets is all nouns of a kind.
fn alternatives(subject: &str) -> Result<Vec<String>, &'static str> {
    let parts = subject.split_once('-');
    let Some((verbs, nouns)) = parts.filter(|(verbs, _)| !verbs.contains(' ')) else {
        return Ok(vec![subject.to_owned()]);
    };
    let nouns = match nouns
        .strip_prefix('<')
        .and_then(|kind| kind.strip_suffix('>'))
    {
        Some(kind) => nouns::of_kind(kind).ok_or("names an unknown kind of nouns")?,
        None => nouns.split(EITHER).collect(),
    };
    let each = |verb| nouns.iter().map(move |noun| format!("{verb}-{noun}"));
    Ok(verbs.split(EITHER).flat_map(each).collect())
}

impl Subjects {
    fn read(text: &str) -> Result<Self, &'static str> {
        let literal = |text: &str| text.is_ascii() && !text.is_empty() && !text.contains('*');
        let end = text.strip_prefix('*').map(str::to_ascii_lowercase);
        match end {
            Some(end) if literal(&end) => Ok(Self::Ending(end)),
            Some(end) if end.strip_suffix('*').is_some_and(literal) => {
                let finder = Finder::new(end.trim_end_matches('*')).into_owned();
                Ok(Self::Containing(Box::new(finder)))
            }
            _ => Pattern::new(text).map(Self::Like),
        }
    }

    fn hold(&self, subject: &str) -> bool {
        match self {
            Self::Containing(text) => text.find(subject.as_bytes()).is_some(),
            Self::Ending(end) => subject.ends_with(end),
            Self::Like(pattern) => pattern.matches(subject),
        }
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
            values: values.map(Values::read).collect::<Result<_, _>>()?,
        }))
    }

    fn holds(&self, has: impl Fn(&str, &dyn Fn(&str) -> bool) -> bool) -> bool {
        let fits =
            |value: &str| self.values.is_empty() || self.values.iter().any(|test| test.hold(value));
        self.fields.iter().any(|field| has(field, &fits))
    }
}

impl Values {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text == "!*" {
            Ok(Self::NotAll)
        } else if let Some(other) = text.strip_prefix('!') {
            Pattern::new(other).map(Self::Unlike)
        } else if let Some(limit) = text.strip_prefix('<') {
            let limit = limit.parse().map_err(|_| "has a limit that is no number")?;
            Ok(Self::Below(limit))
        } else {
            Pattern::new(text).map(Self::Like)
        }
    }

    fn hold(&self, value: &str) -> bool {
        match self {
            Self::Like(pattern) => pattern.matches(value),
            Self::Unlike(pattern) => !pattern.matches(value),
            Self::NotAll => value.trim() != "*",
            Self::Below(limit) => {
                let value = value.trim();
                let end = value.find(|char: char| !char.is_ascii_digit());
                let number = &value[..end.unwrap_or(value.len())];
                number.parse().is_ok_and(|number: u32| number < *limit)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<Table, TableError> {
        Table::read(&format!("subject,field,values,severity,why\n{lines}\n"))
    }

    #[track_caller]
    fn check(line: &str, expect: &str) {
        let error = read(line).unwrap_err().to_string();
        assert!(error.contains(expect), "{line}: {error}");
    }

    #[test]
    fn a_line_that_cannot_be_understood_says_why() {
        check(",,,High,x", "line 2: has no subject");
        check("A,,v,High,x", "has values without a field");
        check("A,,,Severe,x", "has no severity");
        check("A,,,High,", "does not say why");
        check("A,,High,x", "4 fields");
        check("Set-<colour>,,,High,x", "unknown kind of nouns");
        check("A,f,<x,High,x", "no number");
    }

    #[test]
    fn lines_are_checked_in_order() {
        let table = read("*b*,f,1,Low,x\nAbc|d,,,High,x\n*,,,Medium,x").unwrap();
        let rate = |subject: &str, value: &str| {
            table.rate(subject, |field, test| field == "f" && test(value))
        };
        assert_eq!(rate("abc", "1"), Severity::Low);
        assert_eq!(rate("abc", "2"), Severity::High);
        assert_eq!(rate("d", ""), Severity::High);
        assert_eq!(rate("e", ""), Severity::Medium);
    }

    #[test]
    fn a_subject_names_several_cmdlets() {
        let table =
            read("New/Set-A/B|Remove-<auditing>,,,High,x\nRun - a/b|*-End|*Mid*,,,Low,x").unwrap();
        let rate = |subject: &str| table.rate(subject, |_, _| false);
        for subject in ["new-a", "new-b", "set-a", "set-b", "remove-auditconfig"] {
            assert_eq!(rate(subject), Severity::High, "{subject}");
        }
        assert_eq!(rate("new-c"), Severity::Informational);
        for subject in ["run - a/b", "x-end", "a-midst"] {
            assert_eq!(rate(subject), Severity::Low, "{subject}");
        }
        assert_eq!(rate("x-ends"), Severity::Informational);
    }

    #[test]
    fn values_are_patterns_limits_or_what_they_are_not() {
        let check = |values: &str, value: &str, expect: bool| {
            let table = read(&format!("a,f,{values},High,x")).unwrap();
            let severity = table.rate("a", |_, test| test(value));
            assert_eq!(severity == Severity::High, expect, "{values} {value}");
        };
        check("x*|y", "Y", true);
        check("!x*", "xa", false);
        check("!x*", "a", true);
        check("!*", "*", false);
        check("!*", "*-Mailbox", true);
        check("<90", "30.00:00:00", true);
        check("<90", "00:00:00", true);
        check("<90", "90", false);
        check("<90", "180.00:00:00", false);
        check("<90", "Unlimited", false);
    }
}
