//! Where tokens come from: the cache, or Entra's token endpoint.

use std::sync::Arc;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::certificate::Certificate;
use super::credential::Credential;
use super::token::Token;
use super::token_cache::TokenCache;
use crate::names::{Cloud, ContentType, Endpoints, TenantId};
use crate::transport::{
    Clock, Error, FEED_PERMISSION, Failure, HttpClient, Operation, Random, error_body,
};

/// Longest token answer read; the longest token accepted has 16 KiB.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Longest error answer read.
const ERROR_BYTES_MAX: usize = 16 * 1024;

/// Says that the proof is a signed assertion (RFC 7523).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Nobody clicks through a consent in less: a younger token has the permissions that a new one would have.
const CONSENT_TIME: SignedDuration = SignedDuration::from_secs(2);

/// Gets the tokens of one app registration, for any tenant.
pub(crate) struct TokenSource {
    pub(crate) client_id: Uuid,
    pub(crate) credential: Credential,
    pub(crate) endpoints: Endpoints,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) http: HttpClient,
    pub(crate) cache: TokenCache,
}

/// The credential as a form field.
struct Proof {
    field: &'static str,
    value: SecretString,
}

impl TokenSource {
    /// A usable token of the tenant, cached or new.
    pub(crate) async fn token(&self, tenant: TenantId, cloud: Cloud) -> Result<Arc<Token>, Error> {
        let now = (self.clock)();
        let mut date = None;
        let ask = self.ask(tenant, cloud, &mut date);
        self.cache.get(cloud, tenant, now, ask).await
    }

    /// Forgets a token that the API refused.
    pub(crate) fn forget(&self, cloud: Cloud, tenant: TenantId, refused: &Arc<Token>) {
        self.cache.forget(cloud, tenant, refused);
    }

    /// How long ago the token was asked for.
    pub(crate) fn age(&self, token: &Token) -> SignedDuration {
        (self.clock)().duration_since(token.asked_at)
    }

    /// Checks that a token can be had, is for this tenant and carries the permission, as far as it can be read.
    pub(crate) async fn check(&self, tenant: TenantId, cloud: Cloud) -> Result<(), Error> {
        let fail = |failure| Error::new(Operation::Token, tenant, failure);
        let mut token = self.token(tenant, cloud).await?;
        // A cached token never learns of a consent that was given later.
        if token.lacks(FEED_PERMISSION) && self.age(&token) >= CONSENT_TIME {
            self.forget(cloud, tenant, &token);
            token = self.token(tenant, cloud).await?;
        }
        examine(&token, tenant, cloud).map_err(fail)
    }

    /// The same, of a token that Entra gives now where the one at hand is refused, and one that is refused is not kept for the
    /// next call. Whether the token says that it carries the permission to read DLP events.
    pub(crate) async fn check_anew(&self, tenant: TenantId, cloud: Cloud) -> Result<bool, Error> {
        let began = (self.clock)();
        let mut token = self.token(tenant, cloud).await?;
        if token.lacks(FEED_PERMISSION) && token.asked_at < began {
            self.forget(cloud, tenant, &token);
            token = self.token(tenant, cloud).await?;
        }
        if let Err(failure) = examine(&token, tenant, cloud) {
            self.forget(cloud, tenant, &token);
            return Err(Error::new(Operation::Token, tenant, failure));
        }
        Ok(token.carries(ContentType::DlpAll.permission()))
    }

    /// Asks for a new token, whatever is in the cache, and puts it there. Also the login host's clock, if it answered.
    pub(crate) async fn renew(
        &self,
        tenant: TenantId,
        cloud: Cloud,
    ) -> (Result<Arc<Token>, Error>, Option<Timestamp>) {
        let mut date = None;
        let asked = self.ask(tenant, cloud, &mut date).await;
        let token = asked.map(|token| {
            let token = Arc::new(token);
            self.cache.put(cloud, tenant, Arc::clone(&token));
            token
        });
        (token, date)
    }

