//! Arrow 4: what should be against what is, on a schedule.
//!
//! For every tenant: subscriptions healed ([`crate::subscription`]), content listed and compared with the ledger,
//! blobs that nobody finished looked after. The webhook is for latency; this is the truth: with every notification lost, it
//! alone delivers everything.

mod sweep;
mod window;

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use office365::{Client, InvalidConfig};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

pub use self::window::{LOOK_BACK, OVERLAP, Window, windows};
use crate::clock::Clock;
use crate::logging::{field, message};
use crate::metrics;
use crate::microsoft::Microsoft;
use crate::store::ledger::registry::{Registered, Tenant, TenantState};
use crate::store::ledger::{Ledger, LedgerError};
use crate::store::queue::{Queue, SendError};
use crate::subscription::{EnsureError, Ensured, Webhooks, ensure, note_on_all, stop_all};

/// Tenants looked after at once. Each makes a handful of calls a second at most, far below Microsoft's 2,000 a minute and
/// tenant; 16 get through 300 tenants in about a minute.
pub const TENANTS_IN_FLIGHT_MAX: usize = 16;

/// Time for one tenant: one that hangs must not keep the others waiting. What is not listed by then is next time, since the
/// watermark has not moved.
pub const TENANT_WITHIN: Duration = Duration::from_secs(4 * 60);

/// Time kept back at the end for the answer.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);

/// How far back a sweep looks, at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// From the watermark, less the overlap. Every five minutes.
    Recent,
    /// 24 hours. Hourly: content that appears late, behind the watermark.
    Day,
    /// All that Microsoft lists: 7 days. Daily.
    Week,
}

/// An invocation, as the schedules send it: `{"sweep": "recent"}`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Event {
    /// How far back to look.
    pub sweep: Sweep,
}

/// What the reconciler works with.
#[derive(Debug)]
pub struct Reconciler {
    /// The ledger.
    pub ledger: Ledger,
    /// Where unknown blobs go.
    pub queue: Queue,
    /// Microsoft's API.
    pub microsoft: Microsoft,
    /// What subscriptions are started with.
    pub webhooks: Webhooks,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Tenants looked after, whole.
    pub tenants: usize,
    /// Tenants where something failed; each is in the log, and on its status page.
    pub failed: usize,
    /// Tenants left for the next run, for lack of time.
    pub skipped: usize,
    /// Subscriptions started.
    pub started: usize,
    /// Blobs that Microsoft listed.
    pub listed: usize,
    /// Blobs enqueued because the ledger did not know them.
    pub unknown: usize,
    /// Blobs enqueued because nobody had finished them in time.
    pub overdue: usize,
    /// Listed items that were refused: their address or id is not what Microsoft's should be.
    pub rejected: usize,
}

/// A run could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The tenants cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is no client for Microsoft's API.
    #[error(transparent)]
    Connect(#[from] InvalidConfig),
    /// Not one tenant could be looked after: the fault is likely ours, such as a client secret that has expired.
    #[error("none of {tenants} tenants could be looked after; each one's reason is in the log")]
    AllFailed {
        /// How many were tried.
        tenants: usize,
    },
}

