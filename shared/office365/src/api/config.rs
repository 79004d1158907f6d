//! A client's settings: identity, servers, limits, clock and randomness.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::auth::Credential;
use crate::names::Endpoints;
use crate::transport::{BreakerLimits, Budget, Clock, QuotaLimits, Random, Timeouts};

/// The settings of a [`crate::Client`].
#[derive(Clone)]
pub struct ClientConfig {
    /// The app registration's application id.
    pub client_id: Uuid,
    /// The app registration's credential.
    pub credential: Credential,
    /// Tenant id of the company that runs this software (`PublisherIdentifier`): Microsoft counts requests by it.
    pub publisher_id: Uuid,
    /// Microsoft's servers, or others in their place.
    pub endpoints: Endpoints,
    /// Time limits of a request.
    pub timeouts: Timeouts,
    /// Retries within a call.
    pub retry: RetryLimits,
    /// Requests to a tenant in a minute, of this client.
    pub quota: QuotaLimits,
    /// Divides a tenant's requests among processes. Microsoft grants a tenant 2,000 a minute, whoever makes them.
    pub budget: Option<Budget>,
    /// When a tenant's circuit breaker opens.
    pub breaker: BreakerLimits,
    /// Wall clock.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

impl ClientConfig {
    /// Microsoft's servers, default limits, the system's clock and randomness.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the clock is chosen; tests choose another"
    )]
    pub fn new(client_id: Uuid, credential: Credential, publisher_id: Uuid) -> Self {
        Self {
            client_id,
            credential,
            publisher_id,
            endpoints: Endpoints::default(),
            timeouts: Timeouts::default(),
            retry: RetryLimits::default(),
            quota: QuotaLimits::default(),
            budget: None,
            breaker: BreakerLimits::default(),
            clock: Arc::new(Timestamp::now),
            random: Arc::new(rand::random),
        }
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("client_id", &self.client_id)
            .field("credential", &self.credential)
            .field("publisher_id", &self.publisher_id)
            .field("endpoints", &self.endpoints)
            .field("timeouts", &self.timeouts)
            .field("retry", &self.retry)
            .field("quota", &self.quota)
            .field("has_budget", &self.budget.is_some())
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

/// Retries within one call, for faults of a few seconds. Longer waits are left to the caller, who can remember them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// Attempts, the first one included; 1 turns retries off.
    pub attempts_max: u32,
    /// Bound of the first wait; doubles each time. A wait is random up to its bound (full jitter).
    pub delay_base: Duration,
    /// Bound of every wait.
    pub delay_max: Duration,
    /// Most time spent waiting within one call. Where Microsoft asks for a longer wait, the caller gets the error at once.
    pub wait_budget: Duration,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self {
            attempts_max: 3,
            delay_base: Duration::from_millis(250),
            delay_max: Duration::from_secs(2),
            wait_budget: Duration::from_secs(4),
        }
    }
}
