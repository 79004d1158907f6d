//! The client: what it is made of, and the two things it does without a subscription.

use std::sync::Arc;

use jiff::SignedDuration;
use url::Url;

use crate::claims::FEED_PERMISSION;
use crate::error::{Error, Failure, Operation};
use crate::restraint::Restraints;
use crate::token::Tokens;
use crate::{ClientConfig, Cloud, TenantId, consent, wire};

/// Nobody clicks through a consent in less: a token younger than this says what a new one would say.
const CONSENT_TIME: SignedDuration = SignedDuration::from_secs(2);

/// A client of the Office 365 Management Activity API for all tenants of one app registration. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: ClientConfig,
    pub(crate) http: reqwest::Client,
    pub(crate) tokens: Tokens,
    pub(crate) restraints: Restraints,
}

/// The client cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot make the client: {0}")]
pub struct InvalidConfig(String);

impl Client {
    /// Makes a client. Nothing is sent yet.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(config: ClientConfig) -> Result<Self, InvalidConfig> {
        let http = wire::connect(&config).map_err(InvalidConfig)?;
        let restraints = Restraints::new(config.quota, config.breaker);
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                http,
                tokens: Tokens::default(),
                restraints,
            }),
        })
    }

    /// The address under which an administrator gives consent (v2 admin consent); see [`Client::token_check`].
    ///
    /// `tenant` `None` lets any organization's administrator sign in. `state` comes back with the redirect and must bind
    /// it: its `tenant` parameter can be forged by anyone.
    ///
    /// # Errors
    /// When the login address of the settings cannot carry the path.
    pub fn consent_url(
        &self,
        cloud: Cloud,
        tenant: Option<TenantId>,
        redirect_uri: &Url,
        state: &str,
    ) -> Result<Url, InvalidConfig> {
        let config = self.config();
        let endpoints = &config.endpoints;
        consent::consent_url(
            endpoints,
            cloud,
            config.client_id,
            tenant,
            redirect_uri,
            state,
        )
        .map_err(|error| InvalidConfig(error.to_string()))
    }

    /// Proves that the tenant has consented: a token can be had, is for this tenant and carries ActivityFeed.Read.
    ///
    /// A cached token that lacks the permission is renewed first, since it never learns of a consent.
    /// A token that cannot be read proves only that it could be had.
    ///
    /// # Errors
    /// [`crate::Disposition::Consent`] when the permission is missing; otherwise what the token endpoint says.
    pub async fn token_check(&self, tenant: TenantId, cloud: Cloud) -> Result<(), Error> {
        let fail = |failure| Error::new(Operation::Token, tenant, failure);
        let mut token = self.token(tenant, cloud).await?;
        if token.lacks(FEED_PERMISSION) && self.age(&token) >= CONSENT_TIME {
            self.inner.tokens.forget(cloud, tenant, &token);
            token = self.token(tenant, cloud).await?;
        }
        let Some(claims) = &token.claims else {
            return Ok(());
        };
        let scope = self.config().endpoints.scope(cloud);
        let resource = scope.trim_end_matches("/.default");
        if let Some(complaint) = claims.complaint(tenant, resource) {
            return Err(fail(Failure::Token(complaint)));
        }
        if token.lacks(FEED_PERMISSION) {
            return Err(fail(Failure::Permission(FEED_PERMISSION)));
        }
        Ok(())
    }

    pub(crate) fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("config", self.config())
            .finish_non_exhaustive()
    }
}
