//! The findings of correlations that this process has dealt with. What goes on makes the same finding with each record that it
//! adds, and the table is not asked about it each time.

use std::collections::HashSet;
use std::sync::Mutex;

use uuid::Uuid;

use super::Detections;

/// Findings that a process remembers; all are forgotten when there are more, and the table is asked again. Some 30 bytes each.
const SETTLED_MAX: usize = 50_000;

/// Uids of findings.
#[derive(Debug, Default)]
pub(super) struct Settled(Mutex<HashSet<Uuid>>);

impl Detections {
    /// Whether this process knows that nothing is left to do for a finding.
    #[must_use]
    pub fn is_settled(&self, finding: Uuid) -> bool {
        let settled = self.settled.0.lock();
        settled.is_ok_and(|settled| settled.contains(&finding))
    }

    /// Remembers that nothing is left to do for a finding: it is announced, or left out.
    pub fn settle(&self, finding: Uuid) {
        let Ok(mut settled) = self.settled.0.lock() else {
            return;
        };
        if settled.len() >= SETTLED_MAX {
            settled.clear();
        }
        settled.insert(finding);
    }
}
