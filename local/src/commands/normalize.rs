//! `normalize`: files of raw records in, events out, without any back end.

use std::io::{self, BufRead, BufWriter, Write};
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use normalize::{Action, Context, Options, event};

use super::CommandError;
use crate::arguments::EventArgs;
use crate::record_file::{self, RecordFileError};

/// Options of `normalize`.
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// Files of raw records: one record a line, or one JSON array; plain or gzip; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How events are made.
    #[command(flatten)]
    pub events: EventArgs,
}

/// A file was not normalized to its end.
#[derive(Debug, thiserror::Error)]
enum NormalizeError {
    #[error(transparent)]
    File(#[from] RecordFileError),
    #[error("the events cannot be written: {0}")]
    Write(io::Error),
}

impl NormalizeError {
    /// Whether the reader of the events has gone away, as `head` does.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Normalizes all files, also after one that cannot be read, and then reports what a person should know on standard error.
pub(crate) fn main(args: &NormalizeArgs) -> Result<ExitCode, CommandError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut code = ExitCode::SUCCESS;
    let options = args.events.options();
    let mut tally = Tally::default();
    for file in &args.files {
        match normalize_file(file, &options, &mut out) {
            Ok(more) => tally += more,
            Err(error) if error.is_broken_pipe() => return Ok(code),
            Err(error) => {
                writeln!(io::stderr(), "error: {} {error}", file.display())?;
                code = ExitCode::FAILURE;
            }
        }
    }
    report(tally, &mut io::stderr())?;
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(code),
    }
}

fn report(tally: Tally, out: &mut dyn Write) -> io::Result<()> {
    let Tally {
        records,
        dropped,
        unknown_types,
        unknown_operations,
    } = tally;
    if dropped > 0 {
        writeln!(out, "of {records} records, the filter dropped {dropped}")?;
    }
    if unknown_types > 0 || unknown_operations > 0 {
        writeln!(
            out,
            "of {records} records, {unknown_types} have an unknown type and {unknown_operations} an unknown operation"
        )?;
    }
    Ok(())
}

/// What became of the records of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Lines that are no record included.
    records: u64,
    /// Without an event, because the filter drops them.
    dropped: u64,
    /// Of a type that is in none of Microsoft's tables.
    unknown_types: u64,
    /// With an operation that neither a rule nor its verb explains.
    unknown_operations: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.records += more.records;
        self.dropped += more.dropped;
        self.unknown_types += more.unknown_types;
        self.unknown_operations += more.unknown_operations;
    }
}

fn normalize_file(
    file: &Path,
    options: &Options,
    out: &mut dyn Write,
) -> Result<Tally, NormalizeError> {
    let input = record_file::open(file).map_err(RecordFileError::from)?;
    normalize_input(input, options, out)
}

/// Writes one event a line for each record that the filter does not drop. Events that it routes stand among the others.
fn normalize_input(
    input: Box<dyn BufRead>,
    options: &Options,
    out: &mut dyn Write,
) -> Result<Tally, NormalizeError> {
    let context = Context {
        content_type: None,
        content_created_ms: None,
        options,
    };
    let mut tally = Tally::default();
    let mut line = Vec::new();
    record_file::read(input, &mut |record| {
        line.clear();
        let outcome = event(record, &context, &mut line);
        out.write_all(&line).map_err(NormalizeError::Write)?;
        tally.records += 1;
        tally.dropped += u64::from(outcome.decision.action == Action::Drop);
        if let Some(unknown) = outcome.unknown {
            tally.unknown_types += u64::from(unknown.is_type);
            tally.unknown_operations += u64::from(unknown.is_operation);
        }
        Ok::<(), NormalizeError>(())
    })?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"Id":"a","RecordType":15,"Operation":"UserLoggedIn","CreationTime":"2026-01-01T00:00:00"}"#;

    fn normalized(input: &str) -> (Vec<Option<String>>, Tally) {
        let mut out = Vec::new();
        let input = Box::new(io::Cursor::new(input.as_bytes().to_vec()));
        let tally = normalize_input(input, &Options::default(), &mut out).unwrap();
        let lines = out.split(|byte| *byte == b'\n');
        let ids = lines
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap())
            .map(|event| event["metadata"]["uid"].as_str().map(str::to_owned));
        (ids.collect(), tally)
    }

    #[test]
    fn a_line_that_is_no_record_becomes_an_event_too() {
        let (ids, tally) = normalized(&format!("{{\"Id\":\n{RECORD}\nnonsense\n"));
        assert_eq!(ids.len(), 3);
        assert_eq!(ids[1], Some("a".to_owned()));
        assert_eq!(tally.records, 3);
    }

    #[test]
    fn unknown_types_and_operations_are_counted() {
        let unknown = r#"{"Id":"a","RecordType":9999,"Operation":"Anything"}"#;
        let (_, tally) = normalized(&format!("{unknown}\n{RECORD}\n{unknown}"));
        let expect = Tally {
            records: 3,
            dropped: 0,
            unknown_types: 2,
            unknown_operations: 2,
        };
        assert_eq!(tally, expect);
    }
}
