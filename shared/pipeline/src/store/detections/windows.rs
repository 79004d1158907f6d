//! The sets of correlations: which records of a group lie in a window of time. A set only grows, so any number of workers can add
//! to it, in any order and any number of times.
//!
//! # Where they are kept
//!
//! A tenant's sets are kept in [logs](crate::store::log), one for each [`Period`] of time: a set lies in the log in which its window
//! begins, and periods are the shortest that are at least as long as the correlation's timespan. So a window and the one before and
//! after it lie in one log, or in two that follow each other. An entry holds what a portion of a blob adds to the sets of a log, or
//! what several do that wait for their turn together. What a set has already is not added again: a blob that comes twice costs no write.
//!
//! # Why nothing is missed
//!
//! A finding is made of records of a window and of the next one. To look for it, a worker does this for each record that it adds,
//! in whichever order others do the same:
//!
//! 1. It adds the record to the log of its window. Whoever appends to a log has read all before it.
//! 2. Then it reads what there is in the logs in which the windows before and after lie, if they lie in others.
//! 3. Then it decides by what it has read.
//!
//! Of all records that make a finding together, one is appended last. If the others lie in the same log, whoever appended that one
//! had read them. If they lie in the log before or after, they were appended before step 2, and step 2 reads them. So whoever adds
//! the last one sees them all. If it dies before it has decided, its message comes again: then it finds its record in the
//! log, and decides by what it knows. What was appended after that record needs no look: whoever appended it had read the record, or
//! reads it in step 2.
//!
//! # What it costs
//!
//! A write unit for each 1 KB that a blob adds to a log, which is some 25 records in sets, and a read unit for each log beside it that is looked into. A
//! process that comes anew reads each log that it needs, from the beginning. One that has to do with more than it can remember
//! ([`REMEMBERED_BYTES_MAX`]) does that for every portion of a blob: that is right as well, and much dearer. It says so in its log, and
//! more memory is the remedy ([`WindowLimits::of_memory`]).

mod entry;
mod known;
mod period;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use detections::{Member, THRESHOLD_MAX, WindowKey};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use self::entry::{Joined, SetId};
pub(super) use self::known::Sets;
use self::known::Wish;
use self::period::Stretch;
use super::{Detections, DetectionsError};
use crate::store::ledger::LedgerError;
use crate::store::log;

/// Records of a set from which on it takes no more: as many as a correlation may ask for.
const SET_MEMBERS_MAX: usize = THRESHOLD_MAX;

/// Bytes of an entry before it is compressed, where an item has 409,600 at most. The rest is for its key.
pub const ENTRY_BYTES_MAX: usize = 380_000;

/// Bytes that a process remembers of all logs: some half a million records in sets. A tenant with a million records an hour adds as
/// many within an hour. With the 190 MiB that a blob of a million records takes, the detector stays below the 256 that it may have.
pub const REMEMBERED_BYTES_MAX: usize = 48 * 1024 * 1024;

/// The least memory of the detector's function, as template.yaml has it, in MB: a process takes half of it.
const MEMORY_MB_MIN: usize = 512;

/// Logs that one portion's records are added to, or that are read for it, at once. A blob's records are mostly of one to four hours.
const LOGS_AT_ONCE_MAX: usize = 8;

/// How much of the logs is remembered and written at once. The default is right but for tests, which want less.
#[derive(Clone, Copy, Debug)]
pub struct WindowLimits {
    /// [`ENTRY_BYTES_MAX`]
    pub entry_bytes: usize,
    /// [`REMEMBERED_BYTES_MAX`]
    pub remembered_bytes: usize,
}

impl Default for WindowLimits {
    fn default() -> Self {
        Self {
            entry_bytes: ENTRY_BYTES_MAX,
            remembered_bytes: REMEMBERED_BYTES_MAX,
        }
    }
}

