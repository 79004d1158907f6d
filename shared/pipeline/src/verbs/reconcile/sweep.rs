//! One message of the sweep queue: one tenant, taken, looked after, and given back with the time when it is due again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use office365::TenantId;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::due::Periods;
use super::overdue::Depth;
use super::progress::{Progress, Watched};
use super::report::Report;
use super::tenant::{End, Work};
use super::trouble::TenantError;
use crate::aws::batch::{self, Delivery};
use crate::certificate::{self, CertificateError};
use crate::clock::{Clock, later};
use crate::logging::{field, message};
use crate::metrics;
use crate::microsoft::Microsoft;
use crate::store::lake::Lake;
use crate::store::ledger::loss::LOSSES_PAGE_MAX;
use crate::store::ledger::registry::brake::{Brake, BrakeReason};
use crate::store::ledger::sweep::SweepState;
use crate::store::ledger::{Ledger, LedgerError};
use crate::store::queue::{Queue, SweepMessage};
use crate::teeth::{Tooth, bites};
use crate::verbs::subscription::Webhooks;

/// Tenants that one process looks after at once. Each makes a handful of calls a second at most, far below Microsoft's 2,000 a
/// minute and tenant; the number is that of the messages that Lambda hands over at once.
pub const TENANTS_IN_FLIGHT_MAX: usize = 10;

/// Time kept back at the end, to write down how far the sweep came.
const NOTE_MARGIN: Duration = Duration::from_secs(10);

/// How long after its time a sweep that died still keeps others from the tenant.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// What sweeps work with.
#[derive(Debug)]
pub struct Sweeper {
    ledger: Ledger,
    queue: Queue,
    microsoft: Microsoft,
    webhooks: Webhooks,
    lake: Lake,
    periods: Periods,
    depth: Depth,
}

impl Sweeper {
    /// A sweeper that puts unknown blobs into `queue`, and certificates into `lake`.
    #[must_use]
    pub fn new(
        ledger: Ledger,
        queue: Queue,
        lake: Lake,
        microsoft: Microsoft,
        webhooks: Webhooks,
        periods: Periods,
    ) -> Self {
        Self {
            ledger,
            queue,
            microsoft,
            webhooks,
            lake,
            periods,
            depth: Depth::default(),
        }
    }
}

/// Nobody knows how far the sweep came: the state could not be taken or written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SweepError(#[from] LedgerError);

/// Runs one sweep for each message, until `deadline`. None of them has to come again: whoever is still due is dispatched again.
pub async fn batch(
    sweeper: &Arc<Sweeper>,
    deliveries: Vec<Delivery>,
    clock: Clock,
    deadline: Instant,
) -> Report {
    let sum = Arc::new(Mutex::new(Report::default()));
    batch::each(deliveries, TENANTS_IN_FLIGHT_MAX, deadline, |delivery| {
        let (sweeper, sum) = (Arc::clone(sweeper), Arc::clone(&sum));
        async move {
            let message: SweepMessage = match serde_json::from_str(&delivery.body) {
                Ok(message) => message,
                Err(error) => {
                    tracing::error!(%error, "message is none of ours, dropped");
                    return true;
                }
            };
            let swept = sweep(&sweeper, &message, clock, deadline).await;
            let part = swept.unwrap_or_else(|error| {
                tracing::error!(tenant.id = %message.tenant_id, %error, "sweep not taken or not written down, the next one does the same again");
                Report {
                    failed: 1,
                    ..Report::default()
                }
            });
            sum.lock().unwrap_or_else(PoisonError::into_inner).add(part);
            true
        }
    })
    .await;
    let report = *sum.lock().unwrap_or_else(PoisonError::into_inner);
    let age = report
        .oldest_open
        .map_or(0, |at| clock.now().duration_since(at).as_secs());
    metrics::measure(
        metrics::name::OLDEST_OPEN_BLOB_SECONDS,
        u64::try_from(age).unwrap_or(0),
    );
    report
}

