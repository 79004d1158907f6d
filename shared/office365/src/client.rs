//! The client: makes requests, carries tokens, tries again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use secrecy::ExposeSecret;
use url::Url;

use crate::claims::FEED_PERMISSION;
use crate::error::{Disposition, Error, Failure, Operation};
use crate::token::{Token, Tokens};
use crate::wire::{self, Head};
use crate::{ClientConfig, Cloud, Credential, TenantId, consent, envelope};

/// Longest error answer read. Microsoft's have up to 3 KB, gateways' pages more, but nothing of use in them.
const ERROR_BYTES_MAX: usize = 16 * 1024;

/// Longest token answer read.
const TOKEN_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A client of the Office 365 Management Activity API for all tenants of one app registration. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: ClientConfig,
    http: reqwest::Client,
    tokens: Tokens,
}

/// The client cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot make the client: {0}")]
pub struct InvalidConfig(String);

/// Whom a request is for, and what it asks.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) tenant: TenantId,
    pub(crate) cloud: Cloud,
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// JSON; empty for none.
    pub(crate) body: Bytes,
    /// Whether the request may be sent again when it is not known if it arrived.
    pub(crate) repeatable: bool,
}

/// A whole answer with status 200.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    /// Makes a client. Nothing is sent yet.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(config: ClientConfig) -> Result<Self, InvalidConfig> {
        let http = wire::connect(&config).map_err(InvalidConfig)?;
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                http,
                tokens: Tokens::default(),
            }),
        })
    }

    /// The address under which an administrator gives consent (v2 admin consent); see [`crate::Client::token_check`].
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
        let config = &self.inner.config;
        consent::consent_url(
            &config.endpoints,
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
    /// [`Disposition::Consent`] when the permission is missing; otherwise what the token endpoint says.
    pub async fn token_check(&self, tenant: TenantId, cloud: Cloud) -> Result<(), Error> {
        let fail = |failure| Error::new(Operation::Token, tenant, failure);
        let mut token = self.token(tenant, cloud).await?;
        if self.lacks_permission(&token) && !self.is_new(&token) {
            self.inner.tokens.forget(cloud, tenant, &token);
            token = self.token(tenant, cloud).await?;
        }
        let Some(claims) = &token.claims else {
            return Ok(());
        };
        let scope = self.inner.config.endpoints.scope(cloud);
        let resource = scope.trim_end_matches("/.default");
        if let Some(complaint) = claims.complaint(tenant, resource) {
            return Err(fail(Failure::Token(complaint)));
        }
        if self.lacks_permission(&token) {
            return Err(fail(Failure::Permission(FEED_PERMISSION)));
        }
        Ok(())
    }

    pub(crate) fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    /// `{manage}/api/v1.0/{tenant}/activity/feed/{path}?{query}&PublisherIdentifier=…`
    pub(crate) fn url(
        &self,
        operation: Operation,
        tenant: TenantId,
        cloud: Cloud,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Url, Error> {
        let config = self.config();
        let base = config.endpoints.manage_url(cloud);
        let text = format!("{base}/api/v1.0/{tenant}/activity/feed/{path}");
        let mut url = Url::parse(&text).map_err(|error| {
            Error::new(
                operation,
                tenant,
                Failure::Misuse(format!("no address can be made: {error}")),
            )
        })?;
        url.query_pairs_mut()
            .extend_pairs(query)
            .append_pair("PublisherIdentifier", &config.publisher_id.to_string());
        Ok(url)
    }

    /// Sends a call and reads the answer, within the limits on trying again.
    pub(crate) async fn perform(
        &self,
        call: &Call,
        body_bytes_max: usize,
    ) -> Result<Answer, Error> {
        let limits = self.config().retry;
        let mut waited = Duration::ZERO;
        let mut attempt = 1;
        loop {
            let error = match self.attempt(call, body_bytes_max).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Disposition::Retry { after } = error.disposition() else {
                return Err(error);
            };
            if attempt >= limits.attempts_max || !(call.repeatable || error.is_unsent()) {
                return Err(error);
            }
            let wait = self.jitter(attempt).max(after.unwrap_or_default());
            waited += wait;
            if waited > limits.wait_budget {
                return Err(error);
            }
            tracing::debug!(tenant.id = %call.tenant, attempt, error = %error, "trying again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// One attempt; the token is renewed once if it is refused.
    async fn attempt(&self, call: &Call, body_bytes_max: usize) -> Result<Answer, Error> {
        let token = self.token(call.tenant, call.cloud).await?;
        let mut head = self.send(call, &token).await?;
        if head.response.status() == StatusCode::UNAUTHORIZED {
            let refusal = self.refusal(call, &token, &mut head).await;
            self.inner.tokens.forget(call.cloud, call.tenant, &token);
            // A new token has the same permissions as one of moments ago.
            if refusal.disposition() == Disposition::Consent && self.is_new(&token) {
                return Err(refusal);
            }
            let token = self.token(call.tenant, call.cloud).await?;
            head = self.send(call, &token).await?;
            if head.response.status() != StatusCode::OK {
                return Err(self.refusal(call, &token, &mut head).await);
            }
        } else if head.response.status() != StatusCode::OK {
            return Err(self.refusal(call, &token, &mut head).await);
        }
        let headers = head.response.headers().clone();
        let body = head
            .body(body_bytes_max)
            .await
            .map_err(|failure| Error::new(call.operation, call.tenant, failure))?;
        Ok(Answer { headers, body })
    }

    async fn send(&self, call: &Call, token: &Token) -> Result<Head, Error> {
        let mut request = reqwest::Request::new(call.method.clone(), call.url.clone());
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, token.header.clone());
        headers.insert(ACCEPT, http::HeaderValue::from_static("application/json"));
        if !call.body.is_empty() {
            let json = http::HeaderValue::from_static("application/json; charset=utf-8");
            headers.insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(call.body.clone().into());
        } else if call.method == Method::POST {
            // Microsoft's front end refuses a POST that says nothing about its length.
            headers.insert(CONTENT_LENGTH, http::HeaderValue::from_static("0"));
        }
        wire::send(&self.inner.http, request, self.config().timeouts)
            .await
            .map_err(|failure| Error::new(call.operation, call.tenant, failure))
    }

    /// Reads an answer that is not 200.
    async fn refusal(&self, call: &Call, token: &Token, head: &mut Head) -> Error {
        let status = head.response.status().as_u16();
        let retry_after = wire::retry_after(head.response.headers(), (self.config().clock)());
        let body = head.body_start(ERROR_BYTES_MAX).await;
        let bearer = token.header.to_str().unwrap_or_default();
        let secrets = [bearer.trim_start_matches("Bearer ")];
        let mut failure = envelope::read(call.operation, status, retry_after, &body, &secrets);
        // 401 without a code, from a token that lacks the permission, is a matter of consent.
        if let Failure::Answered {
            status: 401,
            code: None,
            disposition,
            ..
        } = &mut failure
            && self.lacks_permission(token)
        {
            *disposition = Disposition::Consent;
        }
        Error::new(call.operation, call.tenant, failure)
    }

    async fn token(&self, tenant: TenantId, cloud: Cloud) -> Result<Arc<Token>, Error> {
        let now = (self.config().clock)();
        self.inner
            .tokens
            .get(cloud, tenant, now, async || {
                self.ask_for_token(tenant, cloud).await
            })
            .await
    }

    /// `POST {login}/{tenant}/oauth2/v2.0/token`
    async fn ask_for_token(&self, tenant: TenantId, cloud: Cloud) -> Result<Token, Error> {
        let config = self.config();
        let fail = |failure| Error::new(Operation::Token, tenant, failure);
        let url = format!(
            "{}/{tenant}/oauth2/v2.0/token",
            config.endpoints.login_url(cloud)
        );
        let client_id = config.client_id.to_string();
        let scope = config.endpoints.scope(cloud);
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &client_id),
            ("scope", &scope),
        ];
        let secrets = match &config.credential {
            Credential::Secret(secret) => {
                form.push(("client_secret", secret.expose_secret()));
                [secret.expose_secret()]
            }
        };
        let asked_at = (config.clock)();
        let request = self
            .inner
            .http
            .post(url)
            .header(ACCEPT, "application/json")
            .form(&form)
            .build()
            .map_err(|_| fail(Failure::Misuse("no token request can be made".to_owned())))?;
        let mut head = wire::send(&self.inner.http, request, config.timeouts)
            .await
            .map_err(fail)?;
        let status = head.response.status();
        if status != StatusCode::OK {
            let retry_after = wire::retry_after(head.response.headers(), asked_at);
            let body = head.body_start(ERROR_BYTES_MAX).await;
            let status = status.as_u16();
            return Err(fail(envelope::read(
                Operation::Token,
                status,
                retry_after,
                &body,
                &secrets,
            )));
        }
        let body = head.body(TOKEN_ANSWER_BYTES_MAX).await.map_err(fail)?;
        Token::read(&body, asked_at).map_err(|why| fail(Failure::Unreadable(why)))
    }

    /// Whether the token says of itself that it lacks ActivityFeed.Read.
    fn lacks_permission(&self, token: &Token) -> bool {
        let claims = token.claims.as_ref();
        claims.is_some_and(|claims| !claims.has_role(FEED_PERMISSION))
    }

    /// Whether asking again would give the same token.
    fn is_new(&self, token: &Token) -> bool {
        /// A consent takes longer than this to click through.
        const NEW: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);
        (self.config().clock)().duration_since(token.asked_at) < NEW
    }

    /// Full jitter: anything between nothing and a doubling bound.
    fn jitter(&self, attempt: u32) -> Duration {
        let limits = self.config().retry;
        let doubled = limits.delay_base.saturating_mul(1 << (attempt - 1).min(16));
        let bound = doubled.min(limits.delay_max);
        let random = (self.config().random)();
        // The upper 53 bits make an even fraction.
        let fraction = (random as u64 >> 11) as f64 / (1_u64 << 53) as f64;
        bound.mul_f64(fraction)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("config", self.config())
            .finish_non_exhaustive()
    }
}
