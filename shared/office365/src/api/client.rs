//! The client: what it is made of, and how a tenant's consent is asked for and checked.

use std::fmt;
use std::sync::Arc;

use url::Url;

use super::config::ClientConfig;
use crate::auth::{TokenCache, TokenSource, consent_url};
use crate::names::{Cloud, ContentType, TenantId};
use crate::transport::{Error, HttpClient, Limiters};

/// A client of the Office 365 Management Activity API for all tenants of one app registration. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: ClientConfig,
    pub(super) http: HttpClient,
    pub(super) tokens: TokenSource,
    pub(super) limiters: Limiters,
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
        let https_only = config.endpoints.https_only();
        let http = HttpClient::new(https_only, config.timeouts).map_err(InvalidConfig)?;
        let tokens = TokenSource {
            client_id: config.client_id,
            credential: config.credential.clone(),
            endpoints: config.endpoints.clone(),
            clock: Arc::clone(&config.clock),
            random: Arc::clone(&config.random),
            http: http.clone(),
            cache: TokenCache::default(),
        };
        let limiters = Limiters::new(config.quota, config.breaker, config.budget.clone());
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                http,
                tokens,
                limiters,
            }),
        })
    }

    /// The address where an administrator gives consent (v2 admin consent).
    ///
    /// With `tenant` `None` an administrator of any organization may sign in. `state` comes back with the redirect and must
    /// say whom the link was made for: anybody can forge the redirect's parameter `tenant`. So check the consent with
    /// [`Client::token_check`].
    ///
    /// # Errors
    /// When the configured login address cannot carry the path.
    pub fn consent_url(
        &self,
        cloud: Cloud,
        tenant: Option<TenantId>,
        redirect_uri: &Url,
        state: &str,
    ) -> Result<Url, InvalidConfig> {
        let config = self.config();
        consent_url(
            &config.endpoints,
            cloud,
            config.client_id,
            tenant,
            redirect_uri,
            state,
        )
        .map_err(|error| InvalidConfig(error.to_string()))
    }

    /// Checks that the tenant has consented: a token can be had, is for this tenant and carries ActivityFeed.Read.
    ///
    /// Of a token that cannot be read, only that it can be had is checked.
    ///
    /// # Errors
    /// [`crate::Disposition::Consent`] when the permission is missing; otherwise what the token endpoint says.
    pub async fn token_check(&self, tenant: TenantId, cloud: Cloud) -> Result<(), Error> {
        self.inner.tokens.check(tenant, cloud).await
    }

    /// The content types that the tenant has consented to, proven as in [`Client::token_check`] by a token that Entra gives now:
    /// a token without the permission is not remembered, since consent takes some minutes to spread. `DLP.All` is among them
    /// only when the token says that it carries ActivityFeed.ReadDlp.
    ///
    /// # Errors
    /// As [`Client::token_check`].
    pub async fn consented_types(
        &self,
        tenant: TenantId,
        cloud: Cloud,
    ) -> Result<Vec<ContentType>, Error> {
        let reads_dlp = self.inner.tokens.check_anew(tenant, cloud).await?;
        let mut types = ContentType::ALL.to_vec();
        types.retain(|of| reads_dlp || *of != ContentType::DlpAll);
        Ok(types)
    }

    pub(super) fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("config", self.config())
            .finish_non_exhaustive()
    }
}
