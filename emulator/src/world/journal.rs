//! What happened, for assertions: requests, starts, deliveries, broken rules.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::content_type::ContentType;
use crate::operation::Operation;

/// Entries kept per list; older ones are dropped, the counts stay right. 100,000 requests are some 50 MB.
const JOURNAL_ENTRIES_MAX: usize = 100_000;

/// A request that came in, or a validation call that went out.
#[derive(Debug, Clone, Serialize)]
pub struct RequestSeen {
    /// When, on the emulator's clock.
    pub at: Timestamp,
    /// What it asked for.
    pub operation: Operation,
    /// The method.
    pub method: String,
    /// Path and query as sent; the address of a webhook.
    pub target: String,
    /// The tenant in the address.
    pub tenant: Option<Uuid>,
    /// The tenant of the token in `Authorization`.
    pub token_tenant: Option<Uuid>,
    /// The content type asked for.
    pub content_type: Option<ContentType>,
    /// The `PublisherIdentifier` given.
    pub publisher: Option<String>,
    /// The status of the answer; 0 when there was none.
    pub status: u16,
}

/// A start that passed authorization.
#[derive(Debug, Clone, Serialize)]
pub struct StartSeen {
    /// When, on the emulator's clock.
    pub at: Timestamp,
    /// The tenant.
    pub tenant: Uuid,
    /// The application.
    pub client_id: Uuid,
    /// The content type.
    pub content_type: ContentType,
    /// The webhook address asked for.
    pub webhook: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The error code of the answer.
    pub code: Option<String>,
}

/// An attempt to tell a webhook about one blob.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// When, on the emulator's clock.
    pub at: Timestamp,
    /// The tenant.
    pub tenant: Uuid,
    /// The application.
    pub client_id: Uuid,
    /// The content type.
    pub content_type: ContentType,
    /// The blob announced.
    pub content_id: String,
    /// The status the webhook answered; 0 when it did not answer.
    pub status: u16,
}

/// A request that broke one of Microsoft's rules, whether it was answered or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// When, on the emulator's clock.
    pub at: Timestamp,
    /// The rule, such as `start_within_15_minutes`.
    pub rule: &'static str,
    /// The tenant in the address.
    pub tenant: Option<Uuid>,
    /// What was done.
    pub detail: String,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) requests: VecDeque<RequestSeen>,
    pub(crate) request_counts: BTreeMap<Operation, u64>,
    pub(crate) starts: VecDeque<StartSeen>,
    pub(crate) deliveries: VecDeque<Delivery>,
    pub(crate) deliveries_ok: u64,
    pub(crate) deliveries_failed: u64,
    pub(crate) violations: VecDeque<Violation>,
    rules_broken: BTreeSet<&'static str>,
}

impl Journal {
    pub(crate) fn request(&mut self, seen: RequestSeen) {
        *self.request_counts.entry(seen.operation).or_default() += 1;
        push(&mut self.requests, seen);
    }

    pub(crate) fn start(&mut self, seen: StartSeen) {
        push(&mut self.starts, seen);
    }

    pub(crate) fn delivery(&mut self, delivery: Delivery) {
        if delivery.status == 200 {
            self.deliveries_ok += 1;
        } else {
            self.deliveries_failed += 1;
        }
        push(&mut self.deliveries, delivery);
    }

    /// Records a violation; true when it is the first of its rule.
    pub(crate) fn violation(&mut self, violation: Violation) -> bool {
        let first = self.rules_broken.insert(violation.rule);
        push(&mut self.violations, violation);
        first
    }
}

fn push<T>(list: &mut VecDeque<T>, entry: T) {
    if list.len() == JOURNAL_ENTRIES_MAX {
        list.pop_front();
    }
    list.push_back(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_list_drops_its_oldest_entry() {
        let mut list: VecDeque<usize> = (0..JOURNAL_ENTRIES_MAX).collect();
        push(&mut list, 7);
        assert_eq!(
            (list.len(), list.front(), list.back()),
            (JOURNAL_ENTRIES_MAX, Some(&1), Some(&7))
        );
    }
}
