//! What a process knows of one log: how far it has read, and what it remembers of that.

use std::time::Duration;

use jiff::Timestamp;

use super::Memory;
use super::entry::Entry;
use crate::clock::{earlier, later};

/// How long before the last entry may be deleted a log counts as unknown. Far more than clocks differ and an append lasts, and
/// far less than entries are kept, so that a log in use is not read anew for it.
const EXPIRY_MARGIN: Duration = Duration::from_secs(2 * 24 * 3600);

/// The entries of a log that were read or appended, up to a number.
#[derive(Debug, Default)]
pub(super) struct Known<M> {
    /// What they hold.
    pub(super) memory: M,
    /// The number after the last entry.
    next: u32,
    tail: Option<Tail>,
    /// When the log was found empty, if it was.
    empty_at: Option<Timestamp>,
    /// Nobody else had appended when it was looked at last.
    pub(super) is_quiet: bool,
}

/// The last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) number: u32,
    /// When it may be deleted.
    pub(super) expires_at: Timestamp,
}

impl<M: Memory> Known<M> {
    /// The number that the next entry gets.
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    pub(super) const fn tail(&self) -> Option<Tail> {
        self.tail
    }

    /// Whether what is known can be gone by which a log is numbered, or is no longer complete.
    pub(super) fn is_outdated(&self, now: Timestamp, kept: Duration) -> bool {
        let expires_at = match (self.tail, self.empty_at) {
            (Some(tail), _) => tail.expires_at,
            // An entry that was appended since then is not deleted before this.
            (None, Some(at)) => later(at, kept),
            (None, None) => return false,
        };
        self.memory.is_bounded() || now >= earlier(expires_at, EXPIRY_MARGIN)
    }

    /// The last entry, if it may be deleted soon.
    pub(super) fn expiring_tail(&self, now: Timestamp) -> Option<Tail> {
        self.tail
            .filter(|tail| now >= earlier(tail.expires_at, EXPIRY_MARGIN))
    }

    /// Adds the entry that follows. Entries before may be missing: they have expired.
    pub(super) fn add(&mut self, entry: &Entry<M::Content>) {
        self.memory.add(&entry.content);
        self.next = entry.number.saturating_add(1);
        self.tail = Some(Tail {
            number: entry.number,
            expires_at: entry.expires_at,
        });
    }

    /// Takes the next number for taken, without reading what is there: a bug.
    pub(super) fn pass_over(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Notes that there is no entry after those that are known.
    pub(super) fn ends_at(&mut self, now: Timestamp) {
        if self.tail.is_none() {
            self.empty_at = Some(now);
        }
    }

    /// Notes that the last entry is kept longer.
    pub(super) fn extend_tail(&mut self, expires_at: Timestamp) {
        if let Some(tail) = &mut self.tail {
            tail.expires_at = expires_at;
        }
    }
}