impl WindowLimits {
    /// Those of a function of so much memory, in MB: three quarters of what it has beside `MEMORY_MB_MIN` are for the logs, too.
    #[must_use]
    pub fn of_memory(megabytes: usize) -> Self {
        let more = megabytes.saturating_sub(MEMORY_MB_MIN) * 1024 * 1024;
        Self {
            remembered_bytes: REMEMBERED_BYTES_MAX.saturating_add(more / 4 * 3),
            ..Self::default()
        }
    }
}

impl From<WindowLimits> for log::Limits {
    fn from(limits: WindowLimits) -> Self {
        Self {
            entry: limits.entry_bytes,
            remembered: limits.remembered_bytes,
        }
    }
}

/// Records that are added to a set.
#[derive(Clone, Debug)]
pub struct Addition {
    /// Whose set it is.
    pub key: WindowKey,
    /// The length of its window, in seconds.
    pub span: i64,
    /// The records.
    pub members: BTreeSet<Member>,
}

/// A set to which records were added, and those of the windows before and after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowSets {
    /// Whose set it is.
    pub key: WindowKey,
    /// The window before.
    pub before: BTreeSet<Member>,
    /// The window itself.
    pub own: BTreeSet<Member>,
    /// The window after.
    pub after: BTreeSet<Member>,
    /// The set was full, and not all records are in it.
    pub is_full: bool,
}

/// What is done with one log.
struct Task {
    wish: Arc<Wish>,
    /// It has windows that lie beside a window of another log.
    is_beside: bool,
}

/// What is known of sets.
#[derive(Default)]
struct Answer {
    sets: HashMap<SetId, BTreeSet<Member>>,
    full: BTreeSet<SetId>,
}

impl Detections {
    /// Adds a tenant's records to their sets, and gives each set with its neighbours. A set takes no more records once it has as
    /// many as a correlation may ask for.
    ///
    /// # Errors
    /// [`DetectionsError`]; the records may have been added.
    pub async fn join(
        &self,
        tenant: &str,
        additions: Vec<Addition>,
        now: Timestamp,
    ) -> Result<Vec<WindowSets>, DetectionsError> {
        let tasks = plan(&additions);
        let mut answer = Answer::default();
        let adding = tasks.iter().filter(|(_, task)| !task.wish.joins.is_empty());
        let adding = adding.map(|(at, task)| self.add(tenant, *at, &task.wish, now));
        let adding: Vec<_> = adding.collect();
        let mut added = stream::iter(adding).buffer_unordered(LOGS_AT_ONCE_MAX);
        while let Some(of_log) = added.try_next().await? {
            answer.sets.extend(of_log.sets);
            answer.full.extend(of_log.full);
        }
        drop(added);
        // Not before all is added: what others add from now on, they compare with it.
        let beside = tasks.iter().filter(|(_, task)| task.is_beside);
        let beside = beside.map(|(at, task)| self.look(tenant, *at, &task.wish, now));
        let beside: Vec<_> = beside.collect();
        let mut read = stream::iter(beside).buffer_unordered(LOGS_AT_ONCE_MAX);
        while let Some(of_log) = read.try_next().await? {
            answer.sets.extend(of_log.sets);
        }
        drop(read);
        let sets = additions.into_iter().map(|Addition { key, .. }| {
            let set = |window| answer.sets.get(&set_id(&key, window)).cloned();
            WindowSets {
                before: set(key.window - 1).unwrap_or_default(),
                own: set(key.window).unwrap_or_default(),
                after: set(key.window + 1).unwrap_or_default(),
                is_full: answer.full.contains(&set_id(&key, key.window)),
                key,
            }
        });
        Ok(sets.collect())
    }

    async fn add(
        &self,
        tenant: &str,
        at: Stretch,
        wish: &Arc<Wish>,
        now: Timestamp,
    ) -> Result<Answer, LedgerError> {
        let answer = |sets: &Sets, wish: &Wish, ()| Answer {
            full: sets.without_room(wish),
            ..read(sets, wish, at)
        };
        let place = at.place(tenant);
        self.windows.put(&place, wish, now, |_, _| (), answer).await
    }

