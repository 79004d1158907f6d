//! A tenant's share of the minute. Microsoft counts a tenant's requests in all, so processes that call for the same tenant
//! take their requests from one budget, in portions.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::{Instant, timeout};

use crate::names::TenantId;
use crate::transport::error::{Limited, LimitedBy};

/// Gets a portion of a tenant's budget. It is asked when the portion before is used up or over, once at a time for a tenant.
/// The error says what went wrong; then requests go on at the process's own quota, since data matter more than pace.
pub type Budget = Arc<dyn Fn(TenantId) -> BoxFuture<'static, Result<Grant, String>> + Send + Sync>;

/// What the source of a budget gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// A portion.
    Requests {
        /// How many requests may be made. 0 is the same as a wait for `valid_for`.
        requests: u32,
        /// Until when, from now. What is not used by then is lost.
        valid_for: Duration,
    },
    /// The others have taken all of it.
    Wait(Duration),
}

/// Longest answer waited for. The source is a database that answers in milliseconds, or is in trouble.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// How long requests go on without a budget before its failed source is asked again.
const UNBUDGETED_TIME: Duration = Duration::from_secs(5);

/// Longest wait and longest validity that are believed: Microsoft counts by the minute.
const GRANT_TIME_MAX: Duration = Duration::from_secs(60);

/// What is left of a tenant's portion in this process.
#[derive(Default)]
pub(super) struct Portion {
    held: Mutex<Held>,
    /// Locked while the source is asked.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Copy, Default)]
enum Held {
    #[default]
    Nothing,
    Requests {
        left: u32,
        until: Instant,
    },
    Wait {
        until: Instant,
    },
    /// The source failed.
    Unbudgeted {
        until: Instant,
    },
}

impl Portion {
    /// Whether it is known that the budget is used up.
    pub(super) fn check(&self, now: Instant) -> Result<(), Limited> {
        match *self.lock() {
            Held::Wait { until } if until > now => Err(Limited {
                wait: until - now,
                why: LimitedBy::Budget,
            }),
            _ => Ok(()),
        }
    }

    /// Takes a request, of a new portion if need be.
    pub(super) async fn take(&self, source: &Budget, tenant: TenantId) -> Result<(), Limited> {
        if let Some(taken) = self.take_held(Instant::now()) {
            return taken;
        }
        let _turn = self.asking.lock().await;
        // Whoever asked meanwhile may have got enough for this request too.
        if let Some(taken) = self.take_held(Instant::now()) {
            return taken;
        }
        let answer = timeout(ANSWER_TIME_MAX, source(tenant)).await;
        let now = Instant::now();
        let (held, taken) = match answer.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(Grant::Requests {
                requests: left @ 1..,
                valid_for,
            }) => {
                let (left, until) = (left - 1, now + valid_for.min(GRANT_TIME_MAX));
                (Held::Requests { left, until }, Ok(()))
            }
            Ok(
                Grant::Requests {
                    valid_for: wait, ..
                }
                | Grant::Wait(wait),
            ) => {
                let wait = wait.min(GRANT_TIME_MAX);
                let why = LimitedBy::Budget;
                let until = now + wait;
                (Held::Wait { until }, Err(Limited { wait, why }))
            }
            Err(error) => {
                tracing::debug!(tenant.id = %tenant, error, "the request budget cannot be had, going on at this process's own quota");
                let until = now + UNBUDGETED_TIME;
                (Held::Unbudgeted { until }, Ok(()))
            }
        };
        *self.lock() = held;
        taken
    }

    /// Takes a request of what is held; `None` when the source has to be asked.
    fn take_held(&self, now: Instant) -> Option<Result<(), Limited>> {
        if let Err(limited) = self.check(now) {
            return Some(Err(limited));
        }
        match &mut *self.lock() {
            Held::Requests {
                left: left @ 1..,
                until,
            } if *until > now => {
                *left -= 1;
                Some(Ok(()))
            }
            Held::Unbudgeted { until } if *until > now => Some(Ok(())),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Portion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_left_after_seconds() {
        let source: Budget = Arc::new(|_| std::future::pending().boxed());
        let tenant = "41463f53-8812-40f4-890f-865bf6e35190".parse().unwrap();
        let portion = Portion::default();
        let begun = Instant::now();
        for _ in 0..100 {
            assert_eq!(portion.take(&source, tenant).await, Ok(()));
        }
        assert_eq!(begun.elapsed(), ANSWER_TIME_MAX);
    }
}
