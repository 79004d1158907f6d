//! One limiter per tenant, for all operations: its request quota, its share of the budget that processes divide among them,
//! its circuit breaker and its budget of retries.

mod breaker;
mod budget;
mod quota;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

pub(crate) use self::breaker::AttemptOutcome;
use self::breaker::Breaker;
pub use self::breaker::BreakerLimits;
use self::budget::Portion;
pub use self::budget::{Budget, Grant};
use self::quota::Quota;
pub use self::quota::QuotaLimits;
use super::error::Limited;
use crate::names::{Cloud, ContentType, TenantId};

/// Tenants remembered at once. Beyond this, those with no call in progress are forgotten.
const TENANTS_MAX: usize = 4096;

/// Largest retry budget of a tenant: enough for a short fault, too little to multiply the load of an outage.
const RETRY_BUDGET_MAX: f64 = 10.0;

/// What a call that needs no retry adds to the budget: so retries add at most a tenth to the load.
const RETRY_EARNED: f64 = 0.1;

/// The limiters of all tenants.
pub(crate) struct Limiters {
    quota: QuotaLimits,
    breaker: BreakerLimits,
    budget: Option<Budget>,
    limiters: Mutex<HashMap<(Cloud, TenantId), Arc<Limiter>>>,
}

/// Limits one tenant's requests. Other tenants are not affected.
pub(crate) struct Limiter {
    tenant: TenantId,
    breaker_limits: BreakerLimits,
    budget: Option<Budget>,
    portion: Portion,
    state: Mutex<State>,
}

struct State {
    quota: Quota,
    breaker: Breaker,
    /// Retries that may still be made.
    retry_budget: f64,
}

impl Limiters {
    pub(crate) fn new(quota: QuotaLimits, breaker: BreakerLimits, budget: Option<Budget>) -> Self {
        Self {
            quota,
            breaker,
            budget,
            limiters: Mutex::default(),
        }
    }

    pub(crate) fn of(&self, cloud: Cloud, tenant: TenantId) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        if limiters.len() >= TENANTS_MAX && !limiters.contains_key(&(cloud, tenant)) {
            limiters.retain(|_, limiter| Arc::strong_count(limiter) > 1);
        }
        let fresh = || {
            Arc::new(Limiter {
                tenant,
                budget: self.budget.clone(),
                portion: Portion::default(),
                breaker_limits: self.breaker,
                state: Mutex::new(State {
                    quota: Quota::new(self.quota, Instant::now()),
                    breaker: Breaker::default(),
                    retry_budget: RETRY_BUDGET_MAX,
                }),
            })
        };
        Arc::clone(limiters.entry((cloud, tenant)).or_insert_with(fresh))
    }
}

impl Limiter {
    /// Waits until the quota lets a request go, and takes it from the budget. Content types take turns.
    ///
    /// # Errors
    /// At once, when the breaker is open, too many requests wait already, or the budget is used up.
    pub(crate) async fn admit(&self, content_type: Option<ContentType>) -> Result<(), Limited> {
        let Some(budget) = &self.budget else {
            return self.take_turn(content_type).await;
        };
        // Before the breaker, which would take a request that is not made for its probe.
        self.portion.check(Instant::now())?;
        self.take_turn(content_type).await?;
        self.portion.take(budget, self.tenant).await
    }

    async fn take_turn(&self, content_type: Option<ContentType>) -> Result<(), Limited> {
        let mut turn = {
            let mut state = self.lock();
            state.breaker.check(Instant::now())?;
            state.quota.queue(content_type)?
        };
        // Every waiting request also serves the queues, so that they need no task of their own.
        loop {
            let Some(next_token) = self.lock().quota.advance(Instant::now()) else {
                // Nobody waits any more, so this request was let go too.
                return Ok(());
            };
            tokio::select! {
                biased;
                _ = &mut turn => return Ok(()),
                () = tokio::time::sleep(next_token) => {}
            }
        }
    }

    /// Tells the breaker how an attempt ended. `fraction` in [0, 1) is for jitter.
    pub(crate) fn record(&self, outcome: AttemptOutcome, fraction: f64) {
        let limits = self.breaker_limits;
        self.lock()
            .breaker
            .record(outcome, &limits, Instant::now(), fraction);
    }

    /// Takes a retry from the budget; false when there is none left.
    pub(crate) fn spend_retry(&self) -> bool {
        let mut state = self.lock();
        let enough = state.retry_budget >= 1.0;
        if enough {
            state.retry_budget -= 1.0;
        }
        enough
    }

    /// Adds to the budget, for a call that needed no retry.
    pub(crate) fn earn_retry(&self) {
        let mut state = self.lock();
        state.retry_budget = (state.retry_budget + RETRY_EARNED).min(RETRY_BUDGET_MAX);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
