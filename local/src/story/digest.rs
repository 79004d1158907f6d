//! Keeps a busy story readable: a few steps of each kind get a line of their own, and a summary counts the others.

use std::collections::HashSet;

use super::step::Step;

/// Steps of one kind that get their own line, between two summaries.
const LINES_MAX: u64 = 3;

/// Findings that get their own line: they are few, and each says something else.
const FINDINGS_MAX: u64 = 20;

/// Findings that are remembered, so that none is told twice: copies come within seconds.
const KNOWN_MAX: usize = 10_000;

/// The steps since the last summary.
#[derive(Debug, Default)]
pub(super) struct Digest {
    registered: u64,
    starting: u64,
    validated: u64,
    notified: Tally,
    delivered: Tally,
    found: u64,
    swept: u64,
    /// Findings of this and earlier summaries, at most [`KNOWN_MAX`].
    known: HashSet<String>,
}

#[derive(Debug, Default)]
struct Tally {
    steps: u64,
    /// Blobs or records of the steps without their own line.
    amount: u64,
}

impl Tally {
    /// Counts a step; whether it gets its own line.
    fn add(&mut self, amount: u64) -> bool {
        self.steps += 1;
        if self.steps <= LINES_MAX {
            return true;
        }
        self.amount += amount;
        false
    }
}

impl Digest {
    /// Counts a step and returns its line, if it gets its own.
    pub(super) fn line(&mut self, step: &Step) -> Option<String> {
        match step {
            Step::Registered { tenant } => {
                self.registered += 1;
                (self.registered <= LINES_MAX)
                    .then(|| format!("tenant {} registered", short(tenant)))
            }
            Step::Starting {
                tenant,
                content_type,
            } => {
                self.starting += 1;
                (self.starting <= LINES_MAX)
                    .then(|| format!("subscribing to {content_type} of tenant {}", short(tenant)))
            }
            Step::Validated {
                tenant,
                content_type,
            } => {
                self.validated += 1;
                (self.validated <= LINES_MAX).then(|| {
                    format!(
                        "webhook for {content_type} of tenant {} validated",
                        short(tenant)
                    )
                })
            }
            Step::Notified {
                tenant,
                content_type,
                blobs,
            } => self.notified.add(*blobs).then(|| {
                format!(
                    "notified: {} of {content_type}, tenant {}",
                    plural(*blobs, "blob"),
                    short(tenant)
                )
            }),
            Step::Delivered {
                tenant,
                content_type,
                records,
                duplicate,
            } => self.delivered.add(*records).then(|| {
                format!(
                    "delivered: {} of {content_type}, tenant {}{}",
                    plural(*records, "record"),
                    short(tenant),
                    again(*duplicate)
                )
            }),
            Step::Found {
                tenant,
                finding,
                level,
                title,
            } => self
                .is_told(finding)
                .then(|| format!("found, {level}: {title}, tenant {}", short(tenant))),
            Step::Swept {
                listed,
                unknown,
                overdue,
            } => {
                self.swept += 1;
                (self.swept <= LINES_MAX).then(|| swept(*listed, *unknown, *overdue))
            }
        }
    }

    /// Counts a finding, unless it was told before; whether it gets its own line.
    fn is_told(&mut self, finding: &str) -> bool {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        let is_new = self.known.insert(finding.to_owned());
        self.found += u64::from(is_new);
        is_new && self.found <= FINDINGS_MAX
    }

    /// Lines that count the steps without their own line, and starts anew.
    pub(super) fn summary(&mut self) -> Vec<String> {
        let known = std::mem::take(&mut self.known);
        let counted = std::mem::replace(
            self,
            Self {
                known,
                ..Self::default()
            },
        );
        let mut lines = Vec::new();
        let mut more_than = |most: u64, count: u64, text: &dyn Fn(u64) -> String| {
            if count > most {
                lines.push(text(count - most));
            }
        };
        more_than(FINDINGS_MAX, counted.found, &|n| {
            format!("… and {}", plural(n, "more finding"))
        });
        let mut more = |count: u64, text: &dyn Fn(u64) -> String| more_than(LINES_MAX, count, text);
        more(counted.registered, &|n| {
            format!("… and {} registered", plural(n, "more tenant"))
        });
        more(counted.starting, &|n| {
            format!("… and {}", plural(n, "more subscription"))
        });
        more(counted.validated, &|n| {
            format!("… and {} validated", plural(n, "more webhook"))
        });
        more(counted.notified.steps, &|n| {
            format!(
                "… and {}, of {}",
                plural(n, "more notification"),
                plural(counted.notified.amount, "blob")
            )
        });
        more(counted.delivered.steps, &|n| {
            format!(
                "… and {}, with {}",
                plural(n, "more blob"),
                plural(counted.delivered.amount, "record")
            )
        });
        more(counted.swept, &|n| {
            format!("… and {}", plural(n, "more sweep"))
        });
        lines
    }
}

fn again(duplicate: u64) -> String {
    match duplicate {
        0 => String::new(),
        of => format!(" ({of} of them already in the lake)"),
    }
}

fn swept(listed: u64, unknown: u64, overdue: u64) -> String {
    let found = if unknown + overdue == 0 {
        "nothing missing".to_owned()
    } else {
        format!("{unknown} not announced, {overdue} overdue: enqueued")
    };
    format!("swept: {} listed, {found}", plural(listed, "blob"))
}

/// The first part of a GUID.
fn short(tenant: &str) -> &str {
    tenant.split('-').next().unwrap_or(tenant)
}

fn plural(count: u64, of: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {of}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(records: u64) -> Step {
        Step::Delivered {
            tenant: "1a2b3c4d-0000".to_owned(),
            content_type: "Audit.General".to_owned(),
            records,
            duplicate: 0,
        }
    }

    #[test]
    fn three_steps_get_lines_and_a_summary_counts_the_rest() {
        let mut digest = Digest::default();
        let lines = (0..10).filter_map(|_| digest.line(&delivered(7))).count();
        assert_eq!(lines, 3);
        assert_eq!(digest.summary(), ["… and 7 more blobs, with 49 records"]);
        assert!(digest.summary().is_empty());
        assert!(digest.line(&delivered(1)).is_some());
        assert!(digest.summary().is_empty());
    }

    #[test]
    fn a_step_reads_as_a_sentence() {
        let mut digest = Digest::default();
        assert_eq!(
            digest.line(&delivered(1)).unwrap(),
            "delivered: 1 record of Audit.General, tenant 1a2b3c4d"
        );
        let found = Step::Found {
            tenant: "1a2b3c4d-0000".to_owned(),
            finding: "f".to_owned(),
            level: "high".to_owned(),
            title: "Inbox rule that forwards".to_owned(),
        };
        assert_eq!(
            digest.line(&found).unwrap(),
            "found, high: Inbox rule that forwards, tenant 1a2b3c4d"
        );
        assert_eq!(digest.line(&found), None, "its copy");
        let swept = Step::Swept {
            listed: 2,
            unknown: 1,
            overdue: 0,
        };
        assert_eq!(
            digest.line(&swept).unwrap(),
            "swept: 2 blobs listed, 1 not announced, 0 overdue: enqueued"
        );
    }
}
