//! What sweeps did, for the log, the metrics and the tests.

use jiff::Timestamp;
use serde::Serialize;

/// What one sweep did, or several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Tenants looked after, whole.
    pub tenants: usize,
    /// Tenants where something failed; each is in the log, and in its state.
    pub failed: usize,
    /// Tenants that are left alone for a while, because nothing works for them.
    pub braked: usize,
    /// Tenants with more to list than one sweep has time for: due again at once.
    pub unfinished: usize,
    /// Messages with nothing to do: somebody else does it, or has done it.
    pub idle: usize,
    /// Subscriptions started.
    pub started: usize,
    /// Blobs that Microsoft listed.
    pub listed: usize,
    /// Blobs enqueued because the ledger did not know them.
    pub unknown: usize,
    /// Blobs taken up again that were given up, because Microsoft still lists them.
    pub reopened: usize,
    /// Blobs enqueued because nobody had finished them in time.
    pub overdue: usize,
    /// Blobs that are overdue only because the queue is long: their messages are in it.
    pub waiting: usize,
    /// Listed items that cannot be fetched: they have no usable id.
    pub rejected: usize,
    /// Stretches of time that could not be listed while Microsoft listed them: losses.
    pub gaps: usize,
    /// Blobs that are not finished, up to a thousand.
    pub open: u64,
    /// When the oldest blob that is not finished became available, among those that are due first.
    pub oldest_open: Option<Timestamp>,
}

impl Report {
    /// Adds what another sweep did.
    pub fn add(&mut self, other: Self) {
        self.tenants += other.tenants;
        self.failed += other.failed;
        self.braked += other.braked;
        self.unfinished += other.unfinished;
        self.idle += other.idle;
        self.started += other.started;
        self.listed += other.listed;
        self.unknown += other.unknown;
        self.reopened += other.reopened;
        self.overdue += other.overdue;
        self.waiting += other.waiting;
        self.rejected += other.rejected;
        self.gaps += other.gaps;
        self.open += other.open;
        self.oldest_open = match (self.oldest_open, other.oldest_open) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
    }

    /// Whether something was found that should not have been missing.
    pub(super) fn found_something(&self) -> bool {
        self.started + self.unknown + self.reopened + self.overdue > 0
    }
}
