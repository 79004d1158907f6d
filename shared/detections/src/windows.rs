//! Sets of records in windows of time: the state of correlations.
//!
//! Time is cut into windows as long as the correlation's timespan. A set belongs to one tenant, rule, group and window, and only
//! grows. A finding belongs to the window in which its first record lies: it exists when, within the timespan after some record
//! of this window, there is enough in this set and the next. So what is found follows from the sets alone, not from the order
//! in which records came, and a record that comes twice changes nothing. The sets can be held in any store that has sets.

pub(crate) mod travel;

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use crate::rules::{Correlation, Kind};

/// Members of one set: twice what a correlation may ask for. Further ones change no finding that there is.
pub const MEMBERS_MAX: usize = 2_000;

/// Whose set it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WindowKey {
    /// The tenant's id.
    pub tenant: String,
    /// The rule's id.
    pub rule: String,
    /// The values of the group's fields.
    pub group: Vec<String>,
    /// The number of the window: seconds since 1970 by the timespan.
    pub window: i64,
}

impl WindowKey {
    /// The uid of the finding.
    #[must_use]
    pub fn uid(&self) -> Uuid {
        let window = self.window.to_string();
        let mut parts = vec![&*self.rule, &*self.tenant, &*window];
        parts.extend(self.group.iter().map(String::as_str));
        crate::finding::uid(&parts)
    }

    /// The set of the same group in another window.
    #[must_use]
    pub fn at(&self, window: i64) -> Self {
        Self {
            window,
            ..self.clone()
        }
    }
}

/// A record in a set. Sorted by time, then by the base rules' order: the order within a second is unknown, so the one that
/// makes a finding is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Seconds since 1970.
    pub time: i64,
    /// Which of the base rules it matches.
    pub base: usize,
    /// The record's id.
    pub record: String,
    /// What it counts for in a `value_count`; of travels where it was.
    pub value: String,
}

/// The records that make the finding of the window `own`, whose successor is `next`; `None` when there is none.
pub(crate) fn found<'s>(
    rule: &Correlation,
    own: &'s BTreeSet<Member>,
    next: &'s BTreeSet<Member>,
) -> Option<Vec<&'s Member>> {
    let all: Vec<&Member> = own.iter().chain(next).collect();
    if all.len() < rule.need {
        return None;
    }
    let starts = own.len();
    if let Some(travel) = &rule.travel {
        return travel::pair(travel, rule.span, &all, starts).map(Vec::from);
    }
    let from = if rule.about.kind == Kind::TemporalOrdered {
        ordered(rule, &all, starts)
    } else {
        enough(rule, &all, starts)
    }?;
    let until = all[from].time + rule.span;
    let made = all[from..].iter().take_while(|of| of.time <= until);
    Some(made.copied().collect())
}

/// The first of the `starts` after which there are enough different records, values or rules within the timespan.
fn enough(rule: &Correlation, all: &[&Member], starts: usize) -> Option<usize> {
    let mut counts: HashMap<(usize, &str), usize> = HashMap::new();
    let mut end = 0;
    for start in 0..starts {
        while end < all.len() && all[end].time <= all[start].time + rule.span {
            *counts.entry(counted(rule, all[end])).or_default() += 1;
            end += 1;
        }
        if counts.len() >= rule.need {
            return Some(start);
        }
        let of = counted(rule, all[start]);
        if let Some(count) = counts.get_mut(&of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&of);
            }
        }
    }
    None
}

fn counted<'m>(rule: &Correlation, member: &'m Member) -> (usize, &'m str) {
    match rule.about.kind {
        Kind::ValueCount => (0, &member.value),
        Kind::Temporal => (member.base, ""),
        _ => match &*member.value {
            "" => (0, &member.record),
            value => (0, value),
        },
    }
}

/// The first record of a chain through all base rules in their order, within the timespan. Of all chains to a record, the one
/// that begins last is the shortest.
fn ordered(rule: &Correlation, all: &[&Member], starts: usize) -> Option<usize> {
    let mut begins: Vec<Option<usize>> = vec![None; rule.need];
    // A record that was kept when the rule had more base rules is none of this one's.
    let members = all.iter().enumerate();
    for (at, member) in members.filter(|(_, member)| member.base < rule.need) {
        begins[member.base] = match member.base {
            0 if at < starts => Some(at),
            0 => begins[0],
            base => begins[base - 1].max(begins[base]),
        };
        let chain = begins[rule.need - 1].filter(|_| member.base == rule.need - 1);
        if let Some(begin) = chain
            && member.time - all[begin].time <= rule.span
        {
            return Some(begin);
        }
    }
    None
}
