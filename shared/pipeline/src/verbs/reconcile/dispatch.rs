//! Who is due: read from the sweeps of all tenants, and sent to the sweep queue. The figures for the alarms come with it.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use office365::TenantId;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::due::Periods;
use super::window::LOOK_BACK;
use crate::aws::AwsError;
use crate::clock::{Clock, later};
use crate::metrics;
use crate::store::ledger::key::SHARDS;
use crate::store::ledger::sweep::{SweepState, Swept, TypeSweep};
use crate::store::ledger::{Ledger, LedgerError};
use crate::store::queue::{SendError, SweepMessage, SweepQueue};
use crate::teeth::{Tooth, bites};

/// Partitions read at once: all of them.
const SHARDS_IN_FLIGHT_MAX: usize = SHARDS.len();

/// After so many of the longest period without a whole sweep a tenant counts as not swept.
pub const NOT_SWEPT_AFTER_PERIODS: u32 = 3;

/// How long a first listing may take before its tenant counts as not swept: the week of a tenant as large as any known takes
/// hours.
const FIRST_LISTING: Duration = Duration::from_secs(24 * 3600);

/// Tenants that are not swept and named in the log of one run. The others are in the count.
const NAMED_MAX: usize = 20;

/// Time kept back at the end for the answer.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);

/// What the dispatcher works with.
#[derive(Debug)]
pub struct Dispatcher {
    /// The ledger.
    pub ledger: Ledger,
    /// Where the messages go.
    pub sweeps: SweepQueue,
    /// The times that sweeps keep.
    pub periods: Periods,
}

/// What a run found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dispatched {
    /// Tenants that are swept.
    pub tenants: usize,
    /// Those that are due.
    pub due: usize,
    /// Messages sent: one for each, or none while the queue still holds more than that.
    pub dispatched: usize,
    /// Tenants without a whole sweep for three periods.
    pub not_swept: usize,
    /// Tenants whose last sweep failed.
    pub failing: usize,
    /// Tenants whose first listing is under way.
    pub beginning: usize,
    /// Tenants whose state cannot be read. They are dispatched, and swept as if for the first time.
    pub unreadable: usize,
    /// The watermark that is furthest behind.
    pub oldest_watermark: Option<Timestamp>,
}

impl Dispatched {
    /// Whole hours until Microsoft forgets what lies behind the oldest watermark; `None` when nothing was listed yet.
    #[must_use]
    pub fn hours_left(&self, now: Timestamp) -> Option<i64> {
        let mark = self.oldest_watermark?;
        Some(later(mark, LOOK_BACK).duration_since(now).as_hours())
    }
}

/// Some tenants were not dispatched.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// A partition of the sweeps cannot be read; those of the others are dispatched.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The queue does not say how long it is.
    #[error(transparent)]
    Queue(#[from] AwsError),
    /// The queue does not take the messages.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The time is over.
    #[error("not finished in time; the next run begins anew")]
    TooSlow,
}

/// Sends one message for each tenant whose sweep is due.
///
/// # Errors
/// [`DispatchError`]; the next run makes up for it.
pub async fn dispatch(
    dispatcher: &Dispatcher,
    clock: Clock,
    deadline: Instant,
) -> Result<Dispatched, DispatchError> {
    let stop_at = deadline.checked_sub(ANSWER_MARGIN).unwrap_or(deadline);
    timeout_at(stop_at, run(dispatcher, clock.now()))
        .await
        .unwrap_or(Err(DispatchError::TooSlow))
}

async fn run(dispatcher: &Dispatcher, now: Timestamp) -> Result<Dispatched, DispatchError> {
    let Dispatcher { ledger, sweeps, .. } = dispatcher;
    let mut survey = Survey::new(now, &dispatcher.periods);
    let mut unread = None;
    let mut shards = stream::iter(SHARDS)
        .map(|shard| async move {
            let mut found = Vec::new();
            let read = ledger.sweeps(shard, &mut found).await;
            (found, read.err())
        })
        .buffer_unordered(SHARDS_IN_FLIGHT_MAX);
    while let Some((found, error)) = shards.next().await {
        found.into_iter().for_each(|swept| survey.take(swept));
        unread = error.or(unread);
    }
    let messages = survey.messages();
    let mut found = survey.found;
    if !messages.is_empty() && sweeps.depth().await? <= messages.len() as u64 {
        sweeps.send(&messages).await?;
        found.dispatched = messages.len();
    }
    log(&found, now);
    measure(&found, unread.is_none());
    unread.map_or(Ok(found), |error| Err(error.into()))
}

