//! Who asks, and what they may: the operator's key and the keys made with it, what each is good for, and how often it may ask.

pub(super) mod audit;
mod buckets;
pub(super) mod keys;
mod secret;
pub(super) mod sign_on;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use office365::TenantId;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use self::buckets::Buckets;
use self::secret::KeySecret;
use self::sign_on::Person;
use super::Api;
use super::error::ApiError;
use super::route::Need;
use crate::clock::earlier;
use crate::store::ledger::access::api_key::{ApiKey, KEYS_MAX, LAST_USE_RESOLUTION, Scope};
use crate::store::ledger::access::audit::{Action, Actor, Entry};
use crate::store::ledger::access::id::{EntryId, KeyId};
use crate::store::ledger::consent::id::ConsentId;

/// How long a process uses what it has read of a key: a key that was revoked stops working everywhere within this time, and a
/// page that asks ten things a second costs one read.
pub const KEY_READ_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Longest wait for the write of a key's last use. It is worth no more of a request's time.
const NOTE_WITHIN: Duration = Duration::from_secs(1);

/// What the operator's own key is called in the audit log.
const ROOT_NAME: &str = "the installation's own key";

/// Where a request comes from, as far as whatever stands before the API knows.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The address.
    pub source: Option<IpAddr>,
    /// The claims of a token that an authorizer has checked: signature, issuer, audience and time.
    pub claims: Option<HashMap<String, String>>,
}

/// What a process remembers of keys.
#[derive(Debug, Default)]
pub struct Access {
    /// When each key was read, and what it was. At most [`KEYS_MAX`].
    read: Mutex<HashMap<KeyId, (Timestamp, ApiKey)>>,
    /// How often each key has asked.
    buckets: Buckets,
}

impl Access {
    fn remembered(&self, id: &KeyId, now: Timestamp) -> Option<ApiKey> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, key) = read.get(id)?;
        // A clock that was set back makes it old, too.
        let is_fresh = *at <= now && *at > earlier(now, KEY_READ_AGAIN_AFTER);
        is_fresh.then(|| key.clone())
    }

    fn remember(&self, key: ApiKey, now: Timestamp) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= KEYS_MAX {
            read.clear();
        }
        read.insert(key.id.clone(), (now, key));
    }

    fn forget(&self, id: &KeyId) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.remove(id);
    }
}

/// Whoever asks, with a key that works.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) actor: Actor,
    pub(super) scope: Scope,
    /// `None` for all.
    pub(super) tenants: Option<BTreeSet<TenantId>>,
    pub(super) expires_at: Option<Timestamp>,
    /// The name of the entry of the audit log, should this request change something: a request makes one change, so however
    /// often it is tried, there is one entry.
    entry: EntryId,
}

impl Caller {
    /// Whoever has the key that the installation was given.
    fn root(source: Option<IpAddr>, now: Timestamp) -> Self {
        Self {
            actor: Actor {
                key_id: KeyId::root(),
                name: ROOT_NAME.to_owned(),
                source,
            },
            scope: Scope::Admin,
            tenants: None,
            expires_at: None,
            entry: EntryId::new(now),
        }
    }

    fn of(key: ApiKey, source: Option<IpAddr>, now: Timestamp) -> Self {
        Self {
            actor: Actor {
                key_id: key.id,
                name: key.name,
                source,
            },
            scope: key.scope,
            tenants: key.tenants,
            expires_at: key.valid_until,
            entry: EntryId::new(now),
        }
    }

    fn of_person(person: Person, source: Option<IpAddr>, now: Timestamp) -> Self {
        Self {
            actor: Actor {
                key_id: person.key_id,
                name: person.name,
                source,
            },
            scope: person.scope,
            tenants: None,
            expires_at: person.expires_at,
            entry: EntryId::new(now),
        }
    }

    /// An administrator's browser, which a consent link brought back.
    pub(super) fn of_consent(link: ConsentId, source: Option<IpAddr>, now: Timestamp) -> Self {
        Self {
            actor: Actor {
                key_id: KeyId::consent(),
                name: format!("consent link {link}"),
                source,
            },
            scope: Scope::Admin,
            tenants: None,
            expires_at: None,
            entry: EntryId::new(now),
        }
    }

    /// Whether the key is good for this tenant. To others it does not exist.
    pub(super) fn sees(&self, tenant: TenantId) -> bool {
        let tenants = self.tenants.as_ref();
        tenants.is_none_or(|tenants| tenants.contains(&tenant))
    }

