//! Asks a filter about records and counts its answers.
//!
//! One raw copy at a time is in memory, and one row for each content type, record type and operation, at most [`KINDS_MAX`].

use std::collections::HashMap;
use std::path::Path;

use indicatif::ProgressBar;
use jiff::civil::Date;
use normalize::{Action, Filter, RecordFacts, RulesError};
use pipeline::lake::{Lake, LakeError};
use serde::Serialize;

use crate::commands::files::raw_copies::{self, NoLake};
use crate::record_file::{self, RecordFileError};

/// Kinds of records told apart. Microsoft documents some 2,500 operations; the kinds beyond are counted together.
const KINDS_MAX: usize = 10_000;

/// Characters of an operation's name that are kept: Microsoft's are shorter, and a hostile one takes no more memory.
const OPERATION_CHARS_MAX: usize = 120;

/// The records could not be counted.
#[derive(Debug, thiserror::Error)]
pub(super) enum DryRunError {
    #[error("the filter cannot be read: {0}")]
    Filter(std::io::Error),
    #[error("the filter cannot be used: {0}")]
    Rules(#[from] RulesError),
    #[error(transparent)]
    NoLake(#[from] NoLake),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("{path} {cause}")]
    File {
        path: String,
        cause: RecordFileError,
    },
}

/// Records and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Amount {
    pub(super) records: u64,
    /// Of the records' JSON.
    pub(super) bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes += bytes as u64;
    }
}

/// The records that a filter keeps, drops and routes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ByAction {
    pub(super) kept: Amount,
    pub(super) dropped: Amount,
    pub(super) routed: Amount,
}

/// What is counted together: records of one content type, type and operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RecordKind {
    /// `None` when it is no number.
    pub(super) record_type: Option<i64>,
    /// Empty when there is none.
    pub(super) operation: String,
    /// Empty for records from files.
    pub(super) content_type: String,
}

/// The counts so far.
#[derive(Debug)]
pub(super) struct DryRun<'f> {
    pub(super) filter: &'f Filter,
    pub(super) by_rule: Vec<Amount>,
    /// Records that no rule matches.
    pub(super) unmatched: Amount,
    /// Elements that are no JSON object, and entries of an export without a record; no filter is asked about them.
    pub(super) malformed: Amount,
    pub(super) by_kind: HashMap<RecordKind, ByAction>,
    /// Records of the kinds beyond [`KINDS_MAX`].
    pub(super) others: ByAction,
    /// Raw copies or files read.
    pub(super) objects: u64,
    /// Raw copies that could not be read.
    pub(super) unreadable: u64,
}

impl<'f> DryRun<'f> {
    pub(super) fn new(filter: &'f Filter) -> Self {
        Self {
            filter,
            by_rule: vec![Amount::default(); filter.names().count()],
            unmatched: Amount::default(),
            malformed: Amount::default(),
            by_kind: HashMap::new(),
            others: ByAction::default(),
            objects: 0,
            unreadable: 0,
        }
    }

    pub(super) fn record(&mut self, record: &[u8], content_type: Option<&str>) {
        let Ok(facts) = RecordFacts::of(record, content_type) else {
            return self.malformed.add(record.len());
        };
        let decision = self.filter.decide(&facts);
        match decision.rule {
            Some(rule) => self.by_rule[rule].add(record.len()),
            None => self.unmatched.add(record.len()),
        }
        let kind = RecordKind {
            record_type: facts.record_type,
            operation: facts.operation.chars().take(OPERATION_CHARS_MAX).collect(),
            content_type: content_type.unwrap_or_default().to_owned(),
        };
        let counts = if self.by_kind.len() < KINDS_MAX || self.by_kind.contains_key(&kind) {
            self.by_kind.entry(kind).or_default()
        } else {
            &mut self.others
        };
        let count = match decision.action {
            Action::Keep => &mut counts.kept,
            Action::Drop => &mut counts.dropped,
            Action::Route(_) => &mut counts.routed,
        };
        count.add(record.len());
    }

    /// Counts the records of a file, as `normalize` reads it.
    pub(super) fn file(&mut self, file: &Path) -> Result<(), DryRunError> {
        self.objects += 1;
        let counted = record_file::open(file).and_then(|input| {
            record_file::read(input, &mut |entry| {
                if entry.lacks_audit_data {
                    self.malformed.add(entry.record.len());
                } else {
                    self.record(entry.record, None);
                }
                Ok(())
            })
        });
        counted.map_err(|cause| DryRunError::File {
            path: record_file::name(file).into_owned(),
            cause,
        })
    }

    /// Counts the records of the lake's raw copies of the day `since` and later. A copy that cannot be read does not end the run.
    pub(super) async fn lake(&mut self, lake: &Lake, since: Date) -> Result<(), DryRunError> {
        let hidden = ProgressBar::hidden();
        let mut take = |record: &[u8], content_type: &str| self.record(record, Some(content_type));
        let copies = raw_copies::read(lake, |day| day >= since, &hidden, &mut take).await?;
        self.objects += copies.read;
        self.unreadable += copies.unreadable;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    const FILTER: &str = r#"[{"name":"system","action":"drop","user":"NT AUTHORITY\\*"},{"name":"reads","action":"route(r)","operation":"Get-*"}]"#;

    fn record(operation: &str, user: &str) -> String {
        format!(r#"{{"Id":"a","RecordType":1,"Operation":"{operation}","UserId":"{user}"}}"#)
    }

    #[test]
    fn kinds_beyond_the_limit_are_counted_together() {
        let filter = Filter::default();
        let mut run = DryRun::new(&filter);
        for n in 0..KINDS_MAX + 5 {
            run.record(record(&format!("New-{n}"), "alex").as_bytes(), None);
        }
        run.record(record("New-1", "alex").as_bytes(), None);
        assert_eq!(run.by_kind.len(), KINDS_MAX);
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
            lake.compress_and_write(&path.as_str().into(), body.clone().into())
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
        assert_eq!((run.objects, run.unreadable), (2, 1));
        let (kind, counts) = run.by_kind.iter().next().unwrap();
        assert_eq!(kind.content_type, "Audit.Exchange");
        assert_eq!(counts.routed.records, 2);
    }
}
