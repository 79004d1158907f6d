//! What a filter would do, as tables for people and as JSON for programs.

use std::cmp::Reverse;
use std::fmt::{self, Display};

use normalize::Action;
use serde::Serialize;

use super::dry_run::{Amount, ByAction, DryRun, RecordKind};

/// Rows of kinds in the table for people; the JSON has all.
const ROWS_MAX: usize = 40;

/// What a filter would do.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Size of the filter: a Lambda's setting has a limit.
    filter_bytes: usize,
    /// Raw copies or files that were read.
    objects: u64,
    /// Raw copies that could not be read.
    unreadable: u64,
    total: Amount,
    kept: Amount,
    dropped: Amount,
    routed: Amount,
    /// Elements that are no record.
    malformed: Amount,
    /// In the filter's order; the last is for records that no rule matches.
    rules: Vec<RuleCount>,
    /// Most records first.
    kinds: Vec<KindCount>,
}

/// The records that one rule decided on.
#[derive(Debug, Serialize)]
struct RuleCount {
    name: String,
    action: String,
    #[serde(flatten)]
    amount: Amount,
}

/// The records of one kind, by what the filter would do with them.
#[derive(Debug, Serialize)]
struct KindCount {
    content_type: String,
    record_type: Option<i64>,
    operation: String,
    kept: Amount,
    dropped: Amount,
    routed: Amount,
}

impl KindCount {
    fn new(kind: RecordKind, counts: ByAction) -> Self {
        Self {
            content_type: kind.content_type,
            record_type: kind.record_type,
            operation: kind.operation,
            kept: counts.kept,
            dropped: counts.dropped,
            routed: counts.routed,
        }
    }
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    let add = |a: Amount, b: Amount| Amount {
        records: a.records + b.records,
        bytes: a.bytes + b.bytes,
    };
    amounts.into_iter().fold(Amount::default(), add)
}

fn total(counts: &ByAction) -> Amount {
    sum([counts.kept, counts.dropped, counts.routed])
}

impl Report {
    /// The report of a finished run with a filter of `filter_bytes` bytes.
    pub(super) fn new(run: DryRun<'_>, filter_bytes: usize) -> Self {
        let rules = rules(&run);
        let mut counts: Vec<(RecordKind, ByAction)> = run.by_kind.into_iter().collect();
        counts.sort_by_cached_key(|(kind, counts)| (Reverse(total(counts).records), kind.clone()));
        let mut kinds: Vec<KindCount> = counts
            .into_iter()
            .map(|(kind, counts)| KindCount::new(kind, counts))
            .collect();
        if total(&run.others).records > 0 {
            let others = RecordKind {
                record_type: None,
                operation: "(others)".to_owned(),
                content_type: String::new(),
            };
            kinds.push(KindCount::new(others, run.others));
        }
        let (kept, dropped, routed) = (
            sum(kinds.iter().map(|kind| kind.kept)),
            sum(kinds.iter().map(|kind| kind.dropped)),
            sum(kinds.iter().map(|kind| kind.routed)),
        );
        Self {
            filter_bytes,
            objects: run.objects,
            unreadable: run.unreadable,
            total: sum([kept, dropped, routed, run.malformed]),
            kept,
            dropped,
            routed,
            malformed: run.malformed,
            rules,
            kinds,
        }
    }
}

fn rules(run: &DryRun<'_>) -> Vec<RuleCount> {
    let action = |action| match action {
        Action::Keep => "keep".to_owned(),
        Action::Drop => "drop".to_owned(),
        Action::Route(route) => format!("route({})", run.filter.routes()[route]),
    };
    let decided = run.filter.names().zip(run.filter.actions());
    let mut rules: Vec<RuleCount> = decided
        .zip(&run.by_rule)
        .map(|((name, of), amount)| RuleCount {
            name: name.to_owned(),
            action: action(of),
            amount: *amount,
        })
        .collect();
    rules.push(RuleCount {
        name: "(none)".to_owned(),
        action: "keep".to_owned(),
        amount: run.unmatched,
    });
    rules
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |of: Amount| {
            let percent = |part: u64, whole: u64| part as f64 * 100.0 / (whole.max(1) as f64);
            format!(
                "{:>10} {:>5.1} % {:>12} {:>5.1} %",
                of.records,
                percent(of.records, self.total.records),
                of.bytes,
                percent(of.bytes, self.total.bytes)
            )
        };
        writeln!(
            f,
            "records: {}   files or raw copies: {} read, {} unreadable   filter: {} bytes\n",
            self.total.records, self.objects, self.unreadable, self.filter_bytes
        )?;
        writeln!(f, "{:<33} {:>10} {:>7} {:>12}", "", "records", "", "bytes")?;
        for (name, amount) in [
            ("kept", self.kept),
            ("dropped", self.dropped),
            ("routed", self.routed),
            ("malformed", self.malformed),
        ] {
            writeln!(f, "{name:<33} {}", share(amount))?;
        }
        writeln!(f)?;
        for rule in &self.rules {
            let label = format!("{}: {}", rule.name, rule.action);
            writeln!(f, "{label:<33} {}", share(rule.amount))?;
        }
        writeln!(
            f,
            "\n{:>10} {:>10} {:>10}  type  operation",
            "kept", "dropped", "routed"
        )?;
        for kind in self.kinds.iter().take(ROWS_MAX) {
            let record_type = kind
                .record_type
                .map_or_else(|| "-".to_owned(), |of| of.to_string());
            let operation = format!("{} {}", kind.operation.escape_debug(), kind.content_type);
            writeln!(
                f,
                "{:>10} {:>10} {:>10}  {record_type:>4}  {}",
                kind.kept.records,
                kind.dropped.records,
                kind.routed.records,
                operation.trim_end()
            )?;
        }
        if self.kinds.len() > ROWS_MAX {
            writeln!(
                f,
                "… and {} more kinds, which --json lists",
                self.kinds.len() - ROWS_MAX
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use normalize::Filter;

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
    fn records_are_counted_by_rule_and_by_kind() {
        let filter = Filter::parse(FILTER).unwrap();
        let mut run = DryRun::new(&filter);
        let system = record("Set-Mailbox", r"NT AUTHORITY\\SYSTEM");
        let (read, kept) = (record("Get-Mailbox", "alex"), record("Set-Mailbox", "alex"));
        for record in [&system, &system, &read, &kept] {
            run.record(record.as_bytes(), Some("Audit.Exchange"));
        }
        run.record(b"nonsense", None);
        let report = Report::new(run, 1);
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
}
