//! What a client is made of: identity, addresses, limits, clock and randomness.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{BreakerLimits, Credential, Endpoints, QuotaLimits};

/// Wall clock of a client: for token ends and signatures. Waiting uses the runtime's timer.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Source of a client's randomness: for jitter and assertion ids, so it must not be guessable in production.
pub type Random = Arc<dyn Fn() -> u128 + Send + Sync>;

/// Everything a [`crate::Client`] needs.
#[derive(Clone)]
pub struct ClientConfig {
    /// The app registration's application id.
    pub client_id: Uuid,
    /// Its credential.
    pub credential: Credential,
    /// GUID of the tenant of the company that runs this software: the request pool Microsoft counts against.
    pub publisher_id: Uuid,
    /// Microsoft's servers, or others in their place.
    pub endpoints: Endpoints,
    /// Longest times.
    pub timeouts: Timeouts,
    /// Trying again inside a call.
    pub retry: RetryLimits,
    /// Each tenant's share of requests.
    pub quota: QuotaLimits,
    /// Leaving a tenant alone that fails or is throttled.
    pub breaker: BreakerLimits,
    /// The wall clock.
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
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

/// Longest times of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until TCP and TLS stand.
    pub connect: Duration,
    /// From sending to the answer's headers. Starts are slow: Microsoft calls the webhook meanwhile.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// Everything, the last byte included. Busy tenants were seen to need more than 30 s.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(15),
            total: Duration::from_secs(100),
        }
    }
}

/// Trying again inside one call, for faults that pass within moments. Longer waits are the caller's: it has a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// Attempts, the first one included; 1 turns trying again off.
    pub attempts_max: u32,
    /// Upper end of the first random wait; doubles each time (full jitter).
    pub delay_base: Duration,
    /// Upper end of any random wait.
    pub delay_max: Duration,
    /// Most time spent waiting inside one call. A longer wait that Microsoft asks for is handed to the caller.
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
