//! What the client knows about each tenant's load: quota, breaker and saved-up retries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::breaker::{Breaker, BreakerLimits, Outcome};
use crate::error::Failure;
use crate::quota::{Quota, QuotaLimits};
use crate::{Cloud, TenantId};

/// Tenants remembered at once; beyond this, those nobody is calling are forgotten.
const TENANTS_MAX: usize = 4096;

/// Retries saved up by a quiet tenant: enough for a bad moment, too few to multiply the load of an outage.
const RETRIES_MAX: f64 = 10.0;

/// Each call that works first time earns this part of a retry, so retries add at most a tenth to the load.
const RETRY_EARNED: f64 = 0.1;

/// All tenants' states.
pub(crate) struct Restraints {
    quota: QuotaLimits,
    breaker: BreakerLimits,
    tenants: Mutex<HashMap<(Cloud, TenantId), Arc<Restraint>>>,
}

/// One tenant's state.
pub(crate) struct Restraint {
    breaker_limits: BreakerLimits,
    state: Mutex<State>,
}

struct State {
    quota: Quota,
    breaker: Breaker,
    retries: f64,
}

impl Restraints {
    pub(crate) fn new(quota: QuotaLimits, breaker: BreakerLimits) -> Self {
        Self {
            quota,
            breaker,
            tenants: Mutex::default(),
        }
    }

    pub(crate) fn of(&self, cloud: Cloud, tenant: TenantId) -> Arc<Restraint> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= TENANTS_MAX && !tenants.contains_key(&(cloud, tenant)) {
            tenants.retain(|_, restraint| Arc::strong_count(restraint) > 1);
        }
        let fresh = || {
            Arc::new(Restraint {
                breaker_limits: self.breaker,
                state: Mutex::new(State {
                    quota: Quota::new(self.quota, Instant::now()),
                    breaker: Breaker::default(),
                    retries: RETRIES_MAX,
                }),
            })
        };
        Arc::clone(tenants.entry((cloud, tenant)).or_insert_with(fresh))
    }
}

/// A request that may not go yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeldBack {
    wait: Duration,
    why: &'static str,
}

impl HeldBack {
    /// How long from now.
    pub(crate) fn wait(self) -> Duration {
        self.wait
    }
}

impl From<HeldBack> for Failure {
    fn from(HeldBack { wait, why }: HeldBack) -> Self {
        Self::HeldBack { wait, why }
    }
}

impl Restraint {
    /// Waits for the tenant's quota, in the lane of the request's content type.
    pub(crate) async fn admit(&self, lane: usize) -> Result<(), HeldBack> {
        let held_back = |wait, why| HeldBack { wait, why };
        let mut turn = {
            let mut state = self.lock();
            state
                .breaker
                .check(Instant::now())
                .map_err(|(wait, why)| held_back(wait, why))?;
            let queued = state.quota.queue(lane);
            queued
                .map_err(|wait| held_back(wait, "too many requests of the tenant wait already"))?
        };
        loop {
            let Some(next_token) = self.lock().quota.advance(Instant::now()) else {
                // Nobody waits any more, so this one was let go.
                return Ok(());
            };
            tokio::select! {
                biased;
                _ = &mut turn => return Ok(()),
                () = tokio::time::sleep(next_token) => {}
            }
        }
    }

    /// Takes note of how an attempt ended.
    pub(crate) fn record(&self, outcome: Outcome, fraction: f64) {
        let limits = self.breaker_limits;
        self.lock()
            .breaker
            .record(outcome, &limits, Instant::now(), fraction);
    }

    /// Whether a retry may be spent.
    pub(crate) fn spend_retry(&self) -> bool {
        let mut state = self.lock();
        let enough = state.retries >= 1.0;
        if enough {
            state.retries -= 1.0;
        }
        enough
    }

    /// Credits a call that worked first time.
    pub(crate) fn earn_retry(&self) {
        let mut state = self.lock();
        state.retries = (state.retries + RETRY_EARNED).min(RETRIES_MAX);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