    /// Checks what a request needs. That of another's tenant is answered as if the tenant were not registered.
    pub(super) fn may(&self, need: Need, tenant: Option<TenantId>) -> Result<(), ApiError> {
        if tenant.is_some_and(|tenant| !self.sees(tenant)) {
            return Err(ApiError::NotRegistered);
        }
        let is_admin = self.scope == Scope::Admin;
        let may = match need {
            Need::Nothing | Need::Read => true,
            Need::Admin => is_admin,
            Need::AdminOfAll => is_admin && self.tenants.is_none(),
        };
        if may {
            Ok(())
        } else {
            Err(ApiError::NotAllowed(need.as_str()))
        }
    }

    /// Writes the change that is about to be made into the audit log. Called before the change: there is none without its
    /// entry, and an entry alone means that the change was tried.
    pub(super) async fn note(
        &self,
        api: &Api,
        action: Action,
        target: &impl Display,
        tenant_id: Option<TenantId>,
        detail: impl Into<String>,
    ) -> Result<(), ApiError> {
        let entry = Entry {
            id: self.entry,
            actor: self.actor.clone(),
            action: action.as_str().to_owned(),
            target: target.to_string(),
            tenant_id,
            detail: detail.into(),
        };
        Ok(api.ledger.note_change(&entry).await?)
    }
}

/// Finds out who asks. The answer is the same for a key that is unknown, wrong, revoked or expired.
pub(super) async fn authenticate(
    api: &Api,
    headers: &HeaderMap,
    origin: &Origin,
    now: Timestamp,
) -> Result<Caller, ApiError> {
    let caller = match &origin.claims {
        Some(claims) => Caller::of_person(Person::of(claims)?, origin.source, now),
        None => of_key(api, headers, origin.source, now).await?,
    };
    let seconds = api.access.buckets.take(&caller.actor.key_id);
    match seconds {
        None => Ok(caller),
        Some(seconds) => Err(ApiError::TooManyRequests(seconds)),
    }
}

async fn of_key(
    api: &Api,
    headers: &HeaderMap,
    source: Option<IpAddr>,
    now: Timestamp,
) -> Result<Caller, ApiError> {
    let presented = headers
        .get(AUTHORIZATION)
        .map(HeaderValue::as_bytes)
        .and_then(|value| {
            let (scheme, key) = value.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key)
        })
        .ok_or(ApiError::NotAuthenticated)?;
    match KeySecret::parse(presented) {
        Some(secret) => of_made(api, &secret, source, now).await,
        None if is_root(api, presented).await? => Ok(Caller::root(source, now)),
        None => Err(ApiError::NotAuthenticated),
    }
}

/// Compares hashes of the keys, so that neither content nor length shows in the time it takes. Only the current version
/// opens: a key is rotated because it leaked.
async fn is_root(api: &Api, presented: &[u8]) -> Result<bool, ApiError> {
    let expected = api.api_key.versions().await?.current;
    let expected = Sha256::digest(expected.expose_secret());
    let presented = Sha256::digest(presented);
    Ok(expected.as_slice().ct_eq(presented.as_slice()).into())
}

/// A key that was made here.
async fn of_made(
    api: &Api,
    secret: &KeySecret,
    source: Option<IpAddr>,
    now: Timestamp,
) -> Result<Caller, ApiError> {
    let masters = api.webhooks.key.versions().await?;
    let remembered = api.access.remembered(secret.id(), now);
    // One that is not what it was when this process read it may have been rotated since.
    let key = match remembered.filter(|key| secret.is_of(&key.mac, &masters)) {
        Some(key) => key,
        None => {
            let read = api.ledger.key(secret.id()).await?;
            let key = read.ok_or(ApiError::NotAuthenticated)?;
            api.access.remember(key.clone(), now);
            key
        }
    };
    if !secret.is_of(&key.mac, &masters) || !key.is_valid(now) {
        return Err(ApiError::NotAuthenticated);
    }
    note_use(api, secret, &key, &secret.mac(&masters.current), now).await;
    Ok(Caller::of(key, source, now))
}

/// Writes down that the key is used, now and then. Never fails a request.
async fn note_use(api: &Api, secret: &KeySecret, key: &ApiKey, mac: &str, now: Timestamp) {
    let is_noted = key
        .last_used_at
        .is_some_and(|at| at > earlier(now, LAST_USE_RESOLUTION));
    if is_noted && key.mac == mac {
        return;
    }
    let noting = api.ledger.note_key_used(key, mac, now);
    match tokio::time::timeout(NOTE_WITHIN, noting).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(key.id = %secret.id(), %error, "last use not noted"),
        Err(_) => tracing::warn!(key.id = %secret.id(), "last use not noted in time"),
    }
    // Whether it was written or not: the next request does not try again, the next reading of the key does.
    let noted = ApiKey {
        last_used_at: Some(now),
        ..key.clone()
    };
    api.access.remember(noted, now);
}
