//! `filter`: what a filter would do, told from the raw copies of a lake or from files. Nothing is written.
//!
//! A raw copy is read whole, one at a time; what is kept in memory is one row for each content type, record type and operation,
//! [`KINDS_MAX`] at the most.

use std::collections::HashMap;
use std::path::Path;

use futures::StreamExt as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use normalize::{Action, Facts, Filter, RulesError};
use pipeline::lake::{Lake, LakeError, key};
use records::split;
use url::Url;

use crate::cli::FilterArgs;
use crate::files::{FileError, read_records};

mod report;

pub use report::{Kind, Report, Rule};

/// Content types, record types and operations told apart. Microsoft documents some 2,500 operations; what is beyond is summed up.
pub const KINDS_MAX: usize = 10_000;

/// Characters of an operation's name that are kept.
const OPERATION_CHARS_MAX: usize = 120;

/// Largest raw copy read, decompressed, in bytes: the fetcher writes none above 96 MiB.
const RAW_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Counts what the arguments say, `now` being the present.
///
/// # Errors
/// The filter cannot be read, or what is to be counted cannot.
pub async fn run(args: &FilterArgs, now: Timestamp) -> Result<Report, DryRunError> {
    let text = std::fs::read_to_string(&args.filter).map_err(DryRunError::Filter)?;
    let filter = Filter::parse(&text)?;
    let mut run = DryRun::new(&filter);
    if let Some(lake) = &args.lake {
        let lake = Lake::open(&address(lake)?).map_err(LakeError::from)?;
        let today = now.to_zoned(TimeZone::UTC).date();
        let since = today.saturating_sub(Span::new().days(i64::from(args.days) - 1));
        run.lake(&lake, since).await?;
    }
    for file in &args.files {
        run.file(file)?;
    }
    Ok(run.report(text.trim().len()))
}

/// A lake's address from a folder or an address. A folder that is not there is an error: opened, it would be made.
fn address(lake: &str) -> Result<Url, DryRunError> {
    if lake.contains("://") {
        return lake
            .parse()
            .map_err(|_| DryRunError::NoLake(lake.to_owned()));
    }
    let folder = std::fs::canonicalize(lake).map_err(|_| DryRunError::NoLake(lake.to_owned()))?;
    Url::from_directory_path(folder).map_err(|()| DryRunError::NoLake(lake.to_owned()))
}

/// The lake or a file could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// The filter's file.
    #[error("the filter cannot be read: {0}")]
    Filter(std::io::Error),
    /// The filter's rules.
    #[error("the filter cannot be used: {0}")]
    Rules(#[from] RulesError),
    /// Neither a folder nor an address.
    #[error("{0} is no lake: give a folder that exists, or s3://bucket")]
    NoLake(String),
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A file.
    #[error("{path} {cause}")]
    File {
        /// Its path.
        path: String,
        /// Why.
        cause: FileError,
    },
}

/// Records and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Amount {
    /// How many.
    pub records: u64,
    /// Bytes of their JSON.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes += bytes as u64;
    }
}

/// What the records of one kind would come to.
#[derive(Clone, Copy, Debug, Default)]
struct Fates {
    kept: Amount,
    dropped: Amount,
    routed: Amount,
}

/// Counts on the way to a [`Report`].
#[derive(Debug)]
pub struct DryRun<'f> {
    filter: &'f Filter,
    by_rule: Vec<Amount>,
    /// What no rule matches.
    unmatched: Amount,
    /// Elements that are no JSON object; no filter is asked about them.
    malformed: Amount,
    /// By content type, record type and operation.
    kinds: HashMap<(String, Option<i64>, String), Fates>,
    /// Of kinds beyond [`KINDS_MAX`].
    others: Fates,
    objects: u64,
    unreadable: u64,
}

impl<'f> DryRun<'f> {
    /// A run that has seen nothing yet.
    #[must_use]
    pub fn new(filter: &'f Filter) -> Self {
        Self {
            filter,
            by_rule: vec![Amount::default(); filter.names().count()],
            unmatched: Amount::default(),
            malformed: Amount::default(),
            kinds: HashMap::new(),
            others: Fates::default(),
            objects: 0,
            unreadable: 0,
        }
    }

    /// Counts one record.
    pub fn record(&mut self, record: &[u8], content_type: Option<&str>) {
        let Ok(facts) = Facts::of(record, content_type) else {
            return self.malformed.add(record.len());
        };
        let decision = self.filter.decide(&facts);
        match decision.rule {
            Some(rule) => self.by_rule[rule].add(record.len()),
            None => self.unmatched.add(record.len()),
        }
        let kind = (
            content_type.unwrap_or_default().to_owned(),
            facts.record_type,
            facts.operation.chars().take(OPERATION_CHARS_MAX).collect(),
        );
        let fates = if self.kinds.len() < KINDS_MAX || self.kinds.contains_key(&kind) {
            self.kinds.entry(kind).or_default()
        } else {
            &mut self.others
        };
        let fate = match decision.action {
            Action::Keep => &mut fates.kept,
            Action::Drop => &mut fates.dropped,
            Action::Route(_) => &mut fates.routed,
        };
        fate.add(record.len());
    }

