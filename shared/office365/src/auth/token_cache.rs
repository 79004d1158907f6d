//! Access tokens in memory: one per tenant, renewed before it expires, with at most one request in flight.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::token::Token;
use crate::names::{Cloud, TenantId};
use crate::teeth::shares_token;
use crate::transport::Error;

/// Tenants remembered at once, a few kilobytes each. Beyond this, those with no call in progress are forgotten.
const SLOTS_MAX: usize = 4096;

/// Every tenant's token.
#[derive(Default)]
pub(crate) struct TokenCache {
    slots: Mutex<HashMap<(Cloud, TenantId), Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    current: Mutex<Option<Arc<Token>>>,
    /// Locked while a token is asked for, and keeps the last error for those who waited.
    renewal: tokio::sync::Mutex<Option<Error>>,
    /// How many token requests have ended.
    ended: AtomicU64,
}

impl TokenCache {
    /// The cached token if it is usable, otherwise that of `ask`, which is polled only then. Callers who wait for the same
    /// tenant share one request and its result.
    pub(super) async fn get(
        &self,
        cloud: Cloud,
        tenant: TenantId,
        now: Timestamp,
        ask: impl Future<Output = Result<Token, Error>>,
    ) -> Result<Arc<Token>, Error> {
        let slot = self.slot(cloud, tenant);
        let cached = slot.current();
        if let Some(token) = &cached
            && now < token.renew_at
        {
            return Ok(Arc::clone(token));
        }
        let usable = cached.filter(|token| now < token.ends_at);
        let seen = slot.ended.load(Ordering::Acquire);
        let mut renewal = match &usable {
            Some(old) => match slot.renewal.try_lock() {
                Ok(renewal) => renewal,
                // Another caller renews it already, and the old token is still good.
                Err(_) => return Ok(Arc::clone(old)),
            },
            None => slot.renewal.lock().await,
        };
        // Whoever held the lock meanwhile may have got a token, or an error that a request of our own would only repeat.
        if let Some(token) = slot.current()
            && now < token.renew_at
        {
            return Ok(token);
        }
        if slot.ended.load(Ordering::Acquire) != seen
            && let Some(error) = renewal.as_ref()
        {
            return usable.ok_or_else(|| error.clone());
        }
        let asked = ask.await;
        slot.ended.fetch_add(1, Ordering::AcqRel);
        match asked {
            Ok(token) => {
                *renewal = None;
                let token = Arc::new(token);
                slot.set(Some(Arc::clone(&token)));
                Ok(token)
            }
            Err(error) => {
                *renewal = Some(error.clone());
                if let Some(old) = usable {
                    tracing::warn!(tenant.id = %tenant, error = %error, "keeping the old token: it could not be renewed ahead of its end");
                    return Ok(old);
                }
                Err(error)
            }
        }
    }

    /// Keeps a token that was asked for without the cache.
    pub(super) fn put(&self, cloud: Cloud, tenant: TenantId, token: Arc<Token>) {
        self.slot(cloud, tenant).set(Some(token));
    }

    /// Forgets a token that was refused, unless another one has already replaced it.
    pub(super) fn forget(&self, cloud: Cloud, tenant: TenantId, refused: &Arc<Token>) {
        let slot = self.slot(cloud, tenant);
        let mut current = slot.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current
            .as_ref()
            .is_some_and(|token| Arc::ptr_eq(token, refused))
        {
            *current = None;
        }
    }

    fn slot(&self, cloud: Cloud, tenant: TenantId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if shares_token()
            && let Some(slot) = slots.values().next()
        {
            return Arc::clone(slot);
        }
        if slots.len() >= SLOTS_MAX && !slots.contains_key(&(cloud, tenant)) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry((cloud, tenant)).or_default())
    }
}

impl Slot {
    fn current(&self) -> Option<Arc<Token>> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, token: Option<Arc<Token>>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}