/// Sweeps one tenant, unless that was done since the message was sent, is being done, or is not due.
///
/// What goes wrong with the tenant is no error here: it is in the log, in the tenant's state, and in the report as `failed`.
///
/// # Errors
/// [`SweepError`]; the next sweep of the tenant begins where this one began.
pub async fn sweep(
    sweeper: &Sweeper,
    message: &SweepMessage,
    clock: Clock,
    deadline: Instant,
) -> Result<Report, SweepError> {
    let (tenant, begun_at) = (message.tenant_id, clock.now());
    let last_moment = deadline.checked_sub(NOTE_MARGIN).unwrap_or(deadline);
    let stop_at = last_moment.min(Instant::now() + sweeper.periods.slot);
    let owner = Uuid::new_v4().to_string();
    let until = later(
        begun_at,
        stop_at.saturating_duration_since(Instant::now()) + NOTE_MARGIN + LEASE_MARGIN,
    );
    let taken = sweeper
        .ledger
        .take_sweep(tenant, &owner, message.asked_at, (begun_at, until))
        .await?;
    let Some(state) = taken else {
        return Ok(Report {
            idle: 1,
            ..Report::default()
        });
    };
    let state = state.unwrap_or_else(|error| {
        tracing::error!(tenant.id = %tenant, %error, "how far the tenant was swept cannot be read: it is swept as if for the first time");
        SweepState {
            known_at: Some(begun_at),
            ..SweepState::default()
        }
    });
    let progress = Progress::of(state.types.clone());
    let work = Work {
        ledger: &sweeper.ledger,
        queue: &sweeper.queue,
        microsoft: &sweeper.microsoft,
        webhooks: &sweeper.webhooks,
        depth: &sweeper.depth,
        owner: &owner,
        progress: &progress,
        last_error: state.last_error.as_deref(),
        known_at: state.known_at,
        heals_within: sweeper.periods.stalled * 3 / 4,
        certified_until: state.certified_until,
        clock,
    };
    let work = work.look_after(tenant);
    let watched = progress.watch(work, sweeper.periods.stalled, stop_at).await;
    let ending = Ending {
        sweeper,
        tenant,
        begun_at,
        now: clock.now(),
        deadline,
    };
    ending.note(&owner, state, &progress, watched).await
}

/// The end of a sweep.
struct Ending<'a> {
    sweeper: &'a Sweeper,
    tenant: TenantId,
    begun_at: Timestamp,
    now: Timestamp,
    deadline: Instant,
}