    async fn look(
        &self,
        tenant: &str,
        at: Stretch,
        wish: &Arc<Wish>,
        now: Timestamp,
    ) -> Result<Answer, LedgerError> {
        let answer = |sets: &Sets, wish: &Wish| read(sets, wish, at);
        let place = at.place(tenant);
        self.windows.look(&place, wish, now, answer).await
    }
}

/// What is to be done for records in the logs of their windows and of those beside them.
fn plan(additions: &[Addition]) -> BTreeMap<Stretch, Task> {
    let mut plans = BTreeMap::<Stretch, (Wish, bool)>::new();
    for Addition { key, span, members } in additions {
        let own = Stretch::of(key.window, *span);
        for window in [key.window - 1, key.window, key.window + 1] {
            let at = Stretch::of(window, *span);
            let (wish, is_beside) = plans.entry(at).or_default();
            wish.wanted.insert(set_id(key, window));
            *is_beside |= at != own;
        }
        let (wish, _) = plans.entry(own).or_default();
        let set = wish.joins.entry(set_id(key, key.window)).or_default();
        set.extend(members.iter().map(|member| Joined::of(member, own.start())));
    }
    let tasks = plans.into_iter().map(|(at, (wish, is_beside))| {
        let wish = Arc::new(wish);
        (at, Task { wish, is_beside })
    });
    tasks.collect()
}

/// The sets that are wanted, as far as a log has them.
fn read(sets: &Sets, wish: &Wish, at: Stretch) -> Answer {
    let of_set = |id: &SetId| {
        let members = sets.members(id);
        let members = members.map(|joined| joined.to_member(at.start())).collect();
        (*id, members)
    };
    Answer {
        sets: wish.wanted.iter().map(of_set).collect(),
        full: BTreeSet::new(),
    }
}

/// The name of a set in the logs of its tenant: a hash, for a group's values are as long as their records have them.
fn set_id(key: &WindowKey, window: i64) -> SetId {
    let mut hash = Sha256::new();
    for part in std::iter::once(&key.rule).chain(&key.group) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(window.to_be_bytes());
    let hash = hash.finalize();
    SetId(std::array::from_fn(|at| hash[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(rule: &str, group: &[&str]) -> WindowKey {
        WindowKey {
            tenant: "t".to_owned(),
            rule: rule.to_owned(),
            group: group.iter().map(|&value| value.to_owned()).collect(),
            window: 0,
        }
    }

    #[test]
    fn sets_of_other_rules_groups_and_windows_stay_apart() {
        let sets = [
            set_id(&key("r", &["ab", "c"]), 0),
            set_id(&key("r", &["a", "bc"]), 0),
            set_id(&key("r", &["ab", "c"]), 1),
            set_id(&key("r", &["ab", "c"]), -1),
            set_id(&key("q", &["ab", "c"]), 0),
            set_id(&key("r", &[]), 0),
        ];
        assert_eq!(BTreeSet::from(sets).len(), sets.len());
    }

    #[test]
    fn a_function_with_more_memory_remembers_more() {
        let bytes = |megabytes| WindowLimits::of_memory(megabytes).remembered_bytes;
        assert_eq!(bytes(128), REMEMBERED_BYTES_MAX);
        assert_eq!(bytes(512), REMEMBERED_BYTES_MAX);
        assert_eq!(bytes(1_536), REMEMBERED_BYTES_MAX + 768 * 1024 * 1024);
    }

    #[test]
    fn a_window_at_the_edge_of_a_log_is_looked_for_beside_it() {
        let logs = |window, span| {
            let key = WindowKey {
                window,
                ..key("r", &["a"])
            };
            let members = BTreeSet::new();
            let logs = plan(&[Addition { key, span, members }]).into_iter();
            logs.map(|(at, task)| (at.start(), task.is_beside))
                .collect::<Vec<_>>()
        };
        assert_eq!(logs(2, 600), [(0, false)]);
        assert_eq!(logs(5, 600), [(0, false), (3_600, true)]);
        assert_eq!(logs(6, 600), [(0, true), (3_600, false)]);
        assert_eq!(
            logs(1, 3_600),
            [(0, true), (3_600, false), (7_200, true)],
            "windows as long as their logs"
        );
    }
}