/// The figures for the alarms, when they are of all tenants. Nobody knows how those stand that could not be read, and a figure
/// without them would say that all is well: that it is missing is an alarm too.
fn measure(found: &Dispatched, all_read: bool) {
    if all_read {
        metrics::measure(metrics::name::TENANTS_NOT_SWEPT, found.not_swept as u64);
        metrics::measure(metrics::name::TENANTS_FAILING, found.failing as u64);
    }
}

fn log(found: &Dispatched, now: Timestamp) {
    if found.due + found.not_swept + found.failing + found.unreadable == 0 {
        tracing::debug!(tenants = found.tenants, "no sweep is due");
        return;
    }
    tracing::info!(
        tenants = found.tenants,
        due = found.due,
        dispatched = found.dispatched,
        not_swept = found.not_swept,
        failing = found.failing,
        beginning = found.beginning,
        unreadable = found.unreadable,
        hours_left = found.hours_left(now),
        "sweeps dispatched"
    );
}

/// A look at the states of all tenants.
struct Survey {
    now: Timestamp,
    behind_after: Duration,
    found: Dispatched,
    due: Vec<Due>,
}

/// Who is due. In the order of these fields: whoever fails comes last, so that hanging tenants do not delay the others, and
/// before that whoever has been due for longest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    failing: bool,
    at: Timestamp,
    tenant_id: TenantId,
}

impl Survey {
    fn new(now: Timestamp, periods: &Periods) -> Self {
        Self {
            now,
            behind_after: periods.longest() * NOT_SWEPT_AFTER_PERIODS,
            found: Dispatched::default(),
            due: Vec::new(),
        }
    }

    fn take(&mut self, swept: Swept) {
        let Swept { tenant_id, state } = swept;
        self.found.tenants += 1;
        let state = match state {
            Ok(state) => state,
            Err(error) => {
                self.found.unreadable += 1;
                tracing::error!(tenant.id = %tenant_id, %error, "how far the tenant was swept cannot be read");
                self.due.push(Due {
                    failing: true,
                    at: self.now,
                    tenant_id,
                });
                return;
            }
        };
        let is_beginning = state.types.values().any(|of| of.is_beginning());
        self.found.beginning += usize::from(is_beginning);
        self.found.failing += usize::from(state.failures > 0);
        if self.is_behind(&state) {
            self.found.not_swept += 1;
            if self.found.not_swept <= NAMED_MAX {
                let error = state.last_error.as_deref();
                tracing::warn!(tenant.id = %tenant_id, failures = state.failures, error, "tenant not swept for three periods");
            }
        }
        let served = state.types.values().filter(|of| !of.stopped);
        let marks = served.filter_map(|of| of.watermark);
        self.found.oldest_watermark = self.found.oldest_watermark.into_iter().chain(marks).min();
        let is_taken = state.lease.is_some_and(|(_, until)| until >= self.now);
        if state.due_at <= self.now && !is_taken {
            self.due.push(Due {
                failing: state.failures > 0,
                at: state.due_at,
                tenant_id,
            });
        }
    }

    /// A first listing takes its time: while sweeps go on without a failure it is not behind for a day.
    fn is_behind(&self, state: &SweepState) -> bool {
        let long_ago = |at: Timestamp| later(at, self.behind_after) < self.now;
        let is_young = |of: &TypeSweep| {
            let begun = of.begun_until.filter(|_| of.is_beginning());
            begun.is_some_and(|begun| self.now < later(begun, FIRST_LISTING))
        };
        let is_beginning = state.types.values().any(is_young);
        if is_beginning && state.failures == 0 && !state.begun_at.is_none_or(long_ago) {
            return false;
        }
        state.done_at.or(state.known_at).is_none_or(long_ago)
    }