impl Ending<'_> {
    /// Writes down how far the sweep came, and when the next one is due.
    async fn note(
        &self,
        owner: &str,
        before: SweepState,
        progress: &Progress,
        watched: Watched<Result<End, TenantError>>,
    ) -> Result<Report, SweepError> {
        let end = match watched {
            Watched::Ended(Ok(end)) => Some(end),
            Watched::Ended(Err(error)) => {
                progress.fail(error);
                None
            }
            Watched::Stalled => {
                progress.fail(TenantError::Stalled(self.sweeper.periods.stalled));
                None
            }
            Watched::OutOfTime => {
                // The next one would do the same again.
                if !progress.has_moved(&before.types) {
                    progress.fail(TenantError::NotInTime(self.sweeper.periods.slot));
                }
                None
            }
        };
        if matches!(end, Some(End::NotRegistered | End::Removed)) {
            return Ok(Report {
                tenants: 1,
                ..progress.report()
            });
        }
        let (report, state) = self.decide(before, progress, end).await;
        self.log(&report, &state);
        if !self
            .sweeper
            .ledger
            .note_sweep(self.tenant, owner, &state)
            .await?
        {
            tracing::warn!(tenant.id = %self.tenant, "sweep taken over by another sweeper, this one's end is not written down");
        }
        let certified = timeout_at(self.deadline, self.certify(&state));
        if report.tenants > 0 && certified.await.is_err() {
            tracing::warn!(tenant.id = %self.tenant, "no time left to write certificates, the next sweep does");
        }
        Ok(report)
    }

    /// What the sweep comes to, and when the next one is due.
    async fn decide(
        &self,
        before: SweepState,
        progress: &Progress,
        end: Option<End>,
    ) -> (Report, SweepState) {
        let (mut report, periods) = (progress.report(), &self.sweeper.periods);
        let mut activity = progress.activity(&before.activity);
        if let Some(losses) = self.count_losses().await {
            activity.losses = losses;
        }
        let mut state = SweepState {
            types: if bites(Tooth::WatermarkInMemory) {
                before.types
            } else {
                progress.types()
            },
            activity,
            ..before
        };
        match (end, progress.take_error()) {
            (_, Some(error)) => {
                report.failed = 1;
                let brake = self.brake(&error, progress).await;
                report.braked = usize::from(brake.is_some());
                self.after_failure(&mut state, &error, brake);
            }
            (Some(End::Braked(until)), None) => {
                report.braked = 1;
                state.due_at = until;
            }
            (Some(End::Swept { webhooks_serve }), None) => {
                report.tenants = 1;
                let is_quiet = !report.found_something() && (webhooks_serve || report.listed == 0);
                let gap = if is_quiet {
                    periods.quiet
                } else {
                    periods.busy
                };
                self.after_success(&mut state, gap);
            }
            (Some(End::Paused | End::NotRegistered | End::Removed), None) => {
                report.tenants = 1;
                self.after_success(&mut state, periods.quiet);
            }
            // Its time was over while it moved, or there is more to do than at its begin.
            (None | Some(End::CameBack), None) => {
                report.unfinished = 1;
                state.failures = 0;
                state.last_error = None;
                state.due_at = self.now;
            }
        }
        (report, state)
    }

    /// Failures that hold for all calls of the tenant put its brake on, when no call succeeded, or when Microsoft asks for
    /// fewer.
    async fn brake(&self, error: &TenantError, progress: &Progress) -> Option<Brake> {
        let (reason, wait) = error.of_tenant()?;
        if progress.has_answer() && reason != BrakeReason::Throttled {
            return None;
        }
        let (ledger, why) = (&self.sweeper.ledger, error.to_string());
        let put = ledger
            .put_brake(self.tenant, reason, &why, wait, self.now)
            .await;
        put.unwrap_or_else(|error| {
            tracing::warn!(tenant.id = %self.tenant, %error, "brake not put on, the next failure does");
            None
        })
    }

    fn after_failure(&self, state: &mut SweepState, error: &TenantError, brake: Option<Brake>) {
        state.failures = state.failures.saturating_add(1);
        state.last_error = Some(error.to_string());
        let gap = self.sweeper.periods.after_failures(state.failures);
        // Whoever is braked is tried when the brake says so: soon at first, as a single odd answer is over within seconds. A
        // tenant that leaves takes no probes, so that its brake says nothing after the first.
        let probe_at = brake.map(|brake| brake.next_probe_at);
        let probe_at = probe_at.filter(|at| *at > self.now);
        state.due_at = probe_at.unwrap_or(later(self.begun_at, gap));
        tracing::error!(tenant.id = %self.tenant, %error, failures = state.failures, due = %state.due_at, "tenant not swept in full, will be tried again");
    }

    fn after_success(&self, state: &mut SweepState, gap: Duration) {
        state.failures = 0;
        state.last_error = None;
        state.done_at = Some(self.now);
        state.due_at = later(self.begun_at, gap);
    }

    /// Writes the certificates of the next day that is final, if there is one. What fails is done by the next sweep.
    async fn certify(&self, state: &SweepState) {
        let served = state.types.iter().filter(|(_, swept)| !swept.stopped);
        let types: Vec<_> = served.map(|(of, _)| *of).collect();
        let Sweeper { ledger, lake, .. } = self.sweeper;
        let (tenant, now) = (self.tenant, self.now);
        let written = certificate::write_final(ledger, lake, (tenant, &types), state, now).await;
        let noted = match written {
            Ok(None) => Ok(()),
            Ok(Some(until)) => ledger
                .note_certified(tenant, until)
                .await
                .map_err(CertificateError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::error!(tenant.id = %tenant, %error, "certificates not written, the next sweep does");
        }
    }

    /// Losses that nobody has acknowledged keep their alarm, also when the worker that recorded them died before it could tell.
    async fn count_losses(&self) -> Option<u64> {
        match self
            .sweeper
            .ledger
            .losses(self.tenant, None, LOSSES_PAGE_MAX)
            .await
        {
            Ok(page) => {
                let open = page.losses.iter().filter(|loss| loss.is_open()).count() as u64;
                metrics::measure(metrics::name::UNACKNOWLEDGED_LOSSES, open);
                Some(open)
            }
            Err(error) => {
                tracing::warn!(tenant.id = %self.tenant, %error, "losses not counted, the next sweep does");
                None
            }
        }
    }

    fn log(&self, report: &Report, state: &SweepState) {
        tracing::info!(
            { field::TENANT_ID } = %self.tenant,
            failed = report.failed,
            braked = report.braked,
            unfinished = report.unfinished,
            started = report.started,
            { field::LISTED } = report.listed,
            { field::UNKNOWN } = report.unknown,
            reopened = report.reopened,
            { field::OVERDUE } = report.overdue,
            waiting = report.waiting,
            rejected = report.rejected,
            gaps = report.gaps,
            due = %state.due_at,
            "{}",
            message::RECONCILED
        );
    }
}
