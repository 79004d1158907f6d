//! `normalize`: files of raw records in, events out, without any back end.

use std::fmt::Display;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use normalize::{Action, Batch, Context, Malformed, Options, event};

use crate::arguments::EventArgs;
use crate::commands::CommandError;
use crate::record_file::{self, Entry, RecordFileError};

/// Options of `normalize`.
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// Files of records: JSON lines, objects or arrays, or a CSV export, records in AuditData too; plain or gzip; - or none is standard input
    #[arg(default_value = record_file::STANDARD_INPUT, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How events are made.
    #[command(flatten)]
    pub events: EventArgs,
}

/// Broken entries of a file that are told of one by one; all are counted.
const TOLD_MAX: u64 = 20;

/// Why an entry is no record.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("AuditData holds no record")]
    LacksAuditData,
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

/// Normalizes all files, also after one that cannot be read, and then reports what a person should know on standard error. Fails
/// when a file was not read to its end, or an entry is no record.
pub(crate) fn main(args: &NormalizeArgs) -> Result<ExitCode, CommandError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut code = ExitCode::SUCCESS;
    let options = args.events.options();
    let mut tally = Tally::default();
    for file in &args.files {
        let mut tell = |entry: &Entry<'_>, why: &dyn Display| {
            let (file, at) = (record_file::name(file), entry.position);
            writeln!(io::stderr(), "warning: {file}, {at}: {why}")
        };
        match normalize_file(file, &options, &mut tally, &mut out, &mut tell) {
            Ok(()) => {}
            Err(error) if error.is_broken_pipe() => return Ok(code),
            Err(error) => {
                writeln!(io::stderr(), "error: {} {error}", record_file::name(file))?;
                code = ExitCode::FAILURE;
            }
        }
    }
    report(tally, &mut io::stderr())?;
    if tally.broken > 0 {
        code = ExitCode::FAILURE;
    }
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(code),
    }
}

fn report(tally: Tally, out: &mut dyn Write) -> io::Result<()> {
    let Tally {
        records,
        broken,
        dropped,
        unknown_types,
        unknown_operations,
    } = tally;
    if broken > 0 {
        writeln!(
            out,
            "of {records} records, {broken} are broken: their events have their text"
        )?;
    }
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
    /// No JSON object, or an export's entry without a record.
    broken: u64,
    /// Without an event, because the filter drops them.
    dropped: u64,
    /// Of a type that is in none of Microsoft's tables.
    unknown_types: u64,
    /// With an operation that neither a rule nor its verb explains.
    unknown_operations: u64,
}

/// Tells of an entry that is no record.
type Tell<'a> = &'a mut dyn FnMut(&Entry<'_>, &dyn Display) -> io::Result<()>;

fn normalize_file(
    file: &Path,
    options: &Options,
    tally: &mut Tally,
    out: &mut dyn Write,
    tell: Tell<'_>,
) -> Result<(), NormalizeError> {
    normalize_input(record_file::open(file)?, options, tally, out, tell)
}

/// Writes one event a line for each record that the filter does not drop. Events that it routes stand among the others. An entry
/// that is no record becomes an event too, and is told of.
fn normalize_input(
    input: Box<dyn BufRead>,
    options: &Options,
    tally: &mut Tally,
    out: &mut dyn Write,
    tell: Tell<'_>,
) -> Result<(), NormalizeError> {
    let mut lines = Vec::new();
    let mut told = 0;
    record_file::read(input, &mut |entry| {
        lines.clear();
        let broken = add_event(&entry, options, tally, &mut lines);
        out.write_all(&lines).map_err(NormalizeError::Write)?;
        if let Some(why) = broken {
            tally.broken += 1;
            told += 1;
            if told <= TOLD_MAX {
                tell(&entry, &why).map_err(NormalizeError::Write)?;
            }
        }
        Ok::<(), NormalizeError>(())
    })
}

/// Appends the entry's event, and counts it. Gives why it is no record.
fn add_event(
    entry: &Entry<'_>,
    options: &Options,
    tally: &mut Tally,
    out: &mut Vec<u8>,
) -> Option<Broken> {
    let context = Context {
        content_type: None,
        content_created_ms: None,
        options,
    };
    tally.records += 1;
    // A batch of one, so that the record is parsed once.
    let mut batch = Batch::default();
    let malformed = batch.read(entry.record).err();
    let outcome = batch
        .event(0, &context, out)
        .unwrap_or_else(|| event(entry.record, &context, out));
    tally.dropped += u64::from(outcome.decision.action == Action::Drop);
    if let Some(unknown) = outcome.unknown {
        tally.unknown_types += u64::from(unknown.is_type);
        tally.unknown_operations += u64::from(unknown.is_operation);
    }
    if entry.lacks_audit_data {
        return Some(Broken::LacksAuditData);
    }
    malformed.map(Broken::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"Id":"a","RecordType":15,"Operation":"UserLoggedIn","CreationTime":"2026-01-01T00:00:00"}"#;

    fn normalized(input: &str) -> (Vec<Option<String>>, Tally) {
        let mut out = Vec::new();
        let mut tally = Tally::default();
        let input = Box::new(io::Cursor::new(input.as_bytes().to_vec()));
        normalize_input(
            input,
            &Options::default(),
            &mut tally,
            &mut out,
            &mut |_, _| Ok(()),
        )
        .unwrap();
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
        assert_eq!((tally.records, tally.broken), (3, 2));
    }

    #[test]
    fn unknown_types_and_operations_are_counted() {
        let unknown = r#"{"Id":"a","RecordType":9999,"Operation":"Anything"}"#;
        let (_, tally) = normalized(&format!("{unknown}\n{RECORD}\n{unknown}"));
        let expect = Tally {
            records: 3,
            broken: 0,
            dropped: 0,
            unknown_types: 2,
            unknown_operations: 2,
        };
        assert_eq!(tally, expect);
    }
}