    /// Counts the records of a file, as `normalize` reads it.
    ///
    /// # Errors
    /// It cannot be read to its end.
    pub fn file(&mut self, file: &Path) -> Result<(), DryRunError> {
        self.objects += 1;
        read_records(file, &mut |record| {
            self.record(record, None);
            Ok(())
        })
        .map_err(|cause| DryRunError::File {
            path: file.display().to_string(),
            cause,
        })
    }

    /// Counts the records of the raw copies of the lake whose day is `since` or later. A copy that cannot be read is counted,
    /// and does not end the run.
    ///
    /// # Errors
    /// The lake cannot be listed or reached.
    pub async fn lake(&mut self, lake: &Lake, since: Date) -> Result<(), DryRunError> {
        let mut paths = lake.list(&key::RAW.into())?;
        while let Some(path) = paths.next().await {
            let path = path?.path;
            let Some((content_type, day)) = key::raw_partition(&path) else {
                continue;
            };
            if day < since {
                continue;
            }
            let body = match lake.get(&path, RAW_BYTES_MAX).await {
                Err(error) if error.is_missing_or_damaged() => {
                    self.unreadable += 1;
                    continue;
                }
                body => body?,
            };
            self.objects += 1;
            let Ok(records) = split(&body) else {
                self.unreadable += 1;
                continue;
            };
            for record in records {
                self.record(&record, Some(&content_type));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTER: &str = r#"[{"name":"system","action":"drop","user":"NT AUTHORITY\\*"},{"name":"reads","action":"route(r)","operation":"Get-*"}]"#;

    fn record(operation: &str, user: &str) -> String {
        format!(r#"{{"Id":"a","RecordType":1,"Operation":"{operation}","UserId":"{user}"}}"#)
    }

    fn amount(records: &[&String]) -> Amount {
        Amount {
            records: records.len() as u64,
            bytes: records.iter().map(|record| record.len() as u64).sum(),
        }
    }

    #[test]
    fn each_record_is_counted_by_its_rule_and_its_kind() {
        let filter = Filter::parse(FILTER).unwrap();
        let mut run = DryRun::new(&filter);
        let system = record("Set-Mailbox", r"NT AUTHORITY\\SYSTEM");
        let (read, kept) = (record("Get-Mailbox", "alex"), record("Set-Mailbox", "alex"));
        for record in [&system, &system, &read, &kept] {
            run.record(record.as_bytes(), Some("Audit.Exchange"));
        }
        run.record(b"nonsense", None);
        let report = run.report(1);
        let rules: Vec<_> = report
            .rules
            .iter()
            .map(|rule| (rule.name.as_str(), rule.action.as_str(), rule.amount))
            .collect();
        assert_eq!(
            rules,
            [
                ("system", "drop", amount(&[&system, &system])),
                ("reads", "route(r)", amount(&[&read])),
                ("(none)", "keep", amount(&[&kept])),
            ]
        );
        assert_eq!(report.malformed.records, 1);
        let first = &report.kinds[0];
        assert_eq!(
            (first.operation.as_str(), first.kept, first.dropped),
            ("Set-Mailbox", amount(&[&kept]), amount(&[&system, &system]))
        );
    }

    #[test]
    fn kinds_without_end_take_no_memory_without_end() {
        let filter = Filter::default();
        let mut run = DryRun::new(&filter);
        for n in 0..KINDS_MAX + 5 {
            run.record(record(&format!("New-{n}"), "alex").as_bytes(), None);
        }
        run.record(record("New-1", "alex").as_bytes(), None);
        assert_eq!(run.kinds.len(), KINDS_MAX);
        assert_eq!(run.others.kept.records, 5);
    }

    #[tokio::test]
    async fn a_lake_is_read_from_a_day_on() {
        let folder = tempfile::tempdir().unwrap();
        let url = Url::from_directory_path(folder.path()).unwrap();
        let lake = Lake::open(&url).unwrap();
        let body = format!("[{}]", record("Get-Mailbox", "alex"));
        for day in ["2026-03-01", "2026-03-02", "2026-03-03"] {
            let path = format!("raw/tenant_id=t/content_type=Audit.Exchange/day={day}/a.b.json.gz");
            lake.put(&path.as_str().into(), body.clone().into())
                .await
                .unwrap();
        }
        let damaged = "raw/tenant_id=t/content_type=Audit.Exchange/day=2026-03-03/c.d.json.gz";
        std::fs::write(folder.path().join(damaged), "no gzip").unwrap();
        let filter = Filter::parse(FILTER).unwrap();
        let mut run = DryRun::new(&filter);
        run.lake(&lake, "2026-03-02".parse().unwrap())
            .await
            .unwrap();
        let report = run.report(1);
        assert_eq!((report.objects, report.unreadable), (2, 1));
        assert_eq!(report.kinds[0].content_type, "Audit.Exchange");
        assert_eq!(report.kinds[0].routed.records, 2);
    }
}