    /// Says if the token is for another tenant, or another API.
    pub(crate) fn mismatch(&self, token: &Token, tenant: TenantId, cloud: Cloud) -> Option<String> {
        let scope = cloud.scope();
        let resource = scope.trim_end_matches("/.default");
        token.claims.as_ref()?.mismatch(tenant, resource)
    }

    /// `POST {login}/{tenant}/oauth2/v2.0/token`. `date` becomes the login host's clock.
    async fn ask(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        date: &mut Option<Timestamp>,
    ) -> Result<Token, Error> {
        let fail = |failure| Error::new(Operation::Token, tenant, failure);
        let login_url = self.endpoints.login_url(cloud);
        let url = format!("{login_url}/{tenant}/oauth2/v2.0/token");
        let proof = self.proof(&url, cloud).await.map_err(fail)?;
        let client_id = self.client_id.to_string();
        let scope = cloud.scope();
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id.as_str()),
            ("scope", scope.as_str()),
            (proof.field, proof.value.expose_secret()),
        ];
        if proof.field == "client_assertion" {
            form.push(("client_assertion_type", ASSERTION_TYPE));
        }
        let asked_at = (self.clock)();
        let request = self
            .http
            .form_request(&url, &form)
            .ok_or_else(|| fail(Failure::Misuse("no token request can be made".to_owned())))?;
        let mut response = self.http.send(request).await.map_err(fail)?;
        *date = response.server_date();
        let status = response.status();
        if status != StatusCode::OK {
            let retry_after = response.retry_after(asked_at);
            let body = response.body_start(ERROR_BYTES_MAX).await;
            let secret = proof.value.expose_secret();
            // A gateway that echoes the request echoes the secret percent-encoded, as it was sent.
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            return Err(fail(error_body::read(
                Operation::Token,
                status.as_u16(),
                retry_after,
                &body,
                &[secret, encoded.as_str()],
            )));
        }
        let body = response.body(ANSWER_BYTES_MAX).await.map_err(fail)?;
        Token::read(&body, asked_at).map_err(|why| fail(Failure::Unreadable(why)))
    }

    async fn proof(&self, token_url: &str, cloud: Cloud) -> Result<Proof, Failure> {
        match &self.credential {
            Credential::Secret(secret) => Ok(Proof::secret(secret.clone())),
            Credential::SecretFrom(source) => {
                let secret = source().await.map_err(Failure::NoCredential)?;
                Ok(Proof::secret(secret))
            }
            Credential::Certificate(certificate) => self.sign(token_url, certificate),
            Credential::CertificateFrom(source) => {
                let pem = source().await.map_err(Failure::NoCredential)?;
                let certificate = Certificate::from_pem(&pem, pem.expose_secret())
                    .map_err(|error| Failure::Credential(error.to_string()))?;
                self.sign(token_url, &certificate)
            }
            Credential::Federated(source) => {
                let assertion = source(cloud).await.map_err(Failure::NoCredential)?;
                Ok(Proof::assertion(assertion))
            }
        }
    }

    /// An assertion of the application's own.
    fn sign(&self, token_url: &str, certificate: &Certificate) -> Result<Proof, Failure> {
        let id = Uuid::from_u128((self.random)());
        let now = (self.clock)();
        certificate
            .assertion(token_url, self.client_id, id, now)
            .map(Proof::assertion)
            .map_err(|error| Failure::Credential(error.to_string()))
    }
}

/// Whether the token is for this tenant and carries the permission, as far as it can be read.
fn examine(token: &Token, tenant: TenantId, cloud: Cloud) -> Result<(), Failure> {
    let Some(claims) = &token.claims else {
        return Ok(());
    };
    let scope = cloud.scope();
    let resource = scope.trim_end_matches("/.default");
    if let Some(mismatch) = claims.mismatch(tenant, resource) {
        return Err(Failure::Token(mismatch));
    }
    if token.lacks(FEED_PERMISSION) {
        return Err(Failure::Permission(FEED_PERMISSION));
    }
    Ok(())
}

impl Proof {
    fn secret(value: SecretString) -> Self {
        let field = "client_secret";
        Self { field, value }
    }

    fn assertion(value: SecretString) -> Self {
        let field = "client_assertion";
        Self { field, value }
    }
}
