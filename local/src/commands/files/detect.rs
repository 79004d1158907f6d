//! `detect`: what rules would find in files of records or in the raw copies of a lake. It writes nothing.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use detections::{Detector, Exceptions, ExceptionsError, Record};
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pipeline::lake::{Lake, LakeError};

use self::report::Report;
use super::{raw_copies, rules};
use crate::arguments::moment;
use crate::commands::{CommandError, print, progress};
use crate::{place_files, record_file, rule_folder};

/// Records between two looks at the progress.
const DRAWN_EVERY: u64 = 1_000;

/// Options of `detect`.
#[derive(Debug, Args)]
pub struct DetectArgs {
    /// Folder of rules, or one file [default: the built-in ones]
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// File of exceptions (docs/DETECTIONS.md)
    #[arg(long, value_name = "FILE")]
    pub exceptions: Option<PathBuf>,
    /// File of places, in MaxMind's format: countries or cities, networks; once for each (docs/DETECTIONS.md)
    #[arg(long, value_name = "FILE")]
    pub places: Vec<PathBuf>,
    /// Lake whose raw copies are read: a folder, or s3://bucket with the AWS settings of the environment
    #[arg(long, value_name = "DIR|URL", required_unless_present = "files")]
    pub lake: Option<String>,
    /// From this day of the lake on [default: its first]
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "files")]
    pub from: Option<Timestamp>,
    /// Up to and with this day of the lake [default: its last]
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "files")]
    pub to: Option<Timestamp>,
    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,
    /// Files of records: JSON lines, objects or arrays, or a CSV export, records in AuditData too; plain or gzip; - is standard input
    #[arg(value_name = "FILE", conflicts_with = "lake")]
    pub files: Vec<PathBuf>,
}

/// The exceptions cannot be used.
#[derive(Debug, thiserror::Error)]
enum ExceptionFileError {
    #[error("the exceptions cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error(transparent)]
    Exceptions(#[from] ExceptionsError),
}

pub(crate) async fn main(args: &DetectArgs) -> Result<ExitCode, CommandError> {
    let loaded = rules::load(&rule_folder::sources(args.rules.as_deref())?)?;
    let exceptions = exceptions(args)?;
    let places = place_files::read(&args.places)?;
    rules::tell_off(&loaded, &places)?;
    let mut run = Run {
        report: Report::new(&loaded, &places),
        detector: Detector::new(Arc::new(loaded), exceptions).with_places(Arc::new(places)),
        progress: progress::bar(),
    };
    if let Some(lake) = &args.lake {
        run.lake(lake, args.from.map(day), args.to.map(day)).await?;
    }
    run.progress.set_length(args.files.len() as u64);
    for file in &args.files {
        run.file(file)?;
    }
    run.progress.finish_and_clear();
    run.report.end(&run.detector);
    print(&if args.json {
        serde_json::to_string(&run.report)? + "\n"
    } else {
        run.report.to_string()
    })?;
    Ok(ExitCode::SUCCESS)
}

fn exceptions(args: &DetectArgs) -> Result<Exceptions, ExceptionFileError> {
    let Some(file) = &args.exceptions else {
        return Ok(Exceptions::default());
    };
    Ok(Exceptions::parse(&std::fs::read_to_string(file)?)?)
}

fn day(of: Timestamp) -> Date {
    of.to_zoned(TimeZone::UTC).date()
}

struct Run {
    report: Report,
    detector: Detector,
    progress: ProgressBar,
}

impl Run {
    fn record(&mut self, bytes: &[u8]) {
        let places = Arc::clone(self.detector.places());
        let Ok(record) = Record::read(bytes) else {
            // It is counted there.
            self.detector.read(bytes);
            return;
        };
        let record = record.with_places(&places);
        self.report.saw(record.time());
        for finding in self.detector.take(&record) {
            self.report.add(&finding);
        }
        let (records, findings) = (self.report.records, self.report.findings);
        if records.is_multiple_of(DRAWN_EVERY) {
            self.progress
                .set_message(format!("{records} records, {findings} findings"));
        }
    }

    fn file(&mut self, file: &std::path::Path) -> Result<(), CommandError> {
        let read = record_file::open(file).and_then(|input| {
            record_file::read(input, &mut |entry| {
                self.record(entry.record);
                Ok(())
            })
        });
        self.progress.inc(1);
        read.map_err(|cause| format!("{} {cause}", record_file::name(file)).into())
    }

    async fn lake(
        &mut self,
        lake: &str,
        from: Option<Date>,
        to: Option<Date>,
    ) -> Result<(), CommandError> {
        let lake = Lake::open(&raw_copies::address(lake)?).map_err(LakeError::from)?;
        let is_wanted =
            |day: Date| from.is_none_or(|from| day >= from) && to.is_none_or(|to| day <= to);
        let progress = self.progress.clone();
        let copies = raw_copies::count(&lake, is_wanted).await?;
        progress.set_length(copies);
        let mut take = |record: &[u8], _: &str| self.record(record);
        let copies = raw_copies::read(&lake, is_wanted, &progress, &mut take).await?;
        self.report.unreadable = copies.unreadable;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
