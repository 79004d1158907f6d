//! A tenant's requests, shared with all other processes: taken in portions from what the ledger counts for the minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use office365::{Budget, Clock, Grant, TenantId};

use crate::store::ledger::Ledger;

/// Requests of a process's first portion of a minute: what a sweep of a quiet tenant needs. What is not used is lost to the
/// others until the minute ends.
const FIRST_PORTION: u32 = 10;

/// Requests of each further portion: a busy fetcher then writes to the ledger twenty times a minute at most.
const NEXT_PORTION: u32 = 100;

/// Tenants whose minute is remembered.
const TENANTS_MAX: usize = 10_000;

/// The budget of every tenant, by the ledger and this clock: until all processes together have taken `most` of a minute.
#[must_use]
pub fn shared(ledger: Ledger, most: u32, clock: Clock) -> Budget {
    let minutes: Arc<Mutex<HashMap<TenantId, i64>>> = Arc::default();
    Arc::new(move |tenant| {
        let (ledger, clock, minutes) = (ledger.clone(), Arc::clone(&clock), Arc::clone(&minutes));
        async move {
            let now = clock();
            let minute = now.as_second().div_euclid(60);
            let is_first = {
                let mut minutes = minutes.lock().unwrap_or_else(PoisonError::into_inner);
                if minutes.len() >= TENANTS_MAX {
                    minutes.clear();
                }
                minutes.insert(tenant, minute) != Some(minute)
            };
            let left_of_minute = 60_000 - now.as_millisecond().rem_euclid(60_000);
            let valid_for = Duration::from_millis(u64::try_from(left_of_minute).unwrap_or(0));
            let portions: &[u32] = if is_first {
                &[FIRST_PORTION]
            } else {
                &[NEXT_PORTION, FIRST_PORTION]
            };
            for requests in portions.iter().copied() {
                let taken = ledger.take_requests(tenant, (requests, most), now).await;
                if taken.map_err(|error| error.to_string())? {
                    return Ok(Grant::Requests {
                        requests,
                        valid_for,
                    });
                }
            }
            Ok(Grant::Wait(valid_for))
        }
        .boxed()
    })
}
