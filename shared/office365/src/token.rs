//! Access tokens: one per tenant, renewed ahead of their end, one request in flight.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::claims::{Claims, FEED_PERMISSION};
use crate::error::Error;
use crate::{Cloud, TenantId};

/// A token is renewed this long before its end. Entra's live 60 to 90 minutes.
const RENEW_AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// A token this close to its end is not sent any more: clocks differ.
const END_MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// A token without the permission is asked for again after this time: consent may have been given meanwhile, and the
/// old token never learns of it.
pub(crate) const ROLELESS_LIFE: SignedDuration = SignedDuration::from_mins(5);

/// Longest life believed. Entra's longest configurable one is 24 h.
const LIFE_SECONDS_MAX: i64 = 24 * 60 * 60;

/// Life assumed when the answer does not say: the shortest that Entra gives out is 60 minutes.
const LIFE_SECONDS_DEFAULT: i64 = 45 * 60;

/// Longest token taken: a header line of more is refused by most servers.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Tenants remembered at once. A slot is a few kilobytes; beyond this, idle ones are forgotten.
const SLOTS_MAX: usize = 4096;

/// A token, ready to be sent.
#[derive(Debug)]
pub(crate) struct Token {
    /// `Bearer …`, marked sensitive: it is never printed.
    pub(crate) header: HeaderValue,
    /// What it says, if it is readable.
    pub(crate) claims: Option<Claims>,
    /// When it was asked for.
    pub(crate) asked_at: Timestamp,
    renew_at: Timestamp,
    ends_at: Timestamp,
}

impl Token {
    /// Whether the token says of itself that it lacks a permission.
    pub(crate) fn lacks(&self, permission: &str) -> bool {
        let claims = self.claims.as_ref();
        claims.is_some_and(|claims| !claims.has_role(permission))
    }

    /// Reads a token answer of either endpoint version. The text says what is wrong and quotes nothing.
    pub(crate) fn read(body: &[u8], asked_at: Timestamp) -> Result<Self, String> {
        let answer: Answer =
            serde_json::from_slice(body).map_err(|_| "it is not a token answer".to_owned())?;
        let token = answer.access_token;
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return Err("its token is empty or longer than 16 KiB".to_owned());
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("its token has characters that a header cannot carry".to_owned());
        }
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| "its token does not fit into a header".to_owned())?;
        header.set_sensitive(true);
        let life = seconds(&answer.expires_in)
            .unwrap_or(LIFE_SECONDS_DEFAULT)
            .clamp(0, LIFE_SECONDS_MAX);
        let life = SignedDuration::from_secs(life);
        let claims = Claims::of(&token);
        let roleless = claims
            .as_ref()
            .is_some_and(|claims| !claims.has_role(FEED_PERMISSION));
        // A short life is used for its first three quarters.
        let mut fresh = (life - RENEW_AHEAD).max(life * 3 / 4);
        if roleless {
            fresh = fresh.min(ROLELESS_LIFE);
        }
        Ok(Self {
            header,
            claims,
            asked_at,
            renew_at: asked_at.saturating_add(fresh).unwrap_or(asked_at),
            ends_at: asked_at
                .saturating_add(life - END_MARGIN.min(life / 4))
                .unwrap_or(asked_at),
        })
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// A number, or (v1 endpoint) a text.
    #[serde(default)]
    expires_in: serde_json::Value,
}

fn seconds(value: &serde_json::Value) -> Option<i64> {
    match value {
        serde_json::Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64().or_else(|| other.as_f64().map(|s| s as i64)),
    }
}

/// All tenants' tokens.
#[derive(Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<(Cloud, TenantId), Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    current: Mutex<Option<Arc<Token>>>,
    /// Held while a token is asked for; keeps the last failure.
    renewal: tokio::sync::Mutex<Option<Error>>,
    /// How many requests have ended.
    ended: AtomicU64,
}

impl Tokens {
    /// A usable token: the cached one, or what `ask` gets (polled only if it is needed). Everybody who waits shares one request and its outcome.
    pub(crate) async fn get(
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
                // Somebody renews already; the old token still does.
                Err(_) => return Ok(Arc::clone(old)),
            },
            None => slot.renewal.lock().await,
        };
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
        let outcome = ask.await;
        slot.ended.fetch_add(1, Ordering::AcqRel);
        match outcome {
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

    /// Forgets a token that was refused, unless another one has already taken its place.
    pub(crate) fn forget(&self, cloud: Cloud, tenant: TenantId, refused: &Arc<Token>) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads an answer with this `expires_in`; gives until when it is fresh and until when it is usable, in seconds.
    #[track_caller]
    fn check(expires_in: &str, expect: (i64, i64)) {
        let asked_at = Timestamp::UNIX_EPOCH;
        let body = format!(r#"{{"access_token":"opaque","expires_in":{expires_in}}}"#);
        let token = Token::read(body.as_bytes(), asked_at).unwrap();
        let found = (token.renew_at.as_second(), token.ends_at.as_second());
        assert_eq!(found, expect, "{expires_in}");
    }

    #[test]
    fn a_life_of_any_form_is_used_with_a_margin() {
        check("3600", (3300, 3570));
        check("\"3599\"", (3299, 3569));
        check("100", (75, 75));
        check("0", (0, 0));
        check("-5", (0, 0));
        check("null", (2400, 2670));
        check("\"soon\"", (2400, 2670));
        check("1e300", (86_100, 86_370));
    }

    #[test]
    fn a_token_never_shows_in_debug_output() {
        let token = Token::read(br#"{"access_token":"hush"}"#, Timestamp::UNIX_EPOCH).unwrap();
        assert!(!format!("{token:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body in "\\PC{0,80}", life in any::<f64>(), at in -1_000_000_i64..1_000_000) {
            let asked_at = Timestamp::from_second(at).unwrap();
            let _ = Token::read(body.as_bytes(), asked_at);
            let answer = serde_json::json!({"access_token": body, "expires_in": life}).to_string();
            if let Ok(token) = Token::read(answer.as_bytes(), asked_at) {
                prop_assert!(token.renew_at >= asked_at && token.ends_at >= asked_at);
            }
        }
    }
}