    fn messages(&mut self) -> Vec<SweepMessage> {
        self.due.sort();
        if bites(Tooth::TenantForgotten) {
            self.due.pop();
        }
        self.found.due = self.due.len();
        let message = |due: &Due| SweepMessage {
            tenant_id: due.tenant_id,
            asked_at: self.now,
        };
        self.due.iter().map(message).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use office365::ContentType;

    use super::*;

    const NOW: &str = "2026-03-08T12:00:00Z";

    fn at(minutes_ago: i64) -> Timestamp {
        let now: Timestamp = NOW.parse().unwrap();
        Timestamp::from_second(now.as_second() - minutes_ago * 60).unwrap()
    }

    fn survey(states: impl IntoIterator<Item = Result<SweepState, LedgerError>>) -> Survey {
        let mut survey = Survey::new(NOW.parse().unwrap(), &Periods::DEPLOYED);
        for (n, state) in states.into_iter().enumerate() {
            let id = format!("a1111111-2222-4333-8444-{n:012}");
            survey.take(Swept {
                tenant_id: id.parse().unwrap(),
                state,
            });
        }
        survey
    }

    fn state(due_minutes_ago: i64, done_minutes_ago: i64) -> SweepState {
        SweepState {
            due_at: at(due_minutes_ago),
            done_at: Some(at(done_minutes_ago)),
            ..SweepState::default()
        }
    }

    #[test]
    fn whoever_is_due_longest_comes_first_and_failing_ones_last() {
        let failing = SweepState {
            failures: 3,
            ..state(50, 5)
        };
        let taken = SweepState {
            lease: Some(("somebody".to_owned(), at(-1))),
            ..state(5, 5)
        };
        let mut survey = survey([failing, state(1, 5), state(4, 5), state(-1, 5), taken].map(Ok));
        let order = survey.messages();
        let order: Vec<_> = order
            .iter()
            .map(|message| message.tenant_id.to_string().pop().unwrap())
            .collect();
        assert_eq!(order, ['2', '1', '0']);
        assert_eq!((survey.found.failing, survey.found.not_swept), (1, 0));
    }

    #[test]
    fn a_tenant_is_behind_after_three_periods() {
        let never = |known: i64| SweepState {
            done_at: None,
            known_at: Some(at(known)),
            ..state(0, 0)
        };
        assert_eq!(survey([Ok(state(0, 45))]).found.not_swept, 0);
        assert_eq!(survey([Ok(state(0, 46))]).found.not_swept, 1);
        assert_eq!(survey([Ok(never(45))]).found.not_swept, 0);
        assert_eq!(survey([Ok(never(46))]).found.not_swept, 1);
        let beginning = |begun: i64, failures| SweepState {
            begun_at: Some(at(begun)),
            failures,
            types: BTreeMap::from([(
                ContentType::AuditExchange,
                TypeSweep {
                    begun_until: Some(at(500)),
                    ..TypeSweep::default()
                },
            )]),
            ..never(500)
        };
        assert_eq!(survey([Ok(beginning(2, 0))]).found.not_swept, 0);
        assert_eq!(survey([Ok(beginning(2, 1))]).found.not_swept, 1);
        assert_eq!(survey([Ok(beginning(99, 0))]).found.not_swept, 1);
        let mut for_a_day = beginning(2, 0);
        let types = for_a_day.types.values_mut();
        types.for_each(|of| of.begun_until = Some(at(24 * 60 + 1)));
        assert_eq!(survey([Ok(for_a_day)]).found.not_swept, 1);
    }

    #[test]
    fn figures_without_some_tenants_are_not_told() {
        let captured = metrics::captured::start();
        measure(&Dispatched::default(), false);
        assert_eq!(captured.take(), BTreeMap::new());
        measure(&Dispatched::default(), true);
        assert_eq!(captured.take().len(), 2);
    }

    #[test]
    fn a_state_that_cannot_be_read_is_dispatched_and_told() {
        let odd = LedgerError::Damaged {
            key: "sweep".to_owned(),
            attribute: "types",
        };
        let mut survey = survey([Err(odd), Ok(state(0, 5))]);
        assert_eq!(survey.messages().len(), 2);
        assert_eq!((survey.found.tenants, survey.found.unreadable), (2, 1));
    }

    #[test]
    fn the_oldest_watermark_says_how_much_time_is_left() {
        let marked = |minutes_ago| SweepState {
            types: BTreeMap::from([(
                ContentType::AuditExchange,
                TypeSweep {
                    watermark: Some(at(minutes_ago)),
                    ..TypeSweep::default()
                },
            )]),
            ..state(-1, 0)
        };
        let found = survey([Ok(marked(5)), Ok(marked(3 * 24 * 60)), Ok(state(-1, 0))]).found;
        assert_eq!(found.oldest_watermark, Some(at(3 * 24 * 60)));
        assert_eq!(found.hours_left(at(0)), Some(4 * 24 - 1));
    }
}
