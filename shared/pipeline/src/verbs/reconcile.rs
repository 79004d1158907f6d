//! Arrow 4: what should be against what is, tenant by tenant.
//!
//! On a schedule the dispatcher ([`dispatch`]) looks who is due and puts one message a tenant into the sweep queue; any
//! number of sweepers ([`sweep()`]) take them. A sweep heals the tenant's subscriptions ([`crate::verbs::subscription`]), lists what
//! Microsoft has, compares it with the ledger, and looks after blobs that nobody finished. The webhook is for latency; this is
//! the truth: with every notification lost, it alone delivers everything.
//!
//! How far a tenant is swept, and when it is due, is one item of the ledger. One tenant's trouble is that tenant's: it is
//! told on its page, counted for the alarm, and comes again with growing gaps.

mod compare;
mod dispatch;
mod due;
mod listing;
mod overdue;
mod progress;
mod report;
mod sweep;
mod tenant;
mod trouble;
mod window;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use self::dispatch::{
    DispatchError, Dispatched, Dispatcher, NOT_SWEPT_AFTER_PERIODS, dispatch,
};
pub use self::due::Periods;
pub use self::report::Report;
pub use self::sweep::{SweepError, Sweeper, TENANTS_IN_FLIGHT_MAX, batch, sweep};
pub use self::window::{LOOK_BACK, OVERLAP, Window};
use crate::aws::batch::{BatchResponse, SqsEvent};
use crate::clock::Clock;

/// Dispatcher and sweeper: one function is both.
#[derive(Debug)]
pub struct Reconciler {
    /// For the schedule.
    pub dispatcher: Dispatcher,
    /// For the sweep queue.
    pub sweeper: Arc<Sweeper>,
}

/// An invocation.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// Messages of the sweep queue.
    Sweeps(SqsEvent),
    /// As the schedule sends it: `{"dispatch": "sweeps"}`.
    Dispatch {
        /// What to dispatch.
        dispatch: Dispatchable,
    },
}

/// What can be dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispatchable {
    /// Sweeps of the tenants that are due.
    Sweeps,
}

/// What came of an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of sweeps: no message has to come again.
    Swept(BatchResponse),
    /// Of the dispatcher.
    Dispatched(Dispatched),
}

/// Does what the invocation asks for, until `deadline`.
///
/// # Errors
/// The dispatcher's. Sweeps have none: what is wrong with a tenant is in its state, and the dispatcher asks again.
pub async fn handle(
    reconciler: &Reconciler,
    event: Event,
    clock: Clock,
    deadline: Instant,
) -> Result<Answer, DispatchError> {
    match event {
        Event::Sweeps(messages) => {
            let deliveries = messages.deliveries();
            batch(&reconciler.sweeper, deliveries, clock, deadline).await;
            Ok(Answer::Swept(BatchResponse::of(Vec::new())))
        }
        Event::Dispatch {
            dispatch: Dispatchable::Sweeps,
        } => {
            let dispatched = dispatch(&reconciler.dispatcher, clock, deadline).await?;
            Ok(Answer::Dispatched(dispatched))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_and_the_queue_are_told_apart() {
        let queue = r#"{"Records":[{"messageId":"1","body":"{}","eventSource":"aws:sqs"}]}"#;
        let read = |text: &str| serde_json::from_str::<Event>(text);
        assert!(matches!(read(queue), Ok(Event::Sweeps(_))));
        let schedule = r#"{"dispatch":"sweeps"}"#;
        assert!(matches!(read(schedule), Ok(Event::Dispatch { .. })));
        assert!(read(r#"{"dispatch":"everything"}"#).is_err());
    }
}
