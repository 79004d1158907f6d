//! After a restart the embedded queue is empty: the blobs that the ledger lists as open are enqueued again.
//!
//! On AWS the queue outlives every function. The sweep would find the same blobs too, but only when they are due.

use jiff::Timestamp;
use pipeline::ledger::{Ledger, LedgerError};
use pipeline::queue::Queue;
use pipeline::waiting::{self, EnqueueError};

/// The open blobs could not be enqueued.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The tenants cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Their blobs cannot be enqueued.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
}

/// Enqueues the open blobs of all tenants, and makes their sweeps due, which a process that was killed may have been at. Returns
/// how many blobs there are.
///
/// # Errors
/// [`ResumeError`]; some may be in the queue.
pub async fn run(ledger: &Ledger, queue: &Queue, now: Timestamp) -> Result<usize, ResumeError> {
    let mut count = 0;
    for registered in ledger.all_tenants().await? {
        let tenant = registered.tenant.tenant_id;
        ledger.free_sweep(tenant, now).await?;
        count += waiting::enqueue_all(ledger, queue, tenant, now).await?;
    }
    Ok(count)
}
