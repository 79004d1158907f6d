//! Keeps a busy story readable: of each kind of step a few are told one by one, the rest of the second in sum.

use super::Step;

/// Steps of one kind told singly between two sums.
const SINGLE_MAX: u64 = 3;

/// What was not told singly.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    registered: u64,
    starting: u64,
    validated: u64,
    notified: Held,
    delivered: Held,
    swept: u64,
}

#[derive(Debug, Default)]
struct Held {
    seen: u64,
    /// Blobs or records of those held back.
    amount: u64,
}

impl Held {
    /// Whether this one may be told; otherwise it is held back.
    fn take(&mut self, amount: u64) -> bool {
        self.seen += 1;
        if self.seen <= SINGLE_MAX {
            return true;
        }
        self.amount += amount;
        false
    }
}

impl Throttle {
    /// The line for a step that is told by itself.
    pub(super) fn take(&mut self, step: &Step) -> Option<String> {
        match step {
            Step::Registered { tenant } => {
                self.registered += 1;
                (self.registered <= SINGLE_MAX)
                    .then(|| format!("tenant {} registered", short(tenant)))
            }
            Step::Starting {
                tenant,
                content_type,
            } => {
                self.starting += 1;
                (self.starting <= SINGLE_MAX)
                    .then(|| format!("subscribing to {content_type} of tenant {}", short(tenant)))
            }
            Step::Validated {
                tenant,
                content_type,
            } => {
                self.validated += 1;
                (self.validated <= SINGLE_MAX).then(|| {
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
            } => self.notified.take(*blobs).then(|| {
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
            } => self.delivered.take(*records).then(|| {
                let again = match duplicate {
                    0 => String::new(),
                    of => format!(" ({of} of them known already)"),
                };
                format!(
                    "delivered: {} of {content_type}, tenant {}{again}",
                    plural(*records, "record"),
                    short(tenant)
                )
            }),
            Step::Swept {
                listed,
                unknown,
                overdue,
            } => {
                self.swept += 1;
                let found = if *unknown + *overdue == 0 {
                    "nothing missing".to_owned()
                } else {
                    format!("{unknown} not announced, {overdue} overdue: enqueued")
                };
                (self.swept <= SINGLE_MAX)
                    .then(|| format!("swept: {} listed, {found}", plural(*listed, "blob")))
            }
        }
    }

    /// What was held back, in sum, and a new start.
    pub(super) fn sum(&mut self) -> Vec<String> {
        let held = std::mem::take(self);
        let mut lines = Vec::new();
        let mut more = |count: u64, text: &dyn Fn(u64) -> String| {
            if count > SINGLE_MAX {
                lines.push(text(count - SINGLE_MAX));
            }
        };
        more(held.registered, &|n| {
            format!("… and {} registered", plural(n, "tenant"))
        });
        more(held.starting, &|n| {
            format!("… and {} being started", plural(n, "subscription"))
        });
        more(held.validated, &|n| {
            format!("… and {} validated", plural(n, "webhook"))
        });
        more(held.notified.seen, &|n| {
            format!(
                "… and {}, of {}",
                plural(n, "more notification"),
                plural(held.notified.amount, "blob")
            )
        });
        more(held.delivered.seen, &|n| {
            format!(
                "… and {}, with {}",
                plural(n, "more blob"),
                plural(held.delivered.amount, "record")
            )
        });
        more(held.swept, &|n| format!("… and {}", plural(n, "sweep")));
        lines
    }
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
    fn the_first_of_a_second_are_told_singly_and_the_rest_in_sum() {
        let mut throttle = Throttle::default();
        let told = (0..10).filter_map(|_| throttle.take(&delivered(7))).count();
        assert_eq!(told, 3);
        assert_eq!(throttle.sum(), ["… and 7 more blobs, with 49 records"]);
        assert!(throttle.sum().is_empty());
        assert!(throttle.take(&delivered(1)).is_some());
        assert!(throttle.sum().is_empty());
    }

    #[test]
    fn a_step_reads_as_a_sentence() {
        let mut throttle = Throttle::default();
        assert_eq!(
            throttle.take(&delivered(1)).unwrap(),
            "delivered: 1 record of Audit.General, tenant 1a2b3c4d"
        );
        let swept = Step::Swept {
            listed: 2,
            unknown: 1,
            overdue: 0,
        };
        assert_eq!(
            throttle.take(&swept).unwrap(),
            "swept: 2 blobs listed, 1 not announced, 0 overdue: enqueued"
        );
    }
}
