//! What a dry run found, for people and for programs.

use std::fmt::{self, Display};

use normalize::Action;
use serde::Serialize;

use super::{Amount, DryRun, Fates};

/// Rows of kinds that people are shown; `--json` has all.
const ROWS_MAX: usize = 40;

/// What a filter would do.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Bytes of the filter: a Lambda's setting has a limit.
    pub filter_bytes: usize,
    /// Raw copies or files that were read.
    pub objects: u64,
    /// Raw copies that could not be.
    pub unreadable: u64,
    /// All records.
    pub total: Amount,
    /// What would have an event where events go.
    pub kept: Amount,
    /// What would have none.
    pub dropped: Amount,
    /// What would have one elsewhere.
    pub routed: Amount,
    /// Elements that are no record.
    pub malformed: Amount,
    /// By rule, in their order; at the end what no rule matches.
    pub rules: Vec<Rule>,
    /// By content type, record type and operation, most records first.
    pub kinds: Vec<Kind>,
}

/// What one rule decided.
#[derive(Debug, Serialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it does.
    pub action: String,
    /// Records that it decided.
    #[serde(flatten)]
    pub amount: Amount,
}

/// What the records of a content type, record type and operation would come to.
#[derive(Debug, Serialize)]
pub struct Kind {
    /// Empty for records from files.
    pub content_type: String,
    /// `None` when it is no number.
    pub record_type: Option<i64>,
    /// Empty when there is none.
    pub operation: String,
    /// With an event where events go.
    pub kept: Amount,
    /// Without one.
    pub dropped: Amount,
    /// With one elsewhere.
    pub routed: Amount,
}

impl Kind {
    fn of(
        (content_type, record_type, operation): (String, Option<i64>, String),
        fates: Fates,
    ) -> Self {
        Self {
            content_type,
            record_type,
            operation,
            kept: fates.kept,
            dropped: fates.dropped,
            routed: fates.routed,
        }
    }

    fn total(&self) -> Amount {
        sum([self.kept, self.dropped, self.routed])
    }
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    let add = |a: Amount, b: Amount| Amount {
        records: a.records + b.records,
        bytes: a.bytes + b.bytes,
    };
    amounts.into_iter().fold(Amount::default(), add)
}

impl DryRun<'_> {
    /// What was found, of a filter of `filter_bytes`.
    #[must_use]
    pub fn report(self, filter_bytes: usize) -> Report {
        let action = |action| match action {
            Action::Keep => "keep".to_owned(),
            Action::Drop => "drop".to_owned(),
            Action::Route(route) => format!("route({})", self.filter.routes()[route]),
        };
        let decided = self.filter.names().zip(self.filter.actions());
        let mut rules: Vec<Rule> = decided
            .zip(&self.by_rule)
            .map(|((name, of), amount)| Rule {
                name: name.to_owned(),
                action: action(of),
                amount: *amount,
            })
            .collect();
        rules.push(Rule {
            name: "(none)".to_owned(),
            action: "keep".to_owned(),
            amount: self.unmatched,
        });
        let mut kinds: Vec<Kind> = self
            .kinds
            .into_iter()
            .map(|(kind, fates)| Kind::of(kind, fates))
            .collect();
        let name = |kind: &Kind| {
            (
                kind.record_type,
                kind.operation.clone(),
                kind.content_type.clone(),
            )
        };
        kinds.sort_by_cached_key(|kind| (std::cmp::Reverse(kind.total().records), name(kind)));
        if sum([self.others.kept, self.others.dropped, self.others.routed]).records > 0 {
            let others = (String::new(), None, "(others)".to_owned());
            kinds.push(Kind::of(others, self.others));
        }
        let (kept, dropped, routed) = (
            sum(kinds.iter().map(|kind| kind.kept)),
            sum(kinds.iter().map(|kind| kind.dropped)),
            sum(kinds.iter().map(|kind| kind.routed)),
        );
        Report {
            filter_bytes,
            objects: self.objects,
            unreadable: self.unreadable,
            total: sum([kept, dropped, routed, self.malformed]),
            kept,
            dropped,
            routed,
            malformed: self.malformed,
            rules,
            kinds,
        }
    }
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
            "{} records in {} objects ({} unreadable); the filter has {} bytes\n",
            self.total.records, self.objects, self.unreadable, self.filter_bytes
        )?;
        writeln!(f, "{:<33} {:>10} {:>7} {:>12}", "", "records", "", "bytes")?;
        for (name, amount) in [
            ("kept", self.kept),
            ("dropped", self.dropped),
            ("routed", self.routed),
            ("no record", self.malformed),
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
                "... and {} more kinds; --json has them",
                self.kinds.len() - ROWS_MAX
            )?;
        }
        Ok(())
    }
}
