//! How often a key may ask: a bucket of tokens for each, in this process.
//!
//! On AWS a process answers one request at a time, and API Gateway limits all of them together (template.yaml). Here it is one
//! key that is kept from taking everything.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, MonotonicClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::store::ledger::access::api_key::KEYS_MAX;
use crate::store::ledger::access::id::KeyId;

/// Requests of a key in a second, over time: a page that shows a tenant asks for five things and looks again every ten seconds.
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(20 - 1);

/// Requests of a key at once: a page that opens, or a script that lists ten thousand tenants.
const REQUESTS_AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(200 - 1);

/// The buckets, those that are not full. Only keys that work have one, so there are no more than keys.
#[derive(Debug)]
pub(super) struct Buckets {
    clock: MonotonicClock,
    limiter: RateLimiter<KeyId, HashMapStateStore<KeyId>, MonotonicClock>,
}

impl Default for Buckets {
    fn default() -> Self {
        let quota = Quota::per_second(REQUESTS_PER_SECOND).allow_burst(REQUESTS_AT_ONCE);
        Self {
            clock: MonotonicClock,
            limiter: RateLimiter::new(quota, HashMapStateStore::default(), MonotonicClock),
        }
    }
}

impl Buckets {
    /// Takes a token of the key. `Some` when there is none: the seconds until there is.
    pub(super) fn take(&self, key: &KeyId) -> Option<u64> {
        // Keys come and go in a process that runs for months.
        if self.limiter.len() > KEYS_MAX {
            self.limiter.retain_recent();
        }
        let refused = self.limiter.check_key(key).err()?;
        let wait = refused.wait_time_from(self.clock.now());
        Some(
            wait.saturating_add(Duration::from_millis(999))
                .as_secs()
                .max(1),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_that_asks_too_often_waits_alone() {
        let buckets = Buckets::default();
        let (busy, other) = (KeyId::random(), KeyId::root());
        let asked = REQUESTS_AT_ONCE.get() * 10;
        let refused = (0..asked).filter_map(|_| buckets.take(&busy)).last();
        assert_eq!(refused, Some(1));
        assert_eq!(buckets.take(&other), None);
    }
}