/// Why a tenant was not looked after in full.
#[derive(Debug, thiserror::Error)]
enum TenantError {
    #[error(transparent)]
    Ensure(#[from] EnsureError),
    #[error(transparent)]
    Microsoft(#[from] office365::Error),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Queue(#[from] SendError),
    #[error("not finished within {TENANT_WITHIN:?}")]
    TimedOut,
}

/// Looks after every tenant, until `deadline`.
///
/// # Errors
/// [`ReconcileError`] when no tenant could be looked after. One tenant's trouble is in the report and the log.
pub async fn run(
    reconciler: &Reconciler,
    sweep: Sweep,
    clock: Clock,
    deadline: Instant,
) -> Result<Report, ReconcileError> {
    let tenants: Vec<Registered> = reconciler
        .ledger
        .tenants(None, 100)
        .await?
        .tenants
        .into_iter()
        .flatten()
        .collect();
    if tenants.is_empty() {
        return Ok(Report::default());
    }
    let client = reconciler.microsoft.client()?;
    let stop_at = deadline.checked_sub(ANSWER_MARGIN).unwrap_or(deadline);
    let each: Vec<_> = tenants
        .iter()
        .map(|registered| async move {
            let left = stop_at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return (registered, None);
            }
            let work = look_after(reconciler, client, registered, sweep, clock);
            let result = match timeout(left.min(TENANT_WITHIN), work).await {
                Ok(result) => result,
                Err(_) => {
                    let error = TenantError::TimedOut;
                    note_on_all(
                        &reconciler.ledger,
                        registered,
                        &error.to_string(),
                        clock.now(),
                    )
                    .await;
                    Err((Report::default(), error))
                }
            };
            (registered, Some(result))
        })
        .collect();
    let mut done = stream::iter(each).buffer_unordered(TENANTS_IN_FLIGHT_MAX);
    let mut report = Report::default();
    while let Some((registered, result)) = done.next().await {
        match result {
            None => report.skipped += 1,
            Some(Ok(part)) => {
                report.add(part);
                report.tenants += 1;
            }
            Some(Err((part, error))) => {
                tracing::error!(tenant.id = %registered.tenant.tenant_id, %error, "tenant not looked after in full, next run tries again");
                report.add(part);
                report.failed += 1;
            }
        }
    }
    tracing::info!(
        ?sweep,
        tenants = report.tenants,
        failed = report.failed,
        skipped = report.skipped,
        started = report.started,
        { field::LISTED } = report.listed,
        { field::UNKNOWN } = report.unknown,
        { field::OVERDUE } = report.overdue,
        rejected = report.rejected,
        "{}",
        message::RECONCILED
    );
    metrics::measure(metrics::name::TENANTS_FAILING, report.failed as u64);
    // An error is what the alarm looks at.
    if report.tenants == 0 && report.failed > 0 {
        return Err(ReconcileError::AllFailed {
            tenants: report.failed,
        });
    }
    Ok(report)
}

impl Report {
    /// Adds what was done for one tenant.
    fn add(&mut self, part: Self) {
        self.started += part.started;
        self.listed += part.listed;
        self.unknown += part.unknown;
        self.overdue += part.overdue;
        self.rejected += part.rejected;
    }
}

/// Heals, sweeps and follows up one tenant. A failure of one part does not keep the others from being done; the first is
/// returned, with what was done.
async fn look_after(
    reconciler: &Reconciler,
    client: &Client,
    registered: &Registered,
    sweep: Sweep,
    clock: Clock,
) -> Result<Report, (Report, TenantError)> {
    let mut report = Report::default();
    if registered.tenant.state == TenantState::Leaving {
        return match finish_leaving(reconciler, client, registered).await {
            Ok(()) => Ok(report),
            Err(error) => Err((report, error)),
        };
    }
    let Reconciler {
        ledger,
        queue,
        webhooks,
        ..
    } = reconciler;
    let mut first_error: Option<TenantError> = None;
    // Overdue blobs first: they need nothing of Microsoft's listing.
    match sweep::enqueue_overdue(ledger, queue, registered, clock.now()).await {
        Ok(overdue) => report.overdue = overdue,
        Err(error) => first_error = Some(error),
    }
    // Content is listed even when the subscriptions cannot be looked at: whichever of the two works, works.
    let ensured = match ensure(ledger, client, webhooks, registered, clock).await {
        Ok(ensured) => ensured,
        Err(error) => {
            note_on_all(ledger, registered, &error.to_string(), clock.now()).await;
            first_error.get_or_insert(error.into());
            Ensured::default()
        }
    };
    report.started = ensured.started;
    let swept = sweep::all_types(reconciler, client, registered, &ensured, sweep, clock).await;
    report.add(swept.report);
    match first_error.or(swept.first_error) {
        None => Ok(report),
        Some(error) => Err((report, error)),
    }
}

/// A removal that was begun and not finished.
async fn finish_leaving(
    reconciler: &Reconciler,
    client: &Client,
    registered: &Registered,
) -> Result<(), TenantError> {
    let Reconciler { ledger, .. } = reconciler;
    let id = registered.tenant.tenant_id;
    // It may have been registered again since it was read.
    let leaves = |tenant: &Tenant| tenant.state == TenantState::Leaving;
    if ledger.tenant(id).await?.as_ref().is_some_and(leaves) {
        stop_all(client, registered).await?;
        ledger.remove_tenant(id).await?;
    }
    Ok(())
}
